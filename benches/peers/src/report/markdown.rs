//! The documented page.

use super::{BARE_P99_USUAL_NS, OURS, P99_SPREAD_MAX, Report, Verdict, advantage, figure, rows, shown};
use crate::goals::{Goal, Row};
use crate::placement::CLOSE_NS;
use crate::run::Outcome;
use crate::sample::Summary;
use crate::transports::{Kind, Transport};
use std::fmt::Write;

/// All of it; `ipc-latency.svg` and `ipc-throughput.svg` lie beside it.
pub fn page(report: &Report) -> String {
    let mut out = head(report);
    out += &overview(report);
    out += "\n## Latency and throughput by size\n\n";
    out +=
        "![Latency by message size](ipc-latency.svg)\n\n![Throughput by message size](ipc-throughput.svg)\n";
    out += "\n## Each row with its spread\n\n";
    out += "Median of the rounds' medians, their smallest and largest, and the median of the rounds' 99th \
            percentiles over single samples (none of fewer than 100). *Ours is* says how many times as good ours \
            (ioi-shm) is: 0.5 × is half as good. *÷ limit* says how far a figure is from the limit: 1 × is there.\n";
    for row in rows() {
        out += &details(report, row);
    }
    out += &killed(report);
    out += METHOD;
    out += &used(report);
    out
}

fn head(report: &Report) -> String {
    let machine = &report.machine;
    let (all, close) = report.rounds_close();
    let (least, most) = CLOSE_NS.into_inner();
    format!(
        "# Shared memory beside other ways of IPC\n\n\
         ```\ncargo xtask bench ipc\n```\n\n\
         writes this page and its plots. It builds the peers, for which no normal build has to wait \
         ([benches/peers](../../benches/peers/README.md)), and runs them and ours in turns.\n\n\
         **Machine.** {}, {} cores, {} GiB, {}; two processes pinned to two cores, {} rounds of {} ms for each \
         figure, one-minute load average {} when the run had ended (its own work included). A reading of the \
         clock takes {:.0} ns.\n\n\
         **Placement.** A virtual machine's cores move. Before and after each round a cache line is sent to the other \
         core and back: a round counts if that took {least} to {most} ns both times, as it does while the two are \
         cores that share a cache, and is repeated otherwise, for {} minutes in all. Distant cores take longer, and \
         two threads of one core, between which a ring is two to three times as fast, less. {close} of {all} rounds count. A figure with fewer than three such rounds is marked † and not judged.\n\n",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        report.rounds,
        report.measured_ms,
        machine.load.split(' ').next().unwrap_or_default(),
        machine.clock_ns,
        report.patience_s / 60
    ) + &again(report)
}

fn again(report: &Report) -> String {
    match report.again.as_slice() {
        [] => String::new(),
        rows => format!(
            "Measured again after that, each with all of its transports in turns: {}.\n\n",
            rows.join("; ")
        ),
    }
}

/// One line a row, one column a transport.
fn overview(report: &Report) -> String {
    let columns: Vec<_> =
        shown(report).filter(|transport| transport.kind != Kind::Limit || transport.name == "bare").collect();
    let mut out = String::from("| what | limit |");
    for transport in &columns {
        let _ = write!(out, " {} |", transport.title);
    }
    let _ = writeln!(out, " goal |\n|---|{}", "---|".repeat(columns.len() + 2));
    for row in rows() {
        let limit = report.figures(&row.cell, row.limit).filter(|_| row.limit != "bare");
        let limit = limit
            .map_or_else(|| "–".to_owned(), |limit| figure::of_cell(&row.cell, limit.median) + mark(limit));
        let _ = write!(out, "| {} | {limit} |", row.what);
        for transport in &columns {
            let _ = write!(out, " {} |", short(report, row, transport));
        }
        let _ = writeln!(out, " {} |", goal(report, row));
    }
    out + "\n–: not offered, or not measured; the reason stands in the tables below. The limit is a cache line \
           that goes to the other core and back, a pair of futex wakes, one process alone on its own memory, or the \
           end of a process that holds nothing.\n"
}

fn short(report: &Report, row: &Row, transport: &Transport) -> String {
    let text = match report.outcome(&row.cell, transport.name) {
        Some(Outcome::Figures(summary)) => figure::of_cell(&row.cell, summary.median) + mark(summary),
        Some(Outcome::Failed(_)) => "failed".to_owned(),
        _ => "–".to_owned(),
    };
    if transport.kind == Kind::Ours && text != "–" { format!("**{text}**") } else { text }
}

/// Of a figure for other cores.
fn mark(summary: &Summary) -> &'static str {
    if summary.is_close { "" } else { " †" }
}

fn goal(report: &Report, row: &Row) -> String {
    let Some(goal) = row.goal else { return "–".to_owned() };
    let mut text = match goal {
        Goal::AtMost(most) => format!("≤ {}", figure::time(most)),
        Goal::AtLeast(least) => format!("≥ {}", figure::rate(least)),
    };
    text += word(report.verdict(row));
    if let Some(most) = row.p99_goal {
        let _ = write!(text, "; p99 ≤ {}{}", figure::time(most), word(report.p99_verdict(row)));
    }
    text
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => ", met",
        Verdict::Missed => ", **missed**",
        Verdict::None => ", not judged",
    }
}

fn details(report: &Report, row: &Row) -> String {
    let mut out = format!("\n### {}\n\n", row.what);
    if let (Some(_), Some(spread)) = (row.p99_goal, report.bare_p99_spread(&row.cell)) {
        let _ = writeln!(
            out,
            "The goal for p99 binds only where the bare ring's p99 is at most {P99_SPREAD_MAX} × its usual {}; here it \
             is {}.\n",
            figure::time(BARE_P99_USUAL_NS),
            figure::ratio(spread)
        );
    }
    out += "| | median | min–max | p99 | ours is | ÷ limit |\n|---|---|---|---|---|---|\n";
    for transport in shown(report) {
        if let Some(outcome) = report.outcome(&row.cell, transport.name) {
            let _ = writeln!(out, "| {} | {} |", transport.title, detail(report, row, transport, outcome));
        }
    }
    out
}

fn detail(report: &Report, row: &Row, transport: &Transport, outcome: &Outcome) -> String {
    let summary = match outcome {
        Outcome::Figures(summary) => summary,
        Outcome::NotOffered(why) => return format!("– ({why}) | | | |"),
        Outcome::Failed(why) => return format!("failed: {} | | | |", why.replace('|', "/")),
    };
    let cell = |value: f64| figure::of_cell(&row.cell, value);
    // Figures of close and of distant cores are not compared.
    let comparable = |other: &&Summary| other.is_close == summary.is_close;
    let ratio =
        |other: Option<&Summary>| other.filter(comparable).map(|other| advantage(&row.cell, other, summary));
    let ours = ratio(report.ours(row).filter(|_| transport.name != OURS));
    let limit = ratio(report.figures(&row.cell, row.limit).filter(|_| transport.name != row.limit));
    let shown = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    format!(
        "{}{} | {}–{} | {} | {} | {}",
        cell(summary.median),
        mark(summary),
        cell(summary.min),
        cell(summary.max),
        shown(summary.p99.map(figure::time)),
        shown(ours.map(figure::ratio)),
        shown(limit.map(figure::ratio)),
    )
}

/// What the last row's figures don't say.
fn killed(report: &Report) -> String {
    let mut out = String::from(
        "\nWhat was left, and when the survivor could know of the death (the kernel first takes apart what the dead \
         one had mapped and allocated itself):\n\n\
         | | known after | files left until somebody cleans up | left for good |\n|---|---|---|---|\n",
    );
    let Some(row) = rows().last() else { return String::new() };
    for transport in shown(report) {
        if let Some(left) = report.figures(&row.cell, transport.name).and_then(Summary::left) {
            let _ = writeln!(
                out,
                "| {} | {} | {} ({} KiB) | {} |",
                transport.title,
                figure::time(left.noticed),
                left.files_before,
                left.bytes_before >> 10,
                left.files_after
            );
        }
    }
    out
}

const METHOD: &str = "
## What is measured

Both processes are this program, started anew for each round of each figure. The transports take turns
(A B C, B C A, …), so that what else the machine does falls on all of them. Each message is written in full
by its sender, as close to the wire as the library lets a user come, and read in full by its receiver; sums
known beforehand are compared, so a transport that loses or changes a byte fails.

- **Round trip**: a message, and one of the same size back. Medians are over batches of about 10 µs; the p99 is
  over single round trips, each with one reading of the clock in it. *Polling* never sleeps; libraries on an
  asynchronous runtime always wait in epoll. *Cold*: 1 ms of pause before each message, so the far side sleeps when it
  comes; every side that can be polled looks for 100 µs before it sleeps, so the near one may have its answer by then.
- **One way**: blocks of at least 5 ms with one answer at the end; batches where the library has them.
- **Handed over**: from the sender's clock, read when the message is filled, to the receiver's when it holds a
  view of all of it; one reading of each clock is in it. The bytes are not read.
- **In place**: from the first byte written to the answer that the last was read.
- **Untrusted**: from the sender's clock, read when a filled archive of texts (rkyv, 50 MiB) is about to be sent, to
  the receiver's when all of it is validated in memory that only the receiver can write.
- **Killed**: SIGKILL to a peer that holds a message of 50 MiB. Free is when the survivor has done what the
  library documents for it (ours: reclaim the leases and drop what the peer owned; iceoryx2: clean up dead
  nodes), or, where nothing is documented, has closed its own end: taking its own mappings apart is
  in their time, while ours and iceoryx2 go on with theirs. What was left is that of the round that left most.
- Every buffer and slot has been touched before anything is timed.
";

fn used(report: &Report) -> String {
    let mut out = String::from(
        "\n## How each was used, and what it promises\n\n| | used | promises |\n|---|---|---|\n",
    );
    for transport in shown(report) {
        let _ = writeln!(out, "| {} | {} | {} |", transport.title, transport.used, transport.promises);
    }
    out
}
