//! A disk in memory whose n-th operation fails, and a key beside it that can fail with it.

use crate::{
    evidence::{
        Trust,
        chain::Whole,
        expire::{Ended, Shelf},
        key::{KeyFault, Keys},
        segment::Disk,
        survey::{self, End, Left, LeftState},
        tail::{self, Rest},
        verify_parts,
    },
    sign::{KeyError, PrivateKey, PublicKey},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

#[derive(Clone, Default)]
pub(super) struct FakeDisk(pub(super) Arc<Mutex<Platter>>);

#[derive(Default)]
pub(super) struct Platter {
    pub(super) segments: BTreeMap<u32, Vec<u8>>,
    current: u32,
    pub(super) durable_len: usize,
    pub(super) operations: u32,
    pub(super) fails: Vec<u32>,
    pub(super) log: Vec<&'static str>,
    /// The text of the key file, as a key.
    pub(super) key: Option<String>,
    pub(super) previous: Option<String>,
    /// All keys that ever signed, by id.
    pub(super) known: BTreeMap<String, PublicKey>,
}

/// A line as the platter holds it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) value: Value,
    pub(super) kind: String,
}

impl Platter {
    fn operate(&mut self, name: &'static str) -> io::Result<&mut Vec<u8>> {
        self.operations += 1;
        self.log.push(name);
        let fails = self.fails.contains(&self.operations);
        let segment = self.segments.entry(self.current).or_default();
        if fails {
            match name {
                "append" => segment.extend_from_slice(b"{\"half\":"),
                // As a kernel does: what could not be synced may be gone.
                "sync" => segment.truncate(self.durable_len),
                _ => {}
            }
            return Err(io::Error::other("no space left"));
        }
        Ok(segment)
    }

    /// The whole log, each line followed and each signature checked; what is torn is passed over.
    pub(super) fn lines(&self) -> Vec<Seen> {
        let parts: Vec<_> =
            self.segments.iter().map(|(number, bytes)| (*number, bytes.as_slice())).collect();
        let trust = Trust { keys: self.known.values().cloned().collect(), head: None };
        verify_parts(&parts, &trust).unwrap();
        let mut seen = Vec::new();
        let mut head = None;
        for (number, bytes) in &self.segments {
            let base = head.unwrap_or_else(|| survey::base(bytes));
            let run = tail::follow(bytes, base, |whole, line| seen.push(self.check(&whole, line)));
            assert_ne!(run.rest, Rest::Broken, "segment {number}");
            head = Some(run.head);
        }
        seen
    }

    fn check(&self, whole: &Whole<'_>, line: &[u8]) -> Seen {
        let signed = ["key", "batch", "seal"].contains(&whole.kind);
        assert_eq!(whole.stamp.is_some(), signed, "{}", whole.kind);
        if let Some(stamp) = whole.stamp {
            stamp.verify(&self.known[stamp.key_id]).unwrap();
        }
        Seen { value: serde_json::from_slice(line).unwrap(), kind: whole.kind.to_owned() }
    }
}

impl Disk for FakeDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().operate("append")?.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.durable_len = platter.operate("sync")?.len();
        let segment = &platter.segments[&platter.current];
        let last = segment.rsplit(|byte| *byte == b'\n').nth(1).and_then(Whole::read).unwrap();
        assert!(segment.ends_with(b"\n") && last.stamp.is_some(), "synced {}", last.kind);
        Ok(())
    }

    fn rewind(&mut self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().operate("rewind")?.truncate(len as usize);
        Ok(())
    }

    fn next(&mut self) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.operate("next")?;
        platter.current += 1;
        platter.durable_len = 0;
        let current = platter.current;
        platter.segments.insert(current, Vec::new());
        Ok(())
    }

    fn number(&self) -> u32 {
        self.0.lock().unwrap().current
    }

    fn end(&mut self, number: u32) -> io::Result<End> {
        let mut platter = self.0.lock().unwrap();
        platter.operate("end")?;
        let current = platter.current;
        let after = platter.segments.range(number..=current).skip(1);
        survey::end(&platter.segments[&number], after.map(|(_, bytes)| Ok(bytes.clone())))
    }

    fn remove(&mut self, number: u32) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.operate("remove")?;
        platter.segments.remove(&number);
        Ok(())
    }
}

impl Keys for FakeDisk {
    fn read(&self) -> Result<PrivateKey, KeyFault> {
        let mut platter = self.0.lock().unwrap();
        let path = "evidence.key".into();
        if let Err(source) = platter.operate("key") {
            return Err(KeyFault::Unreadable { path, source });
        }
        let Some(text) = &platter.key else { return Err(KeyFault::Missing { path }) };
        PrivateKey::parse(text).map_err(|source: KeyError| KeyFault::Bad { path, source })
    }

    fn make(&self) -> Result<PrivateKey, KeyFault> {
        if let Err(source) = self.0.lock().unwrap().operate("make") {
            return Err(KeyFault::Unmade { path: "evidence.key".into(), source });
        }
        self.put_key();
        self.read()
    }

    fn previous(&self) -> Option<PrivateKey> {
        PrivateKey::parse(self.0.lock().unwrap().previous.as_ref()?).ok()
    }

    fn forget_previous(&self, signs: &str) {
        if self.previous().is_some_and(|previous| previous.id() != signs) {
            self.0.lock().unwrap().previous = None;
        }
    }
}

impl FakeDisk {
    pub(super) fn failing(operations: &[u32]) -> FakeDisk {
        let disk = FakeDisk::default();
        disk.put_key();
        disk.0.lock().unwrap().fails = operations.to_vec();
        disk
    }

    /// Puts another key in the key file and returns it.
    pub(super) fn put_key(&self) -> PrivateKey {
        let key = PrivateKey::generate().unwrap();
        let mut platter = self.0.lock().unwrap();
        platter.known.insert(key.id().to_owned(), key.public());
        platter.key = Some(key.to_text().to_string());
        key
    }

    /// What a process finds here that starts now, in a segment of its own.
    pub(super) fn opened(&self) -> (Left, Shelf) {
        let mut platter = self.0.lock().unwrap();
        platter.segments.retain(|_, bytes| !bytes.is_empty());
        let texts =
            platter.segments.iter().rev().map(|(number, bytes)| Ok((*number, bytes.clone())));
        let left = survey::survey(texts).unwrap();
        assert_eq!(left.state, LeftState::Sound);
        let ended = |(number, bytes): (&u32, &Vec<u8>)| Ended {
            number: *number,
            bytes: bytes.len() as u64,
            end: None,
        };
        let shelf = platter.segments.iter().map(ended).collect();
        platter.current = platter.segments.last_key_value().map_or(1, |(number, _)| number + 1);
        platter.durable_len = 0;
        (left, shelf)
    }

    pub(super) fn lines(&self) -> Vec<Value> {
        self.0.lock().unwrap().lines().into_iter().map(|seen| seen.value).collect()
    }

    pub(super) fn kinds(&self) -> Vec<String> {
        self.0.lock().unwrap().lines().into_iter().map(|seen| seen.kind).collect()
    }

    /// What a machine that dies now is sure to keep of the last two segments.
    pub(super) fn durable_text(&self) -> String {
        let platter = self.0.lock().unwrap();
        let of = |(number, bytes): (&u32, &Vec<u8>)| {
            let len = if *number == platter.current { platter.durable_len } else { bytes.len() };
            String::from_utf8_lossy(&bytes[..len]).into_owned()
        };
        platter.segments.iter().rev().take(2).map(of).collect()
    }

    /// The machine dies: of what was not synced, no more than `extra` bytes are kept.
    pub(super) fn die(&self, extra: usize) {
        let mut platter = self.0.lock().unwrap();
        let (len, current) = (platter.durable_len + extra, platter.current);
        if let Some(segment) = platter.segments.get_mut(&current) {
            segment.truncate(len);
        }
    }
}
