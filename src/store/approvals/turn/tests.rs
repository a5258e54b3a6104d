//! How requests live, at times that the test chooses; the file is opened anew for every turn.

use super::super::shelf::{Fault, Shelf};
use super::super::sqlite::{Past, Place};
use super::super::tests::kit::{HOUR, asking, folder, petition, sanction_at, saying, words};
use super::super::*;
use super::{Before, Change, Office, Orphans, Turn, What};
use crate::approval::{Petition, Proof, State};
use crate::sign::{PrivateKey, PublicKey};
use std::collections::HashMap;
use std::time::Duration;
use tempfile::TempDir;

const MINUTE: Duration = Duration::from_secs(60);

/// A store without a clerk, at a time.
pub(super) struct Desktop {
    pub(super) now: Timestamp,
    pub(super) changes: Vec<Change>,
    pub(super) gateway: PublicKey,
    office: Office,
    folder: TempDir,
}

impl Desktop {
    pub(super) fn new() -> Desktop {
        let signer = PrivateKey::generate().unwrap();
        Desktop {
            now: "2026-03-01T12:00:00Z".parse().unwrap(),
            changes: Vec::new(),
            gateway: signer.public(),
            office: Office { signer, rules: None, asked: HashMap::new() },
            folder: folder(),
        }
    }

    pub(super) fn turn<T>(
        &mut self,
        orphans: Orphans,
        work: impl FnOnce(&mut Turn<'_>) -> Result<T, Fault>,
    ) -> T {
        let mut shelf = self.shelf();
        let mut turn = Turn::new(&mut shelf, &mut self.office, self.now);
        let done = turn.whole(&Before { orphans, unsettled: &[] }, work).unwrap();
        self.changes.extend(turn.changes());
        done
    }

    fn shelf(&self) -> impl Shelf + use<> {
        let path = self.folder.path().join("approvals.db");
        Place::new(path, Past::None).open(self.now).unwrap()
    }

    pub(super) fn does<T>(&mut self, work: impl FnOnce(&mut Turn<'_>) -> Result<T, Fault>) -> T {
        self.turn(Orphans::SeenTo, work)
    }

    pub(super) fn ask(&mut self, petition: &Petition) -> Standing {
        let ask = asking(petition);
        self.does(|turn| turn.ask(&ask)).unwrap()
    }

    pub(super) fn says(
        &mut self,
        word: Word,
        who: &str,
        id: &RequestId,
        holds: Duration,
    ) -> Result<Resolved, Conflict> {
        let version = self.entry(id).version;
        let resolve = Resolve { holds, ..saying(word, who, id, version) };
        self.does(|turn| turn.resolve(&resolve))
    }

    pub(super) fn entry(&mut self, id: &RequestId) -> Entry {
        self.entries(std::slice::from_ref(id)).remove(0)
    }

    /// As they stand now; nothing of the look is written.
    pub(super) fn entries(&mut self, ids: &[RequestId]) -> Vec<Entry> {
        let mut shelf = self.shelf();
        shelf.begin().unwrap();
        let mut turn = Turn::new(&mut shelf, &mut self.office, self.now);
        ids.iter().map(|id| turn.current(id).unwrap().unwrap().entry).collect()
    }

    fn sweep(&mut self) {
        self.does(|turn| turn.sweep().map(drop));
        self.office.asked.clear();
    }

    fn wal_bytes(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("approvals.db-wal")).map_or(0, |file| file.len())
    }
}

#[test]
fn a_request_waits_as_long_as_it_is_open_and_no_longer() {
    let mut desktop = Desktop::new();
    let petition = petition("a", "bot", 1);
    let id = desktop.ask(&petition).id;
    desktop.now += HOUR - MINUTE;
    assert_eq!(desktop.ask(&petition).id, id);
    desktop.now += MINUTE;
    let next = desktop.ask(&petition);
    assert_ne!(next.id, id);
    assert_eq!(next.before, Some(State::Expired));
    let error = desktop.says(Word::Grant, "ada", &id, HOUR).unwrap_err();
    assert_eq!(error, Conflict::Over(State::Expired));
}

#[test]
fn a_grant_holds_as_long_as_it_says_and_the_request_waits_again() {
    let mut desktop = Desktop::new();
    let petition = petition("a", "bot", 1);
    let id = desktop.ask(&petition).id;
    desktop.says(Word::Grant, "ada", &id, MINUTE).unwrap();
    let standing = desktop.ask(&petition);
    let sanction =
        sanction_at(&petition, &words(&standing), &desktop.gateway, desktop.now).unwrap();
    desktop.now += MINUTE;
    let claiming = Claiming { id: id.clone(), call_id: "call".into(), sanction };
    let late = desktop.does(|turn| turn.claim(&claiming));
    assert_eq!(late, Err(Unclaimed::Over), "what was looked at a minute ago is over");
    let standing = desktop.ask(&petition);
    assert_eq!((standing.id, standing.state), (id.clone(), State::Pending));
    assert!(standing.grants.is_empty());
    // Who granted before may grant again.
    let granted = desktop.says(Word::Grant, "ada", &id, 2 * HOUR).unwrap();
    assert_eq!(granted.entry.state, State::Approved);
    assert_eq!(granted.entry.expires_at, desktop.now + 2 * HOUR, "as long as the grant holds");
}

#[test]
fn the_end_of_a_grant_that_others_outlast_changes_nothing() {
    let mut desktop = Desktop::new();
    let petition = petition("a", "bot", 1);
    let id = desktop.ask(&petition).id;
    desktop.says(Word::Grant, "ada", &id, MINUTE).unwrap();
    desktop.says(Word::Grant, "bob", &id, 2 * MINUTE).unwrap();
    let version = desktop.entry(&id).version;
    for _ in 0..2 {
        desktop.now += MINUTE - Duration::from_secs(1);
        desktop.sweep();
        desktop.sweep();
    }
    let entry = desktop.entry(&id);
    assert_eq!((entry.state, entry.version), (State::Approved, version));
    desktop.now += MINUTE;
    desktop.sweep();
    assert_eq!(desktop.entry(&id).state, State::Pending);
}

#[test]
fn a_no_holds_for_as_long_as_the_request_would_have() {
    let mut desktop = Desktop::new();
    let petition = petition("a", "bot", 1);
    let id = desktop.ask(&petition).id;
    desktop.now += HOUR / 2;
    desktop.says(Word::Deny, "ada", &id, HOUR).unwrap();
    desktop.now += HOUR - MINUTE;
    assert_eq!(desktop.ask(&petition).id, id);
    desktop.now += MINUTE;
    let next = desktop.ask(&petition);
    assert_eq!((next.state, next.before), (State::Pending, Some(State::Denied)));
}

#[test]
fn words_that_come_back_late_are_over() {
    let mut desktop = Desktop::new();
    let petition = petition("a", "bot", 1);
    let id = desktop.ask(&petition).id;
    desktop.says(Word::Grant, "ada", &id, HOUR).unwrap();
    let standing = desktop.ask(&petition);
    let sanction =
        sanction_at(&petition, &words(&standing), &desktop.gateway, desktop.now).unwrap();
    let claiming = Claiming { id: id.clone(), call_id: "call".into(), sanction };
    desktop.does(|turn| turn.claim(&claiming)).unwrap();
    desktop.now += 2 * HOUR;
    desktop.sweep();
    assert_eq!(desktop.entry(&id).state, State::Running, "a call that runs is not over");
    desktop.does(|turn| turn.settle("call", &Ended::Unsent));
    assert_eq!(desktop.entry(&id).state, State::Expired);
    desktop.does(|turn| turn.settle("call", &Ended::Unknown));
    desktop.does(|turn| turn.settle("another", &Ended::Unknown));
    assert_eq!(desktop.entry(&id).state, State::Expired);
}

#[test]
fn only_a_caller_that_proves_nothing_is_handed_a_token() {
    let mut desktop = Desktop::new();
    let mut petition = petition("a", "bot", 1);
    petition.requester.proof = Proof::Unproven;
    let id = desktop.ask(&petition).id;
    let token = desktop.says(Word::Grant, "ada", &id, HOUR).unwrap().token.unwrap();
    let token = crate::approval::Token::read(token.as_bytes()).unwrap();
    assert_eq!((token.approver_identity(), token.reason_code()), ("ada", "approved"));
    let shown = TokenShown { id: token.token_id().to_owned(), created_at: token.created_at() };
    let ask = Ask { tokens: vec![shown], ..asking(&petition) };
    let known = desktop.does(|turn| turn.ask(&ask)).unwrap().known;
    assert_eq!(known, [(token.token_id().to_owned(), Known::Recorded("ada@desk".into()))]);
    desktop.says(Word::Deny, "bob", &id, HOUR).unwrap();
    let known = desktop.does(|turn| turn.ask(&ask)).unwrap().known;
    assert_eq!(known, [], "a no takes it back");
}

#[test]
fn to_ask_again_writes_nothing_until_the_sweep() {
    let mut desktop = Desktop::new();
    let petition = petition("a", "bot", 1);
    // Held open, so that closing does not empty the log.
    let _held = desktop.shelf();
    let id = desktop.ask(&petition).id;
    let before = desktop.wal_bytes();
    assert!(before > 0);
    for _ in 0..20 {
        desktop.now += MINUTE / 60;
        desktop.ask(&petition);
    }
    assert_eq!(desktop.wal_bytes(), before);
    let entry = desktop.entry(&id);
    assert_eq!((entry.asked, entry.asked_at), (21, desktop.now));
    desktop.sweep();
    assert_eq!(desktop.entry(&id).asked, 21);
    assert!(desktop.wal_bytes() > before);
}

#[test]
fn what_ended_is_forgotten_when_config_says_so() {
    let mut desktop = Desktop::new();
    let (old, denied) = (petition("a", "bot", 1), petition("b", "bot", 1));
    desktop.ask(&old);
    let id = desktop.ask(&denied).id;
    desktop.says(Word::Deny, "ada", &id, HOUR).unwrap();
    desktop.now += 3 * HOUR;
    desktop.sweep();
    desktop.now += 3 * HOUR;
    desktop.sweep();
    let all = |desktop: &mut Desktop| {
        let filter = Filter { limit: 10, ..Filter::default() };
        desktop.does(|turn| turn.list(filter)).entries.len()
    };
    assert_eq!(all(&mut desktop), 2, "without a config nothing is forgotten");
    desktop.office.rules = Some(Rules {
        pending_max: 10,
        pending_per_identity_max: 10,
        retention: 4 * HOUR,
        webhooks: Vec::new(),
    });
    desktop.sweep();
    assert_eq!(all(&mut desktop), 1);
    desktop.now += 2 * HOUR;
    desktop.sweep();
    assert_eq!(all(&mut desktop), 0);
}

#[test]
fn every_webhook_is_told_what_happened_until_it_takes_it() {
    let mut desktop = Desktop::new();
    let rules = |webhooks: &[&str]| Rules {
        pending_max: 10,
        pending_per_identity_max: 10,
        retention: 24 * HOUR,
        webhooks: webhooks.iter().map(|name| (*name).into()).collect(),
    };
    desktop.office.rules = Some(rules(&["chat", "pager"]));
    let id = desktop.ask(&petition("a", "bot", 1)).id;
    desktop.says(Word::Grant, "ada", &id, HOUR).unwrap();
    let due = |desktop: &mut Desktop| {
        let of = |webhook| desktop.does(|turn| turn.letters(webhook, 10));
        let mut letters: Vec<_> = ["chat", "pager"].into_iter().flat_map(of).collect();
        letters.sort_by_key(|letter| letter.id);
        letters
    };
    let letters = due(&mut desktop);
    let told: Vec<&str> = letters.iter().map(|letter| &*letter.webhook).collect();
    assert_eq!(told, ["chat", "pager", "chat", "pager"]);
    assert_eq!(letters[0].event_id, letters[1].event_id);
    let body: serde_json::Value = serde_json::from_str(&letters[3].body).unwrap();
    assert_eq!(body["type"], "approval.granted");
    assert_eq!(body["timestamp"], "2026-03-01T12:00:00Z");
    assert_eq!(body["data"]["granted_by"], serde_json::json!(["ada"]));
    assert_eq!(body["data"]["path"], "/a");

    let again = Posted::Again(desktop.now + MINUTE);
    desktop.does(|turn| turn.posted(letters[0].id, again));
    desktop.does(|turn| turn.posted(letters[1].id, Posted::Taken));
    let due = |desktop: &mut Desktop| {
        due(desktop).iter().map(|letter| (letter.id, letter.attempts)).collect::<Vec<_>>()
    };
    assert_eq!(due(&mut desktop), [(letters[2].id, 0), (letters[3].id, 0)]);
    desktop.now += MINUTE;
    assert_eq!(due(&mut desktop).first(), Some(&(letters[0].id, 1)));
    desktop.office.rules = Some(rules(&["pager"]));
    desktop.sweep();
    desktop.office.rules = Some(rules(&["chat", "pager"]));
    assert_eq!(due(&mut desktop), [(letters[3].id, 0)], "what nobody is told is dropped");
    desktop.now += 8 * 24 * HOUR;
    desktop.sweep();
    let young = due(&mut desktop);
    assert!(young.iter().all(|(id, _)| *id > letters[3].id), "{young:?}");
}

#[test]
fn a_webhook_is_told_its_own_letters_oldest_first() {
    let mut desktop = Desktop::new();
    desktop.office.rules = Some(Rules {
        pending_max: 100,
        pending_per_identity_max: 100,
        retention: HOUR,
        webhooks: vec!["dead".into(), "live".into()],
    });
    for number in 0..8 {
        desktop.ask(&petition(&format!("p{number}"), "bot", 1));
    }
    let letters = desktop.does(|turn| turn.letters("live", 4));
    assert_eq!(letters.len(), 4);
    assert!(letters.iter().all(|letter| &*letter.webhook == "live"), "{letters:?}");
    assert!(letters.is_sorted_by_key(|letter| letter.id));
}

#[test]
fn the_revision_rises_with_every_change_and_with_nothing_else() {
    let mut desktop = Desktop::new();
    let petition = petition("a", "bot", 1);
    let revision =
        |desktop: &mut Desktop| desktop.does(|turn| turn.list(Filter::default())).revision;
    let first = revision(&mut desktop);
    let id = desktop.ask(&petition).id;
    let asked = revision(&mut desktop);
    assert!(asked > first);
    desktop.ask(&petition);
    desktop.sweep();
    assert_eq!(revision(&mut desktop), asked);
    desktop.says(Word::Grant, "ada", &id, MINUTE).unwrap();
    let granted = revision(&mut desktop);
    assert!(granted > asked);
    desktop.now += MINUTE;
    desktop.sweep();
    assert!(revision(&mut desktop) > granted, "a grant that ended is a change");
}

#[test]
fn lists_are_cut_by_state_and_tool_and_go_on_where_they_ended() {
    let mut desktop = Desktop::new();
    let mut ids: Vec<RequestId> = (0..5)
        .map(|number| {
            let mut petition = petition(&format!("p{number}"), "bot", 1);
            petition.tool_name = if number == 2 { "other".into() } else { "files.delete".into() };
            desktop.ask(&petition).id
        })
        .collect();
    ids.reverse();
    desktop.says(Word::Deny, "ada", &ids[0], HOUR).unwrap();
    let mut list = |states: &[State], tool: Option<&str>, before: Option<&RequestId>| {
        let filter = Filter {
            states: states.to_vec(),
            tool_name: tool.map(str::to_owned),
            before: before.cloned(),
            limit: 2,
        };
        let page = desktop.does(|turn| turn.list(filter));
        (page.entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(list(&[], None, None), (ids[..2].to_vec(), Some(ids[1].clone())));
    assert_eq!(list(&[], None, Some(&ids[1])), (ids[2..4].to_vec(), Some(ids[3].clone())));
    assert_eq!(list(&[], None, Some(&ids[3])), (ids[4..].to_vec(), None));
    assert_eq!(list(&[State::Denied], None, None), (ids[..1].to_vec(), None));
    let both = list(&[State::Denied, State::Pending], None, None);
    assert_eq!(both, (ids[..2].to_vec(), Some(ids[1].clone())));
    assert_eq!(list(&[State::Pending], Some("other"), None), (vec![ids[2].clone()], None));
    assert_eq!(list(&[], None, Some(&RequestId::of([0; 12]))), (vec![], None));
}

#[test]
fn a_wait_is_counted_once_from_request_to_last_yes() {
    let mut desktop = Desktop::new();
    let id = desktop.ask(&petition("a", "bot", 2)).id;
    for who in ["ada", "bob", "cyd"] {
        desktop.now += MINUTE;
        desktop.says(Word::Grant, who, &id, HOUR).unwrap();
    }
    let waits = desktop.changes.iter().filter_map(|change| match change.what {
        What::Granted { waited } => Some(waited),
        _ => None,
    });
    assert_eq!(waits.collect::<Vec<_>>(), [None, Some(2 * MINUTE), None]);
}
