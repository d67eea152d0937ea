//! Medians and spreads.

use crate::placement::Distance;
use serde::{Deserialize, Serialize};

/// Fewer single samples have no meaningful 99th percentile.
const P99_COUNT_MIN: usize = 100;

/// Fewer rounds of close cores are no figure.
const CLOSE_ROUNDS_MIN: usize = 3;

/// One round of one cell: ns for times, a second's messages for one-way rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    pub median: f64,
    /// Over single samples, one clock reading in each; none of fewer than 100.
    pub p99: Option<f64>,
    /// Messages timed.
    pub count: usize,
    /// A cache line there and back in ns, before and after.
    #[serde(default)]
    pub lines: [f64; 2],
    /// Files that the dead peer left when nobody had looked after it, and after that; kill rows only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}

/// What a killed peer left in the file system.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {
    pub files_before: usize,
    pub bytes_before: u64,
    pub files_after: usize,
    pub bytes_after: u64,
    /// From SIGKILL until the survivor could know of it, ns.
    pub noticed: f64,
}

/// All rounds of one cell and transport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub max: f64,
    /// The median of the rounds' 99th percentiles.
    pub p99: Option<f64>,
    /// The smallest of them: what the machine gives when nothing else runs.
    pub p99_min: Option<f64>,
    /// Whether the two cores were close in the rounds that count: if they were in at least three,
    /// the others don't count.
    #[serde(default)]
    pub is_close: bool,
    pub rounds: Vec<Round>,
}

impl Summary {
    /// None without a round.
    pub fn new(rounds: Vec<Round>) -> Option<Self> {
        let close = || rounds.iter().filter(|round| round.is_close());
        let is_close = close().count() >= CLOSE_ROUNDS_MIN;
        let counted = || rounds.iter().filter(|round| !is_close || round.is_close());
        let medians = sorted(counted().map(|round| round.median).collect());
        let p99s = sorted(counted().filter_map(|round| round.p99).collect());
        Some(Self {
            median: at(&medians, 0.5)?,
            min: *medians.first()?,
            max: *medians.last()?,
            p99: at(&p99s, 0.5),
            p99_min: p99s.first().copied(),
            is_close,
            rounds,
        })
    }

    /// What a killed peer left in the round in which it left most.
    pub fn left(&self) -> Option<Left> {
        let lefts = self.rounds.iter().filter_map(|round| round.left);
        lefts.max_by_key(|left| (left.files_before + left.files_after, left.noticed as u64))
    }
}

impl Round {
    /// From batches (for the median) and single samples (for the tail).
    pub fn new(batches: Vec<f64>, singles: Vec<f64>, count: usize) -> Option<Self> {
        let singles = sorted(singles);
        let p99 = if singles.len() >= P99_COUNT_MIN { at(&singles, 0.99) } else { None };
        Some(Self { median: at(&sorted(batches), 0.5)?, p99, count, lines: [0.0; 2], left: None })
    }

    /// Whether the two sides were cores that share a cache, before and after.
    pub fn is_close(&self) -> bool {
        self.lines.iter().all(|line| Distance::of(*line) == Distance::Close)
    }
}

fn sorted(mut samples: Vec<f64>) -> Vec<f64> {
    samples.sort_by(f64::total_cmp);
    samples
}

/// The nearest rank.
fn at(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_median_of_medians_and_their_extremes() {
        let round = |median, p99| Round { median, p99: Some(p99), count: 1, lines: [90.0; 2], left: None };
        let summary = Summary::new(vec![round(3.0, 30.0), round(1.0, 50.0), round(2.0, 40.0)]).unwrap();
        assert_eq!((summary.min, summary.median, summary.max), (1.0, 2.0, 3.0));
        assert_eq!((summary.p99, summary.p99_min), (Some(40.0), Some(30.0)));
        assert_eq!(Summary::new(vec![]), None);
    }

    #[test]
    fn rounds_of_other_cores_count_only_where_there_are_too_few_others() {
        let round = |median, lines| Round { median, p99: None, count: 1, lines, left: None };
        let summary = |rounds| Summary::new(rounds).unwrap();
        let (came, left, far) =
            (round(9.0, [400.0, 90.0]), round(9.0, [90.0, 152.0]), round(9.0, [400.0; 2]));
        let (one_core, became_one) = (round(0.5, [62.0; 2]), round(0.5, [90.0, 62.0]));
        let [first, second, third] = [1.0, 2.0, 3.0].map(|median| round(median, [90.0, 150.0]));
        let close = summary(vec![first, came, second, left, one_core, far, became_one, third]);
        assert_eq!((close.is_close, close.min, close.median, close.max), (true, 1.0, 2.0, 3.0));
        assert_eq!(close.rounds.len(), 8);
        let too_few = summary(vec![first, far, left, second]);
        assert_eq!((too_few.is_close, too_few.max), (false, 9.0));
    }

    #[test]
    fn the_99th_percentile_needs_a_hundred_samples() {
        let singles = |count: usize| (0..count).map(|value| value as f64).collect::<Vec<_>>();
        assert_eq!(Round::new(vec![1.0], singles(99), 99).unwrap().p99, None);
        assert_eq!(Round::new(vec![1.0], singles(101), 101).unwrap().p99, Some(99.0));
    }
}
