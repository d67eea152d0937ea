//! What is measured: a pattern and a size.

use std::str::FromStr;

/// Of the bulk rows.
pub(super) const BULK_BYTES: usize = 50 << 20;
/// Of the plots.
pub(super) const SWEEP_BYTES: [usize; 9] =
    [64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 8 << 20];

/// What the two processes do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// A message there and one of its size back, all bytes written and read; both sides poll.
    RoundTrip,
    /// The same by calls that wait, and the other side answers at once.
    Waiting,
    /// The same, with both sides asleep in the kernel before each message.
    Asleep,
    /// As many messages as go, all bytes written and read, one answer at the end.
    OneWay,
    /// From the moment when the bytes lie ready until the other side can read them.
    HandOver,
    /// From the first byte written until the answer that all were read, where they may be read in place.
    InPlace,
    /// The same where the reader does not trust the writer, and reads a copy of its own.
    CopiedIn,
    /// The same, and the copy is hashed with BLAKE3 before it is read.
    Hashed,
    /// From SIGKILL until everything that the dead one held is free and of use again.
    Killed,
}

const PATTERNS: [(Pattern, &str); 9] = [
    (Pattern::RoundTrip, "round-trip"),
    (Pattern::Waiting, "waiting"),
    (Pattern::Asleep, "asleep"),
    (Pattern::OneWay, "one-way"),
    (Pattern::HandOver, "hand-over"),
    (Pattern::InPlace, "in-place"),
    (Pattern::CopiedIn, "copied-in"),
    (Pattern::Hashed, "hashed"),
    (Pattern::Killed, "killed"),
];

/// One thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) pattern: Pattern,
    pub(super) bytes: usize,
}

const fn cell(pattern: Pattern, bytes: usize) -> Cell {
    Cell { pattern, bytes }
}

/// The table's rows.
pub(super) const ROWS: [(&str, Cell); 10] = [
    ("64 B round trip, polling", cell(Pattern::RoundTrip, 64)),
    ("1 KiB round trip, polling", cell(Pattern::RoundTrip, 1 << 10)),
    ("64 B round trip, waiting", cell(Pattern::Waiting, 64)),
    ("64 B round trip, asleep", cell(Pattern::Asleep, 64)),
    ("64 B one way", cell(Pattern::OneWay, 64)),
    ("50 MiB handed over", cell(Pattern::HandOver, BULK_BYTES)),
    ("50 MiB read in place", cell(Pattern::InPlace, BULK_BYTES)),
    ("50 MiB copied in, then read", cell(Pattern::CopiedIn, BULK_BYTES)),
    ("50 MiB copied, hashed, read", cell(Pattern::Hashed, BULK_BYTES)),
    ("peer killed, 50 MiB back", cell(Pattern::Killed, BULK_BYTES)),
];

impl Pattern {
    pub(super) fn name(self) -> &'static str {
        PATTERNS.iter().find(|(pattern, _)| *pattern == self).map_or("", |(_, name)| name)
    }

    /// Whether a figure is messages a second, and not a time in ns.
    pub(super) fn is_rate(self) -> bool {
        self == Self::OneWay
    }
}

impl FromStr for Pattern {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        PATTERNS.iter().find(|(_, name)| *name == text).map(|(pattern, _)| *pattern).ok_or(())
    }
}

impl Cell {
    /// Whether both sides wait by calls that may sleep, and don't poll.
    pub(super) fn waits(self) -> bool {
        matches!(self.pattern, Pattern::Waiting | Pattern::Asleep)
    }

    /// Whether the far side reads a copy of its own, since it trusts nobody.
    pub(super) fn is_copied(self) -> bool {
        matches!(self.pattern, Pattern::CopiedIn | Pattern::Hashed)
    }

    /// Bytes of what the far side sends back.
    pub(super) fn answer_bytes(self) -> usize {
        match self.pattern {
            Pattern::RoundTrip | Pattern::Waiting | Pattern::Asleep => self.bytes,
            _ => super::message::ANSWER_BYTES,
        }
    }

    /// Messages that may be under way in one direction.
    pub(super) fn depth(bytes: usize) -> usize {
        if bytes >= BULK_BYTES { 1 } else { ((4 << 20) / bytes).clamp(2, 64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_found_by_its_name() {
        for (_, cell) in ROWS {
            assert_eq!(cell.pattern.name().parse(), Ok(cell.pattern));
        }
        assert!("two-way".parse::<Pattern>().is_err());
    }
}
