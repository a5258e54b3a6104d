//! The hop of a trace that a `traceparent` names.
//!
//! gait makes a fresh one for every call, so that one names one call. Version and flags are left
//! out: they tell no two calls apart.

use std::fmt;

/// Characters of a `traceparent` of the only version that there is.
const CHARS: usize = 55;

/// Trace id and parent id of a W3C `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span([u8; 24]);

// === impl Span ===

impl Span {
    /// Reads `00-TRACE-PARENT-FLAGS`, as gait writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Span> {
        let mut parts = text.split('-');
        let [version, trace, parent, flags] =
            [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let shaped = text.len() == CHARS
            && parts.next().is_none()
            && [version.len(), trace.len(), parent.len(), flags.len()] == [2, 32, 16, 2]
            && version == "00"
            && is_hex(flags);
        let mut id = [0; 24];
        let digits = trace.bytes().chain(parent.bytes()).map(digit).collect::<Option<Vec<_>>>()?;
        let (pairs, _) = digits.as_chunks::<2>();
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = high * 16 + low;
        }
        shaped.then_some(Span(id))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, parent) = self.0.split_at(16);
        trace.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-")?;
        parent.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| digit(byte).is_some())
}

fn digit(byte: u8) -> Option<u8> {
    let small = !byte.is_ascii_uppercase();
    let digit = char::from(byte).to_digit(16).filter(|_| small)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_span_is_read_whatever_its_flags() {
        let span = Span::parse(TEXT).unwrap();
        assert_eq!(span.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7");
        assert_eq!(Span::parse(&TEXT.replace("-01", "-00")), Some(span));
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        for bad in [
            "",
            "-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b-01",
        ] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
        for around in [format!("x{TEXT}"), format!("{TEXT}-a"), format!("\"{TEXT}\"")] {
            assert_eq!(Span::parse(&around), None, "{around}");
        }
    }
}
