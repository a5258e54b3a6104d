//! `gait keys api-key`: a key for one caller, and the hash by which a config knows it.
//!
//! The key is shown once and kept nowhere: who loses it makes another. A key has 256 bits that
//! nobody chose, so a plain hash of it is enough; nobody can try them all. Rejected: a slow hash,
//! which protects the words that people think of and costs every request its time.

use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::json::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use std::io::{self, Read as _};
use zeroize::Zeroizing;

/// What every key begins with, so that whoever finds one knows what it is.
const PREFIX: &str = "gait_";

/// What is random in a key.
const KEY_BYTES: usize = 32;

/// A header field that holds a key has its bound; what is longer is no key.
const INPUT_BYTES_MAX: u64 = 8 << 10;

/// A new key, or the hash of one.
#[derive(Args)]
pub(in crate::cli) struct ApiKey {
    /// Read a key from standard input, and print its hash alone
    #[arg(long)]
    hash: bool,
}

impl ApiKey {
    pub(super) fn run(self) -> Outcome {
        if self.hash {
            let digest = Digest::of(given()?.as_bytes());
            return Ok(hashed(Answer::new(Exit::Success), digest).line(digest.to_string()));
        }
        let key = fresh()?;
        let digest = Digest::of(key.as_bytes());
        let answer = Answer::new(Exit::Success).with("key", key.as_str());
        Ok(hashed(answer, digest)
            .line(key.as_str())
            .line("")
            .line("That was the key; it is shown this once. For `identity.sources[].api_key.keys`:")
            .line("")
            .line(format!("- {{ sha256: {digest}, identity: NAME }}")))
    }
}

fn hashed(answer: Answer, digest: Digest) -> Answer {
    answer.with("sha256", digest.to_string())
}

fn fresh() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|error| Failure::internal(format!("make API key: {error}")))?;
    let mut key = Zeroizing::new(PREFIX.to_owned());
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut key);
    Ok(key)
}

/// The key on standard input, without the end of its line.
fn given() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = io::stdin().lock().take(INPUT_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::input(format!("read key: standard input: {error}")))?;
    let key = text.trim_end_matches(['\r', '\n']);
    let is_plain = |byte: u8| byte.is_ascii_graphic();
    match key.is_empty() || key.len() as u64 > INPUT_BYTES_MAX || !key.bytes().all(is_plain) {
        true => Err(Failure::input(
            "standard input is no API key: give one line of printable ASCII without spaces",
        )),
        false => Ok(Zeroizing::new(key.to_owned())),
    }
}
