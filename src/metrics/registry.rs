//! The exporter, behind the catalogue.
//!
//! The recorder is kept here and never installed for the whole process: two instances in one test
//! binary do not share counters, and no macro elsewhere can invent a metric. A handle is made
//! once and then costs an atomic addition; labels are never built per request.

use super::catalogue::{
    APPROVAL_WAIT, CATALOGUE, DECISION_SECONDS, Definition, Kind, OVERHEAD_SECONDS,
};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

/// Upper bounds, in seconds, for what happens inside gait.
const INNER_SECONDS: [f64; 12] =
    [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 0.1];

/// Upper bounds, in seconds, for what waits for a tool.
pub(super) const OUTER_SECONDS: [f64; 12] =
    [1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Upper bounds, in seconds, for what waits for people.
const PEOPLE_SECONDS: [f64; 12] =
    [1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];

/// One recorder and the only door to it.
pub(super) struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Registry {
    /// An empty registry that knows every help text of the catalogue.
    pub(super) fn new() -> Registry {
        let recorder = builder().build_recorder();
        for definition in CATALOGUE {
            describe(&recorder, definition);
        }
        let handle = recorder.handle();
        Registry { recorder, handle }
    }

    /// The counter of these label values; the same values give the same counter.
    pub(super) fn counter(&self, definition: &Definition, values: &[&str]) -> Counter {
        self.recorder.register_counter(&key(definition, values), &METADATA)
    }

    /// The gauge of these label values.
    pub(super) fn gauge(&self, definition: &Definition, values: &[&str]) -> Gauge {
        self.recorder.register_gauge(&key(definition, values), &METADATA)
    }

    /// The histogram of these label values.
    pub(super) fn histogram(&self, definition: &Definition, values: &[&str]) -> Histogram {
        self.recorder.register_histogram(&key(definition, values), &METADATA)
    }

    /// The text format, version 0.0.4.
    pub(super) fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds recorded samples into their buckets; without it they pile up between scrapes.
    pub(super) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

const METADATA: Metadata<'static> = Metadata::new("gait", Level::INFO, None);

/// The builder with explicit buckets; without them the exporter makes summaries.
///
/// Setting buckets fails for an empty list only, which these are not. `unwrap_or_default` keeps
/// a panic out; the test that compares kinds would see the summary.
fn builder() -> PrometheusBuilder {
    let own = [
        (DECISION_SECONDS, INNER_SECONDS),
        (OVERHEAD_SECONDS, INNER_SECONDS),
        (APPROVAL_WAIT, PEOPLE_SECONDS),
    ];
    own.iter().fold(
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Prefix("gait_".into()), &OUTER_SECONDS)
            .unwrap_or_default(),
        |builder, (definition, bounds)| {
            let name = Matcher::Full(definition.name.into());
            builder.set_buckets_for_metric(name, bounds).unwrap_or_default()
        },
    )
}

fn describe(recorder: &PrometheusRecorder, definition: &Definition) {
    let (name, help) = (definition.name.into(), definition.help.into());
    match definition.kind {
        Kind::Counter => recorder.describe_counter(name, None, help),
        Kind::Gauge => recorder.describe_gauge(name, None, help),
        Kind::Histogram => recorder.describe_histogram(name, None, help),
    }
}

/// The label keys come from the catalogue, the values from the caller, in the same order.
fn key(definition: &Definition, values: &[&str]) -> Key {
    let labels = definition.labels.iter().zip(values);
    let labels = labels.map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts::<_, Vec<Label>>(definition.name, labels)
}
