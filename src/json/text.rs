//! JSON text that is written as it stands.

/// As many bytes are looked at in one go; the compiler makes a few vector instructions of it.
const BLOCK_BYTES: usize = 32;

/// How many bytes at the start of `text` are neither a quote nor a backslash nor a control
/// character: those that canonical form writes as they are, and that cannot end a string.
pub(super) fn plain_bytes(text: &[u8]) -> usize {
    let (blocks, _) = text.as_chunks::<BLOCK_BYTES>();
    // No early end within a block: the branch would cost more than the rest of it.
    let is_clean = |block: &&[u8; BLOCK_BYTES]| block.iter().fold(true, |all, b| all & is_plain(b));
    let clean = blocks.iter().take_while(is_clean).count() * BLOCK_BYTES;
    let rest = text.get(clean..).unwrap_or_default();
    clean + rest.iter().take_while(|byte| is_plain(byte)).count()
}

/// Writes a JSON string with the escapes that RFC 8785 asks for, which are serde_json's.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) -> serde_json::Result<()> {
    if plain_bytes(text.as_bytes()) < text.len() {
        return serde_json::to_writer(out, text);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

fn is_plain(byte: &u8) -> bool {
    (*byte >= b' ') & (*byte != b'"') & (*byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::{plain_bytes, write_text};

    #[test]
    fn the_first_byte_that_is_not_plain_is_found_wherever_it_stands() {
        for length in 0..100 {
            let text = "é".repeat(length);
            assert_eq!(plain_bytes(text.as_bytes()), text.len());
            for odd in ["\"", "\\", "\n", "\0", "\u{1f}"] {
                for place in [0, length / 2, length] {
                    let text = ["x".repeat(place).as_str(), odd, &"y".repeat(length)].concat();
                    assert_eq!(plain_bytes(text.as_bytes()), place, "{length} {odd:?}");
                }
            }
        }
    }

    #[test]
    fn text_is_written_as_serde_json_writes_it() {
        for text in ["", "a", "a\"b\\c\n\u{7f}\u{2028}\0", &"long ".repeat(50), "größe\t"] {
            let mut out = b"x".to_vec();
            write_text(text, &mut out).unwrap();
            let written = String::from_utf8(out).unwrap();
            assert_eq!(written, format!("x{}", serde_json::to_string(text).unwrap()));
        }
    }
}
