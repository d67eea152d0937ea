//! What is told of a run: a table, one JSON object, and the documented page with its plots.

pub mod figure;
pub mod markdown;
pub mod table;

use crate::cell::{Cell, Pattern};
use crate::goals::{Goal, ROWS, Row};
use crate::machine::Machine;
use crate::plot;
use crate::run::{Measured, Outcome, Settings};
use crate::sample::Summary;
use crate::transports::{TRANSPORTS, Transport};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The transport that the others are compared with: ports and leases.
const OURS: &str = "ours";

/// The bare ring's usual 99th percentile of a 64 B round trip between cores that share a cache, ns:
/// the median over ten runs on such a machine.
pub const BARE_P99_USUAL_NS: f64 = 290.0;
/// One that is this much larger says that the machine was busy with something else.
pub const P99_SPREAD_MAX: f64 = 1.5;

/// A whole run.
#[derive(Serialize, Deserialize)]
pub struct Report {
    pub machine: Machine,
    pub rounds: usize,
    pub measured_ms: u64,
    /// How long the run was ready to wait for its cores to be close.
    #[serde(default)]
    pub patience_s: u64,
    /// Rows that were measured again in a run of their own, which is what is told of them.
    #[serde(default)]
    pub again: Vec<String>,
    pub results: Vec<Measured>,
}

/// Whether a figure of ours is what it should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Met,
    Missed,
    /// There is nothing to judge, or nothing to judge it by.
    None,
}

impl Report {
    pub fn new(settings: &Settings, results: Vec<Measured>) -> Self {
        let span = settings.span.measured.as_millis() as u64;
        let patience_s = settings.patience.as_secs();
        let (machine, rounds, again) = (Machine::read(), settings.rounds, Vec::new());
        Self { machine, rounds, measured_ms: span, patience_s, again, results }
    }

    /// Takes whole rows from a later run on the same machine, with all that were measured in it.
    ///
    /// # Errors
    /// For a run on another machine, or of other rounds.
    pub fn replace(&mut self, later: Report) -> Result<()> {
        let setting = |report: &Report| {
            let Machine { processor, cores, kernel, .. } = &report.machine;
            (processor.clone(), *cores, kernel.clone(), report.rounds, report.measured_ms)
        };
        ensure!(setting(self) == setting(&later), "the runs are of different machines or rounds");
        self.patience_s += later.patience_s;
        let measured = |cell: &Cell| later.results.iter().any(|result| result.cell == *cell);
        let rows = ROWS.iter().filter(|row| measured(&row.cell)).map(|row| row.what.to_owned());
        self.again.extend(rows);
        self.results.retain(|result| !measured(&result.cell));
        self.results.extend(later.results);
        Ok(())
    }

    /// An earlier run, as [`Report::to_json`] told it.
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub fn outcome(&self, cell: &Cell, transport: &str) -> Option<&Outcome> {
        let found = self.results.iter().find(|result| result.cell == *cell && result.transport == transport);
        found.map(|result| &result.outcome)
    }

    pub fn figures(&self, cell: &Cell, transport: &str) -> Option<&Summary> {
        match self.outcome(cell, transport)? {
            Outcome::Figures(summary) => Some(summary),
            _ => None,
        }
    }

    /// What the others are compared with.
    pub fn ours(&self, row: &Row) -> Option<&Summary> {
        self.figures(&row.cell, OURS)
    }

    pub fn verdict(&self, row: &Row) -> Verdict {
        let (Some(goal), Some(ours)) = (row.goal, self.ours(row)) else { return Verdict::None };
        // What depends on how far apart the cores are has no goal for distant ones.
        if !ours.is_close {
            return Verdict::None;
        }
        let leaves_nothing = ours.left().is_none_or(|left| left.files_before + left.files_after == 0);
        verdict(goal.is_met(ours.median) && leaves_nothing)
    }

    /// Of the 99th percentile, and how busy the machine was by the bare ring's.
    pub fn p99_verdict(&self, row: &Row) -> Verdict {
        let ours = self.ours(row).and_then(|ours| ours.p99);
        let (Some(most), Some(ours)) = (row.p99_goal, ours) else { return Verdict::None };
        if self.ours(row).is_none_or(|ours| !ours.is_close) {
            return Verdict::None;
        }
        match self.bare_p99_spread(&row.cell) {
            Some(spread) if spread <= P99_SPREAD_MAX => verdict(Goal::AtMost(most).is_met(ours)),
            _ => Verdict::None,
        }
    }

    /// Rounds that were measured, and how many of them while the cores were close.
    pub fn rounds_close(&self) -> (usize, usize) {
        let summaries = self.results.iter().filter_map(|result| match &result.outcome {
            Outcome::Figures(summary) => Some(summary),
            _ => None,
        });
        let rounds = || summaries.clone().flat_map(|summary| &summary.rounds);
        (rounds().count(), rounds().filter(|round| round.is_close()).count())
    }

    /// The bare ring's 99th percentile over what it usually is.
    pub fn bare_p99_spread(&self, cell: &Cell) -> Option<f64> {
        Some(self.figures(cell, "bare")?.p99? / BARE_P99_USUAL_NS)
    }
}

fn verdict(is_met: bool) -> Verdict {
    if is_met { Verdict::Met } else { Verdict::Missed }
}

/// How many times as good ours is: more than 1 is better, in either direction.
pub fn advantage(cell: &Cell, ours: &Summary, theirs: &Summary) -> f64 {
    match cell.pattern {
        Pattern::OneWay => ours.median / theirs.median,
        _ => theirs.median / ours.median,
    }
}

/// Those of a run, in the order of the registry.
pub fn shown(report: &Report) -> impl Iterator<Item = &'static Transport> {
    TRANSPORTS
        .iter()
        .filter(|transport| report.results.iter().any(|result| result.transport == transport.name))
}

/// The page and its plots.
pub fn write_docs(report: &Report, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("ipc.md"), markdown::page(report))?;
    std::fs::write(folder.join("ipc-latency.svg"), plot::latency(report))?;
    std::fs::write(folder.join("ipc-throughput.svg"), plot::throughput(report))?;
    Ok(())
}

/// All rows with a goal or a place in the document.
pub fn rows() -> &'static [Row] {
    ROWS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Wait;
    use crate::sample::Round;

    fn report(cells: &[(Cell, f64)]) -> Report {
        let results = cells.iter().map(|(cell, median)| {
            let round = Round { median: *median, p99: None, count: 1, lines: [90.0; 2], left: None };
            let outcome = Summary::new(vec![round; 3]).map(Outcome::Figures).unwrap();
            Measured { cell: *cell, transport: OURS.to_owned(), outcome }
        });
        let (machine, again) = (Machine::read(), Vec::new());
        Report { machine, rounds: 7, measured_ms: 100, patience_s: 60, again, results: results.collect() }
    }

    #[test]
    fn a_row_that_was_measured_again_replaces_the_earlier_one_and_is_named() {
        let [first, second] = [&ROWS[0], &ROWS[1]];
        let other = Cell::new(Pattern::RoundTrip, 256, Wait::Spin);
        let mut all = report(&[(first.cell, 1.0), (second.cell, 2.0), (other, 3.0)]);
        all.replace(report(&[(second.cell, 9.0)])).unwrap();
        let median = |cell: &Cell| all.figures(cell, OURS).unwrap().median;
        assert_eq!([median(&first.cell), median(&second.cell), median(&other)], [1.0, 9.0, 3.0]);
        assert_eq!((all.results.len(), all.patience_s), (3, 120));
        assert_eq!(all.again, [second.what]);
        let mut shorter = report(&[(first.cell, 1.0)]);
        shorter.rounds = 3;
        assert!(all.replace(shorter).is_err(), "rounds of another kind");
    }
}
