//! Webhooks are told what became of requests for approval, each by a task of its own.
//!
//! A task looks its webhook up anew for every few letters, so that a reload counts from then on,
//! and ends when the config names it no more. Nothing waits for these tasks when the process
//! stops: what they have not brought to an end, the next process tells.

use super::Running;
use crate::egress::{Round, Teller};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};

/// Between two looks at what is due, and at what the config names.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Keeps a task for every webhook in force.
pub(super) async fn tell(running: Arc<Running>) {
    // Dropped with this task, the set takes its own along.
    let mut tellers = JoinSet::new();
    let mut told: HashMap<Arc<str>, AbortHandle> = HashMap::new();
    loop {
        while tellers.try_join_next().is_some() {}
        told.retain(|_, teller| !teller.is_finished());
        let snapshot = running.proxy.snapshot.load_full();
        for webhook in &snapshot.plan.approvals.webhooks {
            let name = &webhook.name;
            let begin = || tellers.spawn(tell_one(running.clone(), name.clone()));
            told.entry(name.clone()).or_insert_with(begin);
        }
        drop(snapshot);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Tells one webhook for as long as the config names it.
async fn tell_one(running: Arc<Running>, name: Arc<str>) {
    let metrics = running.proxy.metrics.webhook(&name);
    let mut teller = Teller::new(running.proxy.desk.clone(), metrics);
    while let Some(round) = tell_some(&running, &name, &mut teller).await {
        if round == Round::Idle {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

async fn tell_some(running: &Running, name: &Arc<str>, teller: &mut Teller) -> Option<Round> {
    let snapshot = running.proxy.snapshot.load_full();
    let plan = &snapshot.plan;
    let webhook = plan.approvals.webhooks.iter().find(|webhook| webhook.name == *name)?;
    Some(teller.round(webhook, &plan.upstreams).await)
}
