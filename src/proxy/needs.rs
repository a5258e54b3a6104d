//! What the routes that could match need of the body, before it is read.
//!
//! A body is buffered only where a condition, a mapping or a protected operation looks at it;
//! every other streams past.

use crate::call::body::{Content, Reading};
use crate::call::trailers::Trailers;
use crate::call::{Body, Head, Malformed, screen};
use crate::case::Cause;
use crate::intent::routes::Candidate;
use crate::snapshot::{Route, Snapshot};
use crate::stage::Protection;
use http::Method;
use http::header::CONTENT_TYPE;

/// What the candidates need of the body.
pub(super) struct Needs {
    pub(super) buffer: Buffer,
    pub(super) overrides: Overrides,
    pub(super) trailers: Trailers,
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
        let protected = routes().any(|route| route.common().protection == Protection::Protected);
        let observed = routes().all(Route::wholly_observes);
        let content = conditions || routes().any(|route| route.mapping.reads_body());
        Needs {
            buffer: if content || protected { Buffer::Whole } else { Buffer::Stream },
            overrides: match head.method() == Method::POST && !observed && may_hold_fields(head) {
                true => Overrides::Refused,
                false => Overrides::Impossible,
            },
            trailers: match observed {
                true => Trailers::Dropped,
                false => Trailers::Checked(snapshot.reserved.clone()),
            },
            content,
            reading: if conditions || protected { Reading::Exact } else { Reading::Plain },
        }
    }

    /// What a body says that was read as these needs ask.
    ///
    /// # Errors
    /// It asks for another method.
    pub(super) fn settle(&self, head: &Head, body: &Body) -> Result<Content, Cause> {
        let content = self.content(head, body);
        match self.asks_for_another_method(body, &content) {
            true => Err(Cause::Malformed(Malformed::MethodOverride)),
            false => Ok(content),
        }
    }

    /// Whether the body makes the tool take another method: by its members where it is JSON, by
    /// its bytes where nobody read it.
    fn asks_for_another_method(&self, body: &Body, content: &Content) -> bool {
        match (&self.overrides, content) {
            (Overrides::Impossible, _) => false,
            (Overrides::Refused, Content::Json(value)) => screen::names_a_method(value),
            (Overrides::Refused, _) => body.whole().is_some_and(screen::asks_for_a_method),
        }
    }

    fn content(&self, head: &Head, body: &Body) -> Content {
        match body.whole() {
            Some(bytes) if self.content => Content::read(head.headers(), bytes, self.reading),
            _ => Content::None,
        }
    }
}

/// Media types that no framework takes fields from.
const OPAQUE: [&str; 8] = [
    "application/octet-stream",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "image/",
    "audio/",
    "video/",
    "font/",
];

/// Whether a framework could look for fields in the body: any type but the opaque ones, and none.
fn may_hold_fields(head: &Head) -> bool {
    let media = head.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default().to_ascii_lowercase();
    !OPAQUE.iter().any(|opaque| media.starts_with(opaque))
}
