//! `/metrics` as a map, and the law of the permit counters.

use std::collections::BTreeMap;

/// One sample: labels and value.
type Sample = (BTreeMap<String, String>, f64);

/// One scrape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrape {
    families: BTreeMap<String, Vec<Sample>>,
}

impl Scrape {
    /// Reads the text format.
    pub(crate) fn parse(text: &str) -> Scrape {
        let mut scrape = Scrape::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let sample = (labels_of(labels), value.parse().unwrap_or_else(|_| panic!("{line}")));
            scrape.families.entry(name.to_owned()).or_default().push(sample);
        }
        scrape
    }

    /// The sum over the samples of `name` whose labels hold all of `wanted`. A family that is not
    /// there at all is a finding: every reachable series exists at zero from the start.
    pub(crate) fn sum(&self, name: &str, wanted: &[(&str, &str)]) -> f64 {
        let Some(samples) = self.families.get(name) else { panic!("no `{name}` in /metrics") };
        let holds = |labels: &BTreeMap<String, String>| {
            wanted.iter().all(|(key, value)| labels.get(*key).is_some_and(|have| have == value))
        };
        samples.iter().filter(|(labels, _)| holds(labels)).map(|(_, value)| value).sum()
    }

    /// The sum over all samples of `name`.
    pub(crate) fn total(&self, name: &str) -> f64 {
        self.sum(name, &[])
    }

    /// The values that `label` takes in the samples of `name`.
    pub(crate) fn values(&self, name: &str, label: &str) -> Vec<String> {
        let samples = self.families.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<_> =
            samples.iter().filter_map(|(labels, _)| labels.get(label).cloned()).collect();
        found.sort();
        found.dedup();
        found
    }

    /// How many series there are.
    pub(crate) fn series(&self) -> usize {
        self.families.values().map(Vec::len).sum()
    }

    /// The law: sent + unused ≤ minted at every scrape, equal when none is open; no bypass.
    pub(crate) fn assert_law(&self) {
        let minted = self.total("gait_permits_total");
        let sent = self.total("gait_upstream_requests_total");
        let unused = self.total("gait_permits_unused_total");
        let open = self.total("gait_permits_open");
        assert!(sent + unused <= minted, "sent {sent} + unused {unused} > minted {minted}");
        assert!(
            open > 0.0 || sent + unused == minted,
            "none open, yet sent {sent} + unused {unused} != minted {minted}"
        );
        assert_eq!(self.total("gait_bypass_total"), 0.0, "a bypass was counted");
    }
}

/// Reads `key="value",…}`; label values in these tests hold no escaped quotes.
fn labels_of(text: &str) -> BTreeMap<String, String> {
    text.trim_end_matches('}')
        .split("\",")
        .filter_map(|pair| pair.split_once("=\""))
        .map(|(key, value)| (key.trim().to_owned(), value.trim_end_matches('"').to_owned()))
        .collect()
}
