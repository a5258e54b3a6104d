//! One errand after the other, each with the answer that is given once it is durable.

use super::super::Claim;
use super::super::desk::{Errand, Orders, Reply};
use super::super::shelf::Fault;
use super::super::turn::Turn;

/// Tells whoever asked. Dropped instead, it tells them that the store is down.
pub(super) type Answer = Box<dyn FnOnce() + Send>;

/// Does all errands; those that are refused get no answer.
pub(super) fn all(
    turn: &mut Turn<'_>,
    errands: Vec<Errand>,
    orders: &Orders,
) -> Result<Vec<Answer>, Fault> {
    let mut answers = Vec::new();
    for errand in errands {
        answers.extend(turn.apart(|turn| one(turn, errand, orders))?.flatten());
    }
    Ok(answers)
}

fn one(turn: &mut Turn<'_>, errand: Errand, orders: &Orders) -> Result<Option<Answer>, Fault> {
    match errand {
        Errand::Ask(ask, reply) => answered(reply, || turn.ask(&ask)),
        Errand::Recall(tokens, intents, reply) => {
            answered(reply, || turn.recall(&tokens, &intents).map(Ok))
        }
        Errand::Claim(claiming, reply) => {
            if reply.is_closed() {
                return Ok(None);
            }
            let taken = turn.claim(&claiming)?;
            let orders = orders.clone();
            // Where nobody takes the claim, its drop gives the words back.
            Ok(Some(Box::new(move || {
                drop(reply.send(taken.map(|()| Claim::new(*claiming, orders))));
            })))
        }
        Errand::Resolve(resolve, reply) => answered(reply, || turn.resolve(&resolve).map(Ok)),
        Errand::List(filter, reply) => answered(reply, || turn.list(filter).map(Ok)),
        Errand::Show(id, reply) => answered(reply, || turn.show(&id).map(Ok)),
        Errand::Precedent(id, reply) => answered(reply, || turn.precedent(&id).map(Ok)),
        Errand::Letters(webhook, limit, reply) => {
            answered(reply, || turn.letters(&webhook, limit).map(Ok))
        }
        Errand::Posted { id, posted } => turn.posted(id, posted).map(|()| None),
        // Sorted out before: they must not wait for a shelf.
        Errand::Settle { .. } | Errand::Rules(_) | Errand::Stop => Ok(None),
    }
}

/// Does the work of one who still waits for it.
fn answered<T: Send + 'static>(
    reply: Reply<T>,
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<Option<Answer>, Fault> {
    if reply.is_closed() {
        return Ok(None);
    }
    let said = work()?;
    Ok(Some(Box::new(move || drop(reply.send(said)))))
}
