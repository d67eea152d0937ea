//! What is measured, and the rows that have a goal.

use crate::cell::{BULK_BYTES, Cell, Pattern, SWEEP_BYTES, Wait};

/// What a figure of ours should be; times in ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    AtMost(f64),
    /// Messages a second.
    AtLeast(f64),
}

impl Goal {
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

/// One row of the table.
pub struct Row {
    pub what: &'static str,
    pub cell: Cell,
    pub goal: Option<Goal>,
    /// Of the 99th percentile; it binds only where the bare ring's is near its usual.
    pub p99_goal: Option<f64>,
    /// What the machine gives.
    pub limit: &'static str,
}

const MICRO: f64 = 1e3;
const MILLI: f64 = 1e6;

const fn row(what: &'static str, cell: (Pattern, usize, Wait), goal: Goal, limit: &'static str) -> Row {
    Row {
        what,
        cell: Cell { pattern: cell.0, bytes: cell.1, wait: cell.2 },
        goal: Some(goal),
        p99_goal: None,
        limit,
    }
}

/// In the order of the document.
pub const ROWS: &[Row] = &[
    Row {
        p99_goal: Some(350.0),
        ..row(
            "64 B round trip, polling",
            (Pattern::RoundTrip, 64, Wait::Spin),
            Goal::AtMost(200.0),
            "cache-line",
        )
    },
    row("1 KiB round trip, polling", (Pattern::RoundTrip, 1024, Wait::Spin), Goal::AtMost(350.0), "bare"),
    Row {
        goal: None,
        ..row(
            "64 KiB round trip, polling",
            (Pattern::RoundTrip, 64 << 10, Wait::Spin),
            Goal::AtMost(0.0),
            "bare",
        )
    },
    row("64 B one way, messages a second", (Pattern::OneWay, 64, Wait::Spin), Goal::AtLeast(30e6), "bare"),
    row(
        "64 B round trip, blocking, cold",
        (Pattern::ColdRoundTrip, 64, Wait::Block),
        Goal::AtMost(38.0 * MICRO),
        "futex-pair",
    ),
    row(
        "64 B round trip, blocking, answered at once",
        (Pattern::RoundTrip, 64, Wait::Block),
        Goal::AtMost(200.0),
        "futex-pair",
    ),
    row(
        "a filled 50 MiB lease handed over",
        (Pattern::HandOver, BULK_BYTES, Wait::Spin),
        Goal::AtMost(200.0),
        "bare",
    ),
    row(
        "50 MiB written and read in place, trusted writer",
        (Pattern::InPlace, BULK_BYTES, Wait::Spin),
        Goal::AtMost(7.6 * MILLI),
        "memory",
    ),
    row(
        "50 MiB from an untrusted writer to a validated private view",
        (Pattern::Untrusted, BULK_BYTES, Wait::Block),
        Goal::AtMost(13.0 * MILLI),
        "memory",
    ),
    row(
        "the same, with BLAKE3, one core",
        (Pattern::UntrustedHashed, BULK_BYTES, Wait::Block),
        Goal::AtMost(21.0 * MILLI),
        "memory",
    ),
    row(
        "the same, with BLAKE3, the hash on the second core",
        (Pattern::UntrustedHashedAside, BULK_BYTES, Wait::Block),
        Goal::AtMost(15.0 * MILLI),
        "memory",
    ),
    row(
        "peer killed: all it held is free",
        (Pattern::Killed, BULK_BYTES, Wait::Spin),
        Goal::AtMost(MILLI),
        "idle",
    ),
];

/// Everything that is measured: the rows, and both sweeps.
pub fn cells() -> Vec<Cell> {
    let sweep = |pattern| SWEEP_BYTES.iter().map(move |bytes| Cell::new(pattern, *bytes, Wait::Spin));
    let mut cells: Vec<_> = sweep(Pattern::RoundTrip).chain(sweep(Pattern::OneWay)).collect();
    for row in ROWS {
        if !cells.contains(&row.cell) {
            cells.push(row.cell);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transports::find;

    #[test]
    fn every_row_is_measured_once_and_has_a_limit_that_exists() {
        let cells = cells();
        for row in ROWS {
            assert_eq!(cells.iter().filter(|cell| **cell == row.cell).count(), 1, "{}", row.what);
            assert!(
                row.limit.is_empty()
                    || find(row.limit).is_some_and(|limit| (limit.refuses)(&row.cell).is_none())
            );
        }
    }
}
