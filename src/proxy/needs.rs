//! What the routes that could match need of the body, before it is read.
//!
//! A body is buffered only where a condition, a mapping or a protected operation looks at it;
//! every other streams past.

use crate::call::body::{Content, Reading};
use crate::call::{Body, Head};
use crate::intent::routes::Candidate;
use crate::snapshot::Snapshot;
use crate::stage::{Protection, Stage};
use http::Method;

/// What the candidates need of the body.
pub(super) struct Needs {
    pub(super) buffer: Buffer,
    pub(super) overrides: Overrides,
    content: bool,
    reading: Reading,
}

pub(super) enum Buffer {
    Whole,
    Stream,
}

/// Whether the body could make the tool take another method.
pub(super) enum Overrides {
    /// No framework looks for one there, or every route of its tool observes.
    Impossible,
    /// It is a POST.
    Refused,
}

impl Needs {
    pub(super) fn of(snapshot: &Snapshot, head: &Head, candidates: &[Candidate]) -> Needs {
        let routes = || candidates.iter().filter_map(|one| snapshot.table.get(one.route));
        let conditions = candidates.iter().any(|one| snapshot.routes.reads_body(one.route));
        let protected = routes().any(|route| route.lane.protection == Protection::Protected);
        let observed = routes().all(|route| route.unreadable.stage == Stage::Observe);
        let content = conditions || routes().any(|route| route.mapping.reads_body());
        Needs {
            buffer: if content || protected { Buffer::Whole } else { Buffer::Stream },
            overrides: match head.method() == Method::POST && !observed {
                true => Overrides::Refused,
                false => Overrides::Impossible,
            },
            content,
            reading: if conditions || protected { Reading::Exact } else { Reading::Plain },
        }
    }

    pub(super) fn content(&self, head: &Head, body: &Body) -> Content {
        match body.whole() {
            Some(bytes) if self.content => Content::read(head.headers(), bytes, self.reading),
            _ => Content::None,
        }
    }
}
