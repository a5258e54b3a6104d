//! What is told of requests and to webhooks.

use super::super::shelf::Fault;
use super::super::{Entry, Filter, Letter, Page, Posted};
use super::Turn;
use crate::approval::RequestId;

/// No page is longer.
const PAGE_MAX: usize = 500;

impl Turn<'_> {
    /// Requests, newest first.
    pub(in super::super) fn list(&mut self, mut filter: Filter) -> Result<Page, Fault> {
        filter.limit = filter.limit.clamp(1, PAGE_MAX);
        let mut ids = self.shelf.list(&filter)?;
        let has_more = ids.len() > filter.limit;
        ids.truncate(filter.limit);
        let mut entries = Vec::new();
        for id in &ids {
            entries.extend(self.show(id)?);
        }
        let next = ids.pop().filter(|_| has_more);
        Ok(Page { entries, next, revision: self.shelf.revision()? })
    }

    /// One request.
    pub(in super::super) fn show(&mut self, id: &RequestId) -> Result<Option<Entry>, Fault> {
        Ok(self.load(id)?.map(|record| record.entry))
    }

    /// The last before it that ran for the same tool.
    pub(in super::super) fn precedent(&mut self, id: &RequestId) -> Result<Option<Entry>, Fault> {
        match self.shelf.precedent(id)? {
            Some(older) => self.show(&older),
            None => Ok(None),
        }
    }

    /// What is due to be told to one webhook.
    pub(in super::super) fn letters(
        &mut self,
        webhook: &str,
        limit: usize,
    ) -> Result<Vec<Letter>, Fault> {
        self.shelf.letters(webhook, self.now, limit)
    }

    /// What became of a letter.
    pub(in super::super) fn posted(&mut self, id: i64, posted: Posted) -> Result<(), Fault> {
        self.shelf.posted(id, posted)
    }
}
