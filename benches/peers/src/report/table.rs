//! The terminal's table: each row's transports, one a line.

use super::{OURS, Report, Verdict, advantage, figure, rows, shown};
use crate::goals::{Goal, Row};
use crate::placement::CLOSE_NS;
use crate::run::Outcome;
use crate::sample::Summary;
use crate::transports::Transport;
use std::fmt::Write;

/// Everything but the sweeps.
pub fn text(report: &Report) -> String {
    let machine = &report.machine;
    let mut out = format!(
        "{}, {} cores, {}; {} rounds of {} ms each, load average {}\n",
        machine.processor, machine.cores, machine.kernel, report.rounds, report.measured_ms, machine.load
    );
    let (all, close) = report.rounds_close();
    let (least, most) = CLOSE_NS.into_inner();
    let _ =
        writeln!(out, "{close} of {all} rounds while a cache line took {least} to {most} ns there and back");
    for row in rows().iter().filter(|row| report.ours(row).is_some()) {
        block(&mut out, report, row);
    }
    out
}

fn block(out: &mut String, report: &Report, row: &Row) {
    let goal = goal_text(report, row);
    let _ = writeln!(out, "\n{}{goal}", row.what);
    let heads = ["median", "min", "max", "p99", "ours is", "÷ limit"];
    let [median, min, max, p99, ours, limit] = heads;
    let _ = writeln!(out, "  {:<18}{median:>10}{min:>10}{max:>10}{p99:>10}{ours:>11}{limit:>10}", "");
    for transport in shown(report) {
        if let Some(outcome) = report.outcome(&row.cell, transport.name) {
            let _ = writeln!(out, "  {:<18}{}", transport.title, line(report, row, transport, outcome));
        }
    }
}

fn line(report: &Report, row: &Row, transport: &Transport, outcome: &Outcome) -> String {
    let summary = match outcome {
        Outcome::Figures(summary) => summary,
        Outcome::NotOffered(why) => return format!("{:>10}  {why}", "–"),
        Outcome::Failed(why) => return format!("{:>10}  {why}", "failed"),
    };
    let cell = |value: f64| figure::of_cell(&row.cell, value);
    let ours = report.ours(row).filter(|_| transport.name != OURS);
    // Figures of close and of distant cores are not compared.
    let comparable = |other: &&Summary| other.is_close == summary.is_close;
    let ratio = |other: Option<&Summary>| {
        other.filter(comparable).map(|other| figure::ratio(advantage(&row.cell, other, summary)))
    };
    let (ours, limit) = (ratio(ours), ratio(report.figures(&row.cell, row.limit)));
    format!(
        "{:>10}{:>10}{:>10}{:>10}{:>11}{:>10}{}{}",
        cell(summary.median),
        cell(summary.min),
        cell(summary.max),
        summary.p99.map_or_else(|| "–".to_owned(), figure::time),
        ours.unwrap_or_default(),
        limit.unwrap_or_default(),
        if summary.is_close { "" } else { "  other cores" },
        left(summary),
    )
}

/// What a killed peer left behind.
fn left(summary: &Summary) -> String {
    summary.left().map_or_else(String::new, |left| {
        format!(
            "  known after {}; {} files ({} KiB) until then, {} for good",
            figure::time(left.noticed),
            left.files_before,
            left.bytes_before >> 10,
            left.files_after
        )
    })
}

fn goal_text(report: &Report, row: &Row) -> String {
    let Some(goal) = row.goal else { return String::new() };
    let verdict = word(report.verdict(row));
    let mut text = match goal {
        Goal::AtMost(most) => format!(": ≤ {}{verdict}", figure::time(most)),
        Goal::AtLeast(least) => format!(": ≥ {}{verdict}", figure::rate(least)),
    };
    if let Some(most) = row.p99_goal {
        let spread = report.bare_p99_spread(&row.cell).map_or_else(String::new, |spread| {
            format!(" (bare ring's p99: {} its usual)", figure::ratio(spread))
        });
        let _ = write!(text, ", p99 ≤ {}{}{spread}", figure::time(most), word(report.p99_verdict(row)));
    }
    text
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => " met",
        Verdict::Missed => " MISSED",
        Verdict::None => " not judged",
    }
}
