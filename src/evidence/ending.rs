//! How a call ended. A closed list, shaped so that an ending cannot contradict itself: there is
//! no status of a tool that was never sent anything, and no refusal of ours after bytes left.
//!
//! One struct of options (status, answered, sent, bytes) was rejected: most of its combinations
//! mean nothing, and one of them would have ended up in a log.

use http::StatusCode;

/// The one ending that every call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// We answered and sent nothing: a denial, a dry run, or a fault of ours.
    Answered {
        /// The status that the caller got.
        answered: StatusCode,
    },
    /// The tool answered, and the caller was given all of it.
    Completed(Exchange),
    /// The caller left first, or its body broke off.
    CallerGone(Reach),
    /// The tool broke off, or answered what is not HTTP.
    UpstreamReset(Cut),
    /// No connection to the tool could be made.
    ConnectFailed {
        /// The status that the caller got.
        answered: StatusCode,
    },
    /// A time-out of ours ran out.
    TimedOut(Cut),
    /// The record was dropped without an ending; the last reach told to it, if any.
    Abandoned(Option<Reach>),
    /// The record was dropped by a panic; the last reach told to it, if any.
    Panicked(Option<Reach>),
}

/// How far towards the tool and back a call had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// No byte had left for the tool.
    Unsent,
    /// Bytes had left, no head of an answer had come.
    Sent {
        /// Body bytes sent.
        request_bytes: u64,
    },
    /// The head of the tool's answer had come.
    Replied(Exchange),
}

/// What went to the tool and what came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The tool's status.
    pub status: StatusCode,
    /// Body bytes sent.
    pub request_bytes: u64,
    /// Body bytes that came back.
    pub response_bytes: u64,
}

/// Where the tool's side was cut. Once the tool's head has gone to the caller, no answer of ours
/// is possible any more; before, there always is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Before a byte left.
    Unsent {
        /// The status that the caller got.
        answered: StatusCode,
    },
    /// After bytes left, before a usable head came.
    NoReply {
        /// Body bytes sent.
        request_bytes: u64,
        /// The status that the caller got.
        answered: StatusCode,
    },
    /// In the midst of the tool's answer.
    MidReply(Exchange),
}

// === impl Ending ===

impl Ending {
    /// All words that [`Ending::as_str`] can give, for metric labels.
    pub const WORDS: [&'static str; 8] = [
        "answered",
        "completed",
        "caller_gone",
        "upstream_reset",
        "connect_failed",
        "timed_out",
        "abandoned",
        "panicked",
    ];

    /// The word used in evidence and metric labels.
    pub fn as_str(&self) -> &'static str {
        match self {
            Ending::Answered { .. } => "answered",
            Ending::Completed(_) => "completed",
            Ending::CallerGone(_) => "caller_gone",
            Ending::UpstreamReset(_) => "upstream_reset",
            Ending::ConnectFailed { .. } => "connect_failed",
            Ending::TimedOut(_) => "timed_out",
            Ending::Abandoned(_) => "abandoned",
            Ending::Panicked(_) => "panicked",
        }
    }

    /// How far the call came; `None` where nobody told.
    pub fn reach(&self) -> Option<Reach> {
        match *self {
            Ending::Answered { .. } | Ending::ConnectFailed { .. } => Some(Reach::Unsent),
            Ending::Completed(exchange) => Some(Reach::Replied(exchange)),
            Ending::CallerGone(reach) => Some(reach),
            Ending::UpstreamReset(cut) | Ending::TimedOut(cut) => Some(cut.reach()),
            Ending::Abandoned(reach) | Ending::Panicked(reach) => reach,
        }
    }

    /// Our own status, where the answer was ours.
    pub fn answered(&self) -> Option<StatusCode> {
        match *self {
            Ending::Answered { answered } | Ending::ConnectFailed { answered } => Some(answered),
            Ending::UpstreamReset(cut) | Ending::TimedOut(cut) => cut.answered(),
            _ => None,
        }
    }
}

// === impl Reach ===

impl Reach {
    /// Whether a byte left for the tool.
    pub fn is_sent(self) -> bool {
        self != Reach::Unsent
    }

    /// Body bytes sent, where any byte was.
    pub fn request_bytes(self) -> Option<u64> {
        match self {
            Reach::Unsent => None,
            Reach::Sent { request_bytes } => Some(request_bytes),
            Reach::Replied(exchange) => Some(exchange.request_bytes),
        }
    }

    /// What was exchanged, where the tool answered.
    pub fn exchange(self) -> Option<Exchange> {
        match self {
            Reach::Replied(exchange) => Some(exchange),
            Reach::Unsent | Reach::Sent { .. } => None,
        }
    }
}

// === impl Cut ===

impl Cut {
    fn reach(self) -> Reach {
        match self {
            Cut::Unsent { .. } => Reach::Unsent,
            Cut::NoReply { request_bytes, .. } => Reach::Sent { request_bytes },
            Cut::MidReply(exchange) => Reach::Replied(exchange),
        }
    }

    fn answered(self) -> Option<StatusCode> {
        match self {
            Cut::Unsent { answered } | Cut::NoReply { answered, .. } => Some(answered),
            Cut::MidReply(_) => None,
        }
    }
}
