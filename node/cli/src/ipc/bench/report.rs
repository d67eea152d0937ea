//! What came out, as a table and as JSON.

use super::cell::{Cell, ROWS};
use super::figure::{Figure, shown, three, time};
use super::transport::Transport;
use crate::ipc::table::{Side, Table};
use crate::render::Screen;
use serde_json::{Value, json};
use std::fs;

/// Rounds that lie further apart than this, as a share of their median, are marked.
const SPREAD_MAX: f64 = 0.5;

/// One cell over both transports.
pub(super) struct Measured {
    pub(super) cell: Cell,
    pub(super) ours: Result<Figure, String>,
    pub(super) socket: Result<Figure, String>,
}

impl Measured {
    pub(super) fn figure(&self, transport: Transport) -> Option<Figure> {
        let figure = if transport == Transport::Ours { &self.ours } else { &self.socket };
        figure.as_ref().ok().copied()
    }

    fn ratio(&self) -> Option<f64> {
        let (ours, socket) = (self.figure(Transport::Ours)?, self.figure(Transport::Socket)?);
        Some(ours.advantage(&socket, self.cell.pattern))
    }

    fn is_noisy(&self) -> bool {
        Transport::BOTH.iter().filter_map(|one| self.figure(*one)).any(|figure| figure.spread() > SPREAD_MAX)
    }

    pub(super) fn failures(&self) -> impl Iterator<Item = &String> {
        [&self.ours, &self.socket].into_iter().filter_map(|figure| figure.as_ref().err())
    }

    fn to_json(&self, what: &str) -> Value {
        let figure = |figure: &Result<Figure, String>| match figure {
            Ok(Figure { median, min, max, p99 }) => {
                let [median, min, max] = [median, min, max].map(|value| value.round() as u64);
                let mut figure = json!({"median": median, "min": min, "max": max});
                if let Some(p99) = p99 {
                    figure["p99"] = json!(p99.round() as u64);
                }
                figure
            }
            Err(why) => json!({"error": why}),
        };
        let pattern = self.cell.pattern;
        json!({"what": what, "pattern": pattern.name(), "bytes": self.cell.bytes,
            "unit": if pattern.is_rate() { "messages/s" } else { "ns" },
            "ours": figure(&self.ours), "unix_socket": figure(&self.socket), "ratio": self.ratio()})
    }
}

/// All that was measured.
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) rounds: usize,
    /// As [`ROWS`].
    pub(super) rows: Vec<Measured>,
    /// For the plot; empty where none is drawn.
    pub(super) sweep: Vec<Measured>,
}

const NOTES: &str = "\
Two processes, a core each; every byte is written, read and checked; the median of the rounds' medians, and how \
far the rounds lie apart; p99: of single round trips of ours. `ours is`: how many times as fast as the socket. A socket has no bytes in place, so its \
rows of 50 MiB are copies through the kernel; handed over: from filled bytes until the other side can read them; \
copied in: the reader trusts nobody (hashed: with BLAKE3); waiting: by calls that may sleep, and the answer comes at once; back: from SIGKILL until what the dead one held is lent again.";

impl Report {
    pub(super) fn print(&self, screen: &Screen) {
        screen.heading(&self.machine.in_words());
        let table = self.table();
        screen.dim_line(&table.heading());
        table.lines().for_each(|line| screen.line(&line));
        screen.line("");
        screen.prose(NOTES, 0);
        if self.rows.iter().any(Measured::is_noisy) {
            let load = &self.machine.load;
            screen.prose(
                &format!("\n* The rounds lie far apart: something else was running (load average {load} before). Run it again on a machine that rests."),
                2,
            );
        }
        if cfg!(debug_assertions) {
            screen.prose("\nThis is a debug build: its figures say nothing of a release.", 0);
        }
        for failure in self.rows.iter().chain(&self.sweep).flat_map(Measured::failures) {
            screen.prose(&format!("Not measured: {}", crate::text::name(failure)), 2);
        }
    }

    fn table(&self) -> Table {
        let right = Side::Right;
        let mut table = Table::new(&[
            ("", Side::Left),
            ("ours", right),
            ("spread", right),
            ("p99", right),
            ("Unix socket", right),
            ("spread", right),
            ("ours is", right),
        ]);
        for ((what, cell), measured) in ROWS.iter().zip(&self.rows) {
            let mark = if measured.is_noisy() { " *" } else { "" };
            let mut cells = vec![format!("{what}{mark}")];
            for transport in Transport::BOTH {
                let figure = measured.figure(transport);
                cells.extend(match figure {
                    Some(figure) => {
                        [shown(figure.median, cell.pattern), format!("{:.0} %", figure.spread() * 100.0)]
                    }
                    None => ["failed".to_owned(), String::new()],
                });
                if transport == Transport::Ours {
                    cells.push(figure.and_then(|figure| figure.p99).map_or_else(String::new, time));
                }
            }
            cells.push(measured.ratio().map_or_else(String::new, |ratio| format!("{} ×", three(ratio))));
            table.row(cells);
        }
        table
    }

    pub(super) fn to_json(&self) -> Value {
        let rows = ROWS.iter().zip(&self.rows).map(|((what, _), measured)| measured.to_json(what));
        let sweep = self.sweep.iter().map(|measured| measured.to_json("sweep"));
        json!({"event": "bench", "processor": self.machine.processor, "kernel": self.machine.kernel,
            "load": self.machine.load, "rounds": self.rounds, "debug": cfg!(debug_assertions),
            "rows": rows.collect::<Vec<_>>(), "sweep": sweep.collect::<Vec<_>>()})
    }
}

/// What the figures were taken on.
pub(super) struct Machine {
    processor: String,
    kernel: String,
    load: String,
}

impl Machine {
    pub(super) fn read() -> Self {
        let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: crate::text::name(model.unwrap_or("unknown processor")),
            kernel: format!("Linux {}", kernel.trim()),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn in_words(&self) -> String {
        format!("{}, {}, load average {} before", self.processor, self.kernel, self.load)
    }
}
