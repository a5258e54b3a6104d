//! What the demo remembers: files, transfers, and a log of what was executed.
//!
//! Pure and bounded. The log and the list of transfers keep the newest entries; the counts by
//! method are exact for ever, because a test over many calls compares them with the metrics.

use http::Method;
use serde_json::Number;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Distinct methods that are counted; HTTP lets a caller make up more.
const METHODS_MAX: usize = 32;

/// What bounds the demo's memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files at most; one more is answered 507.
    pub files_max: usize,
    /// Bytes of one request body at most; more is answered 413.
    pub file_bytes_max: usize,
    /// Bytes of one file path at most; more is answered 414.
    pub path_bytes_max: usize,
    /// Log entries, and transfers, that are kept.
    pub log_max: usize,
}

/// One request that got to the tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// 1 for the first request, without gaps.
    pub seq: u64,
    /// Its method.
    pub method: Method,
    /// Its path as it came, cut to `path_bytes_max` characters.
    pub path: String,
    /// The status that it was answered with.
    pub status: u16,
}

/// One transfer that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// 1 for the first transfer, without gaps.
    pub id: u64,
    /// Who gets the money.
    pub to: String,
    /// How much, as it was written.
    pub amount: Number,
}

/// What a write made of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Created,
    Replaced,
    /// There was no room for one file more.
    Full,
}

/// The whole state.
pub(super) struct Store {
    limits: Limits,
    files: BTreeMap<String, String>,
    transfers: VecDeque<Transfer>,
    transfers_total: u64,
    log: VecDeque<Executed>,
    counts: HashMap<Method, u64>,
    log_total: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { files_max: 256, file_bytes_max: 64 * 1024, path_bytes_max: 256, log_max: 20_000 }
    }
}

impl Store {
    pub(super) fn new(limits: Limits) -> Store {
        let welcome = ("notes/welcome.txt".to_owned(), "welcome to the demo\n".to_owned());
        Store {
            limits,
            files: BTreeMap::from([welcome]),
            transfers: VecDeque::new(),
            transfers_total: 0,
            log: VecDeque::new(),
            counts: HashMap::new(),
            log_total: 0,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&String, &String)> {
        self.files.iter()
    }

    pub(super) fn read(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    pub(super) fn write(&mut self, path: &str, content: String) -> Written {
        let known = self.files.contains_key(path);
        if !known && self.files.len() >= self.limits.files_max {
            return Written::Full;
        }
        self.files.insert(path.to_owned(), content);
        if known { Written::Replaced } else { Written::Created }
    }

    /// The content that was there.
    pub(super) fn delete(&mut self, path: &str) -> Option<String> {
        self.files.remove(path)
    }

    pub(super) fn transfer(&mut self, to: String, amount: Number) -> Transfer {
        self.transfers_total += 1;
        let transfer = Transfer { id: self.transfers_total, to, amount };
        push_bounded(&mut self.transfers, transfer.clone(), self.limits.log_max);
        transfer
    }

    pub(super) fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.iter()
    }

    /// Notes a request.
    pub(super) fn note(&mut self, method: &Method, path: &str, status: u16) {
        self.log_total += 1;
        if self.counts.len() < METHODS_MAX || self.counts.contains_key(method) {
            *self.counts.entry(method.clone()).or_default() += 1;
        }
        let path = path.chars().take(self.limits.path_bytes_max).collect();
        let executed = Executed { seq: self.log_total, method: method.clone(), path, status };
        push_bounded(&mut self.log, executed, self.limits.log_max);
    }

    pub(super) fn log(&self) -> impl Iterator<Item = &Executed> {
        self.log.iter()
    }

    pub(super) fn log_total(&self) -> u64 {
        self.log_total
    }

    pub(super) fn count(&self, method: &Method) -> u64 {
        self.counts.get(method).copied().unwrap_or(0)
    }
}

/// Adds at the end; what is too much goes at the front.
fn push_bounded<T>(list: &mut VecDeque<T>, item: T, max: usize) {
    list.push_back(item);
    while list.len() > max {
        list.pop_front();
    }
}
