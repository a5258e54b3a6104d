//! What the evidence keeps of an intent.
//!
//! Whatever a route captures, nothing that looks like a credential is kept, and what was taken away
//! is named. The digests beside it are of the whole intent.

use crate::evidence::Kept;
use crate::intent::Intent;
use crate::intent::conceal::{Concealed, Concealing};
use crate::json::guarded;
use crate::snapshot::{Capture, Lane};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// No longer intent is kept in the evidence, its masks' names included: lines wait in memory,
/// thousands at once.
const KEPT_BYTES_MAX: usize = 16 << 10;

/// The intent as its line holds it; `None` where that holds digests alone.
pub(super) fn kept(intent: &Intent, lane: &Lane) -> Option<Kept> {
    let masks = match lane.capture {
        Capture::Digest => return None,
        Capture::Masked => &lane.approval.masks[..],
        Capture::Full => &[],
    };
    let whole = write(intent)?;
    if masks.is_empty() && whole.get().len() > KEPT_BYTES_MAX {
        return Some(Kept::TooLong { bytes: whole.get().len() });
    }
    let mut concealing = Concealing::of(intent)?;
    concealing.mask(masks);
    // What is left is looked through only where it may be kept.
    let left = write(concealing.document())?.get().len();
    if left > KEPT_BYTES_MAX {
        return Some(Kept::TooLong { bytes: left });
    }
    let Concealed { document, masked, pointer_bytes, .. } = concealing.finish();
    if masked.is_empty() {
        return Some(Kept::Intent { text: whole, masked: Arc::default() });
    }
    let text = write(&document)?;
    let bytes = text.get().len() + pointer_bytes;
    Some(match bytes > KEPT_BYTES_MAX {
        true => Kept::TooLong { bytes },
        false => Kept::Intent { text, masked: masked.into() },
    })
}

fn write(document: &impl Serialize) -> Option<Arc<RawValue>> {
    // Raw text goes into the line as it stands, so it is guarded here.
    RawValue::from_string(guarded::to_text(document).ok()?).ok().map(Arc::from)
}
