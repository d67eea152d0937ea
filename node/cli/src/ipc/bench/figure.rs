//! Figures: of several rounds, and as people read them.

use super::cell::Pattern;
use super::near::{Round, median};

/// The rounds of one cell over one transport.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    /// The median of the rounds' 99th percentiles.
    pub(super) p99: Option<f64>,
}

impl Figure {
    /// `None` without a round.
    pub(super) fn new(rounds: &[Round]) -> Option<Self> {
        let medians: Vec<f64> = rounds.iter().map(|round| round.median).collect();
        let min = medians.iter().copied().reduce(f64::min)?;
        let max = medians.iter().copied().reduce(f64::max)?;
        let p99 = median(rounds.iter().filter_map(|round| round.p99).collect());
        Some(Self { median: median(medians)?, min, max, p99 })
    }

    /// How far the rounds lie apart, as a share of their median.
    pub(super) fn spread(&self) -> f64 {
        (self.max - self.min) / self.median
    }

    /// How often `self` goes into `other`, the better way round.
    pub(super) fn advantage(&self, other: &Self, pattern: Pattern) -> f64 {
        if pattern.is_rate() { self.median / other.median } else { other.median / self.median }
    }
}

/// In the unit of the pattern: `151 ns`, `39.9 M/s`.
pub(super) fn shown(value: f64, pattern: Pattern) -> String {
    if pattern.is_rate() { rate(value) } else { time(value) }
}

pub(super) fn time(ns: f64) -> String {
    scaled(ns, &[" ns", " µs", " ms", " s"])
}

fn rate(a_second: f64) -> String {
    scaled(a_second, &["/s", " k/s", " M/s", " G/s"])
}

/// `3.1 GB/s`.
pub(super) fn bytes_a_second(value: f64) -> String {
    scaled(value, &[" B/s", " kB/s", " MB/s", " GB/s", " TB/s"])
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while value >= 999.5 {
        let Some(larger) = units.next() else { break };
        (value, unit) = (value / 1e3, larger);
    }
    format!("{}{unit}", three(value))
}

/// Three digits, or all of those before the point.
pub(super) fn three(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 || size == 0.0 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_before_a_figure_has_four_digits() {
        let times = [(151.2, "151 ns"), (999.6, "1.00 µs"), (36_200.0, "36.2 µs"), (7.31e6, "7.31 ms")];
        assert!(times.iter().all(|(ns, text)| time(*ns) == *text));
        assert_eq!(shown(39.9e6, Pattern::OneWay), "39.9 M/s");
        assert_eq!((time(2e12), bytes_a_second(3.14e9)), ("2000 s".into(), "3.14 GB/s".into()));
    }

    #[test]
    fn more_is_better_for_rates_and_worse_for_times() {
        let figure = |medians: &[f64]| {
            let rounds = medians.iter().map(|median| Round { median: *median, p99: Some(median * 10.0) });
            Figure::new(&rounds.collect::<Vec<_>>())
        };
        let (two, four) = (figure(&[2.0, 1.0, 3.0]).unwrap(), figure(&[4.0]).unwrap());
        assert_eq!((two.median, two.min, two.max, two.spread()), (2.0, 1.0, 3.0, 1.0));
        assert_eq!(two.p99, Some(20.0));
        assert_eq!(two.advantage(&four, Pattern::RoundTrip), 2.0);
        assert_eq!(two.advantage(&four, Pattern::OneWay), 0.5);
        assert_eq!(figure(&[]), None);
    }
}
