//! Lines as a log chains and signs them, by its documented format.

use gait::evidence::Head;
use gait::json::Digest;
use gait::sign::PrivateKey;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Signs all logs of these tests.
pub(crate) static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

const DOMAIN: &[u8] = b"gait evidence signature 1";

/// The end of a log so far.
pub(crate) struct Chain {
    prev: Digest,
    /// The last line of the segment that ended last.
    ended: Option<(u64, Digest)>,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain { prev: Head::genesis().hash, ended: None }
    }
}

impl Chain {
    /// The text of a segment.
    pub(crate) fn link(&mut self, lines: &[Value]) -> String {
        let text = lines.iter().map(|line| self.line(line)).collect();
        let last = lines.last().map(|line| line["seq"].as_u64().unwrap());
        self.ended = self.ended.or(last.map(|seq| (seq, self.prev)));
        text
    }

    fn line(&mut self, line: &Value) -> String {
        let mut line = line.clone();
        if let (Some("expired"), Some((seq, hash))) = (line["kind"].as_str(), self.ended) {
            line["last_seq"] = seq.into();
            line["last_hash"] = hash.to_string().into();
        }
        let mut text = ordered(&line);
        let prev = self.prev;
        text.truncate(text.len() - 1);
        if is_signed(&line) {
            text += &format!(",\"key_id\":\"{}\"", KEY.id());
            let parts = [DOMAIN, prev.as_bytes(), text.as_bytes()];
            let signature = KEY.sign(Digest::of_parts(&parts).as_bytes());
            text += &format!(",\"sig\":\"{}\"", signature.sig);
        }
        text += &format!(",\"prev\":\"{prev}\"");
        self.prev = Digest::of_parts(&[prev.as_bytes(), text.as_bytes(), b"}"]);
        format!("{text},\"hash\":\"{}\"}}\n", self.prev)
    }
}

fn is_signed(line: &Value) -> bool {
    ["key", "batch", "seal"].map(Value::from).contains(&line["kind"])
}

/// A line in which the first members stand where gait writes them.
fn ordered(line: &Value) -> String {
    let (seq, kind, time) = (&line["seq"], &line["kind"], &line["time"]);
    let mut rest = line.clone();
    for name in ["v", "seq", "kind", "time"] {
        rest.as_object_mut().unwrap().remove(name);
    }
    let rest = rest.to_string();
    let comma = if rest == "{}" { "" } else { "," };
    format!(
        "{{\"v\":1,\"seq\":{seq},\"kind\":{kind},\"time\":{time}{comma}{}",
        rest.trim_start_matches('{')
    )
}

/// Says who signs, where a segment begins.
pub(crate) fn introduce(lines: &mut Vec<Value>) {
    let at = usize::from(lines[0]["kind"] == "start");
    let public_key = KEY.public().to_text();
    let key = json!({"kind": "key", "time": lines[0]["time"], "public_key": public_key.trim_end()});
    lines.insert(at, key);
}

/// Ends a segment.
pub(crate) fn seal(number: u32, lines: &mut Vec<Value>) {
    let time = &lines.last().unwrap()["time"];
    lines.push(json!({"kind": "seal", "time": time, "segment": number, "first_seq": 0}));
}

/// Says before the last line that the first segment goes.
pub(crate) fn expire(lines: &mut Vec<Value>) {
    let time = &lines.last().unwrap()["time"];
    let line = json!({"kind": "expired", "time": time, "segment": 1});
    lines.insert(lines.len() - 1, line);
}

/// Gives lines that were put in between a number, and the others the next.
pub(crate) fn number<'a>(segments: impl Iterator<Item = &'a mut Vec<Value>>) {
    let (mut seq, mut put_in) = (0, 0);
    for lines in segments {
        for line in lines.iter_mut() {
            match line["seq"].as_u64() {
                Some(own) => seq = own + put_in,
                None => {
                    seq += 1;
                    put_in += 1;
                }
            }
            line["seq"] = seq.into();
        }
        let first = lines[0]["seq"].clone();
        lines.iter_mut().filter(|line| line["kind"] == "seal").for_each(|seal| {
            seal["first_seq"] = first.clone();
        });
    }
}

/// The text of a line behind another, unsigned.
pub(crate) fn after(head: &Value, line: &Value) -> String {
    let prev = Digest::parse(head["hash"].as_str().unwrap()).unwrap();
    Chain { prev, ended: None }.line(line)
}
