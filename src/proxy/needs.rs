//! What the routes that could match need of the body, before it is read.
//!
//! A body is buffered only where a condition, a mapping or a protected operation looks at it;
//! every other streams past.

use crate::call::body::{Content, Reading};
use crate::call::{Body, Head};
use crate::intent::routes::Candidate;
use crate::snapshot::Snapshot;
use crate::stage::Protection;

/// What the candidates need of the body.
pub(super) struct Needs {
    pub(super) buffer: Buffer,
    content: bool,
    reading: Reading,
}

pub(super) enum Buffer {
    Whole,
    Stream,
}

impl Needs {
    pub(super) fn of(snapshot: &Snapshot, candidates: &[Candidate]) -> Needs {
        let routes = || candidates.iter().filter_map(|one| snapshot.table.get(one.route));
        let conditions = candidates.iter().any(|one| snapshot.routes.reads_body(one.route));
        let protected = routes().any(|route| route.lane.protection == Protection::Protected);
        let content = conditions || routes().any(|route| route.mapping.reads_body());
        Needs {
            buffer: if content || protected { Buffer::Whole } else { Buffer::Stream },
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
