//! Rows: median, spread, count, the peer's ratio and the goal.

use serde_json::json;

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn verdict(self, value: f64) -> String {
        let (sign, bound, met) = match self {
            Goal::AtMost(most) => ("≤", most, value <= most),
            Goal::AtLeast(least) => ("≥", least, value >= least),
        };
        let verdict = if met { "met" } else { "MISSED" };
        format!("{sign} {} {verdict}", figure(bound))
    }
}

/// The samples of one thing measured, in one unit.
pub(crate) struct Samples {
    sorted: Vec<f64>,
}

/// Fewer samples have no meaningful 99th percentile.
const P99_COUNT_MIN: usize = 100;

impl Samples {
    /// # Panics
    /// Without a sample there is nothing to report.
    pub(crate) fn new(mut samples: Vec<f64>) -> Self {
        assert!(!samples.is_empty(), "no sample was taken");
        samples.sort_by(f64::total_cmp);
        Self { sorted: samples }
    }

    /// The nearest rank.
    fn at(&self, share: f64) -> f64 {
        self.sorted[((self.sorted.len() - 1) as f64 * share).round() as usize]
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    fn p99(&self) -> Option<f64> {
        (self.sorted.len() >= P99_COUNT_MIN).then(|| self.at(0.99))
    }
}

/// Prints rows as they are measured.
pub(crate) struct Reporter {
    json: bool,
}

/// The machine's load, so that a figure taken beside other work can be told.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

impl Reporter {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    fn line(&self, text: &str, value: &serde_json::Value) {
        if self.json { println!("{value}") } else { println!("{text}") }
    }

    pub(crate) fn section(&self, name: &str) {
        let load = load();
        let heads = ["median", "min", "max", "p99", "n", "ratio"];
        let [median, min, max, p99, n, ratio] = heads;
        let text = format!(
            "\n{name} (load average {load})\n{:<58}{median:>9}{min:>9}{max:>9}{p99:>9}{n:>6}{ratio:>8}  goal",
            ""
        );
        self.line(&text, &json!({"section": name, "load_average": load}));
    }

    /// One row; `peer` is measured in the same run and in the same unit.
    pub(crate) fn row(
        &self,
        name: &str,
        unit: &str,
        samples: &Samples,
        peer: Option<&Samples>,
        goal: Option<Goal>,
    ) {
        let ratio = peer.map(|peer| samples.median() / peer.median());
        let verdict = goal.map(|goal| goal.verdict(samples.median())).unwrap_or_default();
        let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figure);
        let text = format!(
            "{:<58}{:>9}{:>9}{:>9}{:>9}{:>6}{:>8}  {verdict}",
            format!("{name}, {unit}"),
            figure(samples.median()),
            figure(samples.at(0.0)),
            figure(samples.at(1.0)),
            shown(samples.p99()),
            samples.sorted.len(),
            shown(ratio),
        );
        let value = json!({"row": name, "unit": unit, "median": samples.median(), "min": samples.at(0.0),
            "max": samples.at(1.0), "p99": samples.p99(), "n": samples.sorted.len(), "ratio": ratio,
            "goal": verdict});
        self.line(text.trim_end(), &value);
    }

    /// What a row was taken from.
    pub(crate) fn note(&self, text: &str) {
        self.line(&format!("  {text}"), &json!({"note": text}));
    }

    pub(crate) fn skipped(&self, name: &str, why: &str) {
        self.line(&format!("skipped: {name}: {why}"), &json!({"skipped": name, "why": why}));
    }
}
