//! A clerk that holds letters, receivers that do as they are told, and what was told to whom.

mod places;

use super::*;
use crate::metrics::{Limits, Metrics};
use crate::sign::PrivateKey;
use crate::snapshot::WebhookTransport;
use crate::store::approvals::{Errand, Waiting};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn refused(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n")
}

/// Letters, when each is due, and what became of it.
#[derive(Clone, Default)]
struct Outbox(Arc<Mutex<Vec<Kept>>>);

/// Whether the store writes down what became of a letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    Writes,
    Full,
}

struct Kept {
    letter: Letter,
    due: Option<Timestamp>,
    became: Vec<Posted>,
}

impl Outbox {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Kept>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, webhook: &str, event: &str) {
        let body = format!(r#"{{"type":"{event}","data":{{}}}}"#).into();
        self.with(|kept| {
            let id = kept.len() as i64;
            let event_id = format!("event-{id}").into();
            let letter = Letter { id, event_id, webhook: webhook.into(), attempts: 0, body };
            kept.push(Kept { letter, due: Some(Timestamp::UNIX_EPOCH), became: Vec::new() });
        });
    }

    fn due(&self, webhook: &str, limit: usize) -> Vec<Letter> {
        let now = clock::now();
        self.with(|kept| {
            let of = kept.iter().filter(|kept| &*kept.letter.webhook == webhook);
            let due = of.filter(|kept| kept.due.is_some_and(|due| due <= now));
            due.map(|kept| kept.letter.clone()).take(limit).collect()
        })
    }

    fn posted(&self, id: i64, posted: Posted) {
        self.with(|kept| {
            let kept = &mut kept[id as usize];
            kept.became.push(posted);
            kept.due = None;
            if let Posted::Again(at) = posted {
                (kept.letter.attempts, kept.due) = (kept.letter.attempts + 1, Some(at));
            }
        });
    }

    /// Waits until nothing is left to be told.
    async fn empty(&self) {
        while self.with(|kept| kept.iter().any(|kept| kept.due.is_some())) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What became of each, by its end and the number of tries.
    fn ends(&self) -> Vec<(Posted, usize)> {
        let end = |kept: &Kept| (*kept.became.last().unwrap(), kept.became.len());
        self.with(|kept| kept.iter().map(end).collect())
    }
}

/// A desk over `outbox`, whose clerk runs with the set.
fn desk(outbox: &Outbox) -> (Desk, JoinSet<()>) {
    desk_on(outbox, Disk::Writes)
}

fn desk_on(outbox: &Outbox, disk: Disk) -> (Desk, JoinSet<()>) {
    let (orders, mut errands) = mpsc::unbounded_channel();
    let (mut clerk, outbox) = (JoinSet::new(), outbox.clone());
    clerk.spawn(async move {
        while let Some(errand) = errands.recv().await {
            match errand {
                Errand::Letters(webhook, limit, reply) => {
                    drop(reply.send(Ok(outbox.due(&webhook, limit))));
                }
                Errand::Posted { .. } if disk == Disk::Full => {}
                Errand::Posted { id, posted } => outbox.posted(id, posted),
                other => panic!("nobody asks for {other:?}"),
            }
        }
    });
    let gateway = PrivateKey::generate().unwrap().public();
    (Desk::new(orders, Arc::new(Waiting::default()), gateway), clerk)
}

/// A receiver, and what it was told.
struct Receiver {
    port: u16,
    told: mpsc::UnboundedReceiver<String>,
    _task: JoinSet<()>,
}

/// Gives these answers in turn, the last for ever; an empty one is none at all.
async fn receiver(answers: &[String]) -> Receiver {
    answering(answers, Then::Closes).await
}

/// Gives this answer, and never closes.
async fn hanging(answer: &String) -> Receiver {
    answering(std::slice::from_ref(answer), Then::Hangs).await
}

/// What a receiver does when it has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Closes,
    Hangs,
}

async fn answering(answers: &[String], then: Then) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (said, told) = mpsc::unbounded_channel();
    let mut answers: VecDeque<String> = answers.to_vec().into();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut hung = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            let read = stream.read(&mut request).await.unwrap();
            let _ = said.send(String::from_utf8_lossy(&request[..read]).into_owned());
            let answer = answers.pop_front().unwrap();
            if answers.is_empty() {
                answers.push_back(answer.clone());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() || then == Then::Hangs {
                hung.push(stream);
            }
        }
    });
    Receiver { port, told, _task: task }
}

impl Receiver {
    fn webhook(&self, name: &str) -> Webhook {
        Webhook {
            name: name.into(),
            url: format!("http://127.0.0.1:{}/hook?key=hidden", self.port).parse().unwrap(),
            secret: Zeroizing::new(vec![7; 32]),
            events: Vec::new(),
            ca: None,
            transport: WebhookTransport::Plain,
            timeout: Duration::from_secs(5),
        }
    }

    /// The ids of the events that it was told so far, in order.
    fn ids(&mut self) -> Vec<String> {
        let told = std::iter::from_fn(|| self.told.try_recv().ok());
        told.map(|told| field(&told, "webhook-id").to_owned()).collect()
    }
}

fn field<'t>(told: &'t str, name: &str) -> &'t str {
    let line = |line: &'t str| line.split_once(": ").filter(|(have, _)| *have == name);
    told.lines().find_map(line).unwrap_or_else(|| panic!("no {name} in {told}")).1
}

fn metrics() -> Metrics {
    Metrics::new(Limits { series_max: 1_000 }, &[])
}

/// Tells again after milliseconds, and a tenth of a second at most.
fn teller(desk: &Desk, metrics: &Metrics, name: &str) -> Teller {
    let patience = Patience {
        first: Duration::from_millis(5),
        longest: Duration::from_millis(100),
        tries: 4,
        ..Patience::default()
    };
    Teller { patience, ..Teller::new(desk.clone(), metrics.webhook(&name.into())) }
}

/// Goes round until the outbox is empty.
async fn tell_all(mut teller: Teller, webhook: Webhook, outbox: &Outbox) {
    let webhook = Arc::new(webhook);
    let rounds = async {
        loop {
            teller.round(&webhook, &[]).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        () = outbox.empty() => {}
        () = rounds => {}
        () = tokio::time::sleep(Duration::from_secs(10)) => panic!("it does not end"),
    }
}

fn counted(metrics: &Metrics, outcome: &str) -> u64 {
    let text = metrics.render();
    let is_it = |line: &&str| line.starts_with("gait_webhook_deliveries") && line.contains(outcome);
    text.lines().find(is_it).unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_letter_is_told_as_the_standard_wants_it() {
    let (outbox, metrics) = (Outbox::default(), metrics());
    let (desk, _clerk) = desk(&outbox);
    outbox.put("chat", "approval.requested");
    let mut receiver = receiver(&[OK.to_owned()]).await;
    tell_all(teller(&desk, &metrics, "chat"), receiver.webhook("chat"), &outbox).await;
    let told = receiver.told.recv().await.unwrap();
    assert!(told.starts_with("POST /hook?key=hidden HTTP/1.1\r\n"), "{told}");
    assert!(told.ends_with("\r\n\r\n{\"type\":\"approval.requested\",\"data\":{}}"), "{told}");
    assert_eq!(field(&told, "content-type"), "application/json");
    assert_eq!(field(&told, "user-agent"), concat!("gait/", env!("CARGO_PKG_VERSION")));
    assert_eq!(field(&told, "webhook-id"), "event-0");
    let seconds: i64 = field(&told, "webhook-timestamp").parse().unwrap();
    assert!((clock::now().as_second() - seconds).abs() < 30);
    let body = told.split_once("\r\n\r\n").unwrap().1;
    let want = signature::signature(&[7; 32], "event-0", seconds, body).unwrap();
    assert_eq!(field(&told, "webhook-signature"), want);
    assert_eq!(outbox.ends(), [(Posted::Taken, 1)]);
    assert_eq!(counted(&metrics, "taken"), 1);
}

#[tokio::test]
async fn what_is_not_taken_is_told_again_with_the_same_id() {
    let (outbox, metrics) = (Outbox::default(), metrics());
    let (desk, _clerk) = desk(&outbox);
    (0..3).for_each(|_| outbox.put("chat", "approval.requested"));
    let script =
        [refused("500 Oops", ""), refused("302 Found", "Location: /other\r\n"), OK.to_owned()];
    let mut receiver = receiver(&script).await;
    tell_all(teller(&desk, &metrics, "chat"), receiver.webhook("chat"), &outbox).await;
    let mut ids = receiver.ids();
    assert_eq!(ids.len(), 5, "three letters, and two tries in vain: {ids:?}");
    assert_eq!(ids.first().map(String::as_str), Some("event-0"));
    ids.sort();
    ids.dedup();
    assert_eq!(ids, ["event-0", "event-1", "event-2"]);
    assert!(outbox.ends().iter().all(|(end, _)| *end == Posted::Taken), "{:?}", outbox.ends());
    assert_eq!((counted(&metrics, "taken"), counted(&metrics, "failed")), (3, 2));
}

#[tokio::test]
async fn who_never_takes_it_is_given_up_and_who_is_gone_at_once() {
    for (answer, tries) in [("500 Oops", 4), ("404 Not Found", 4), ("410 Gone", 1)] {
        let (outbox, metrics) = (Outbox::default(), metrics());
        let (desk, _clerk) = desk(&outbox);
        outbox.put("chat", "approval.requested");
        let mut receiver = receiver(&[refused(answer, "")]).await;
        tell_all(teller(&desk, &metrics, "chat"), receiver.webhook("chat"), &outbox).await;
        assert_eq!(outbox.ends(), [(Posted::GivenUp, tries)]);
        assert_eq!(receiver.ids().len(), tries);
        assert_eq!(counted(&metrics, "given_up"), 1);
        assert_eq!(counted(&metrics, "failed"), tries as u64 - 1);
    }
}

#[tokio::test]
async fn a_webhook_that_asks_for_rest_gets_it_for_all_its_letters() {
    let (outbox, metrics) = (Outbox::default(), metrics());
    let (desk, _clerk) = desk(&outbox);
    (0..2).for_each(|_| outbox.put("chat", "approval.requested"));
    let busy = refused("429 Too Many Requests", "Retry-After: 3\r\n");
    let mut receiver = receiver(&[busy, OK.to_owned()]).await;
    let patience = Patience { first: Duration::from_millis(5), ..Patience::default() };
    let mut teller = Teller { patience, ..teller(&desk, &metrics, "chat") };
    let webhook = Arc::new(receiver.webhook("chat"));
    assert_eq!(teller.round(&webhook, &[]).await, Round::Idle);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(teller.round(&webhook, &[]).await, Round::Idle);
    assert_eq!(receiver.ids(), ["event-0"]);
    // Whoever mends the config is not made to wait for what was wrong before.
    let mended = Webhook { timeout: Duration::from_secs(4), ..(*webhook).clone() };
    teller.round(&Arc::new(mended), &[]).await;
    assert_eq!(receiver.ids(), ["event-1"]);
}

#[tokio::test]
async fn only_events_that_were_asked_for_are_told() {
    let (outbox, metrics) = (Outbox::default(), metrics());
    let (desk, _clerk) = desk(&outbox);
    outbox.put("chat", "approval.requested");
    outbox.put("chat", "approval.executed");
    let mut receiver = receiver(&[OK.to_owned()]).await;
    let events = vec!["approval.executed".to_owned()];
    let webhook = Webhook { events, ..receiver.webhook("chat") };
    tell_all(teller(&desk, &metrics, "chat"), webhook, &outbox).await;
    assert_eq!(receiver.ids(), ["event-1"]);
    assert_eq!(outbox.ends(), [(Posted::Taken, 1); 2]);
    assert_eq!(counted(&metrics, "taken"), 1);
}

#[tokio::test]
async fn one_that_never_answers_delays_no_other() {
    let (outbox, metrics) = (Outbox::default(), metrics());
    let (desk, _clerk) = desk(&outbox);
    (0..40).for_each(|_| outbox.put("dead", "approval.requested"));
    (0..40).for_each(|_| outbox.put("live", "approval.requested"));
    let (dead, mut live) = (receiver(&[String::new()]).await, receiver(&[OK.to_owned()]).await);
    let mut both = JoinSet::new();
    for (name, receiver) in [("dead", &dead), ("live", &live)] {
        let (mut teller, webhook) =
            (teller(&desk, &metrics, name), Arc::new(receiver.webhook(name)));
        both.spawn(async move {
            loop {
                teller.round(&webhook, &[]).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    let told = async {
        for number in 40..80 {
            let told = live.told.recv().await.unwrap();
            assert_eq!(field(&told, "webhook-id"), format!("event-{number}"), "in their order");
        }
    };
    tokio::time::timeout(Duration::from_secs(4), told).await.expect("sooner than the time-out");
}

#[tokio::test]
async fn an_answer_is_not_waited_for_for_ever_and_not_read_for_long() {
    let (outbox, metrics) = (Outbox::default(), metrics());
    let (desk, _clerk) = desk(&outbox);
    outbox.put("chat", "approval.requested");
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000));
    let mut receiver = receiver(&[String::new(), endless]).await;
    let webhook = Webhook { timeout: Duration::from_secs(1), ..receiver.webhook("chat") };
    tell_all(teller(&desk, &metrics, "chat"), webhook, &outbox).await;
    assert_eq!(outbox.ends(), [(Posted::Taken, 2)]);
    assert_eq!(receiver.ids(), ["event-0", "event-0"]);
}

#[tokio::test]
async fn what_was_taken_is_not_told_again_while_the_store_cannot_write_it_down() {
    let (outbox, metrics) = (Outbox::default(), metrics());
    let (desk, _clerk) = desk_on(&outbox, Disk::Full);
    (0..20).for_each(|_| outbox.put("chat", "approval.requested"));
    let mut receiver = receiver(&[OK.to_owned()]).await;
    let (mut teller, webhook) =
        (teller(&desk, &metrics, "chat"), Arc::new(receiver.webhook("chat")));
    for _ in 0..5 {
        teller.round(&webhook, &[]).await;
    }
    let wanted: Vec<String> = (0..16).map(|number| format!("event-{number}")).collect();
    assert_eq!(receiver.ids(), wanted);
    assert_eq!(teller.round(&webhook, &[]).await, Round::Idle, "nothing is to be had in haste");
}

#[tokio::test]
async fn a_status_is_an_answer_though_its_body_never_ends() {
    let (outbox, metrics) = (Outbox::default(), metrics());
    let (desk, _clerk) = desk(&outbox);
    outbox.put("chat", "approval.requested");
    let drips = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx".to_owned();
    let mut receiver = hanging(&drips).await;
    let webhook = Webhook { timeout: Duration::from_secs(1), ..receiver.webhook("chat") };
    tell_all(teller(&desk, &metrics, "chat"), webhook, &outbox).await;
    assert_eq!(outbox.ends(), [(Posted::Taken, 1)]);
    assert_eq!(receiver.ids(), ["event-0"]);
}
