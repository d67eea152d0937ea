//! Latency and throughput by size, as one SVG that is legible on light and dark pages.

use super::cell::{Pattern, SWEEP_BYTES};
use super::figure;
use super::report::{Measured, Report};
use super::transport::Transport;
use crate::failure::Failure;
use rustix::fs::{Access, access};
use std::fmt::Write;
use std::path::Path;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 460.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 388.0;
/// Left and right of each panel.
const PANELS: [(f64, f64); 2] = [(86.0, 456.0), (566.0, 936.0)];
const STYLE: &str = "\
svg { --ink: #1c2128; --soft: #59636e; --ground: #ffffff; --grid: #d8dee4; --ours: #c2384b; --socket: #0072b2 }
@media (prefers-color-scheme: dark) {
svg { --ink: #e6edf3; --soft: #9198a1; --ground: #0d1117; --grid: #30363d; --ours: #ff6b7d; --socket: #56b4e9 } }
text { font: 12px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: var(--soft) }
.title { font-size: 16px; font-weight: 600; fill: var(--ink) } .ground { fill: var(--ground) }
.grid { stroke: var(--grid) } .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
.ours { stroke: var(--ours) } .socket { stroke: var(--socket); stroke-dasharray: 7 4 }
.ours-name { fill: var(--ours); font-weight: 600 } .socket-name { fill: var(--socket); font-weight: 600 }
";

/// Says whether a plot can be written there; writes nothing.
///
/// # Errors
/// Exit 2 for a name that is none or a folder's, a folder that isn't there, and a place that may not be written to.
pub(super) fn check_place(path: &Path) -> Result<(), Failure> {
    let refused = |why: &str| Err(not_written(path, why));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.file_name().is_none() || path.is_dir() {
        return refused("that is no file's name");
    }
    if !folder.is_dir() {
        return refused(&format!("there is no folder {}", folder.display()));
    }
    let (written, how) = match path.exists() {
        true => (path, Access::WRITE_OK),
        false => (folder, Access::WRITE_OK | Access::EXEC_OK),
    };
    access(written, how).or_else(|errno| refused(&errno.to_string()))
}

pub(super) fn not_written(path: &Path, why: &str) -> Failure {
    let path = path.display();
    Failure::usage(format!(
        "the plot can't be written to {path}: {why}; name a file in a folder that is there and that you may write to"
    ))
}

/// Both panels, with what they were measured on below them.
pub(super) fn svg(report: &Report) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Latency and throughput by message size\">\n<style>\n{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\n"
    );
    let latency = Panel {
        title: "Round trip by message size; lower is better",
        pattern: Pattern::RoundTrip,
        value: |_, median| median,
        tick: figure::time,
    };
    let throughput = Panel {
        title: "One way by message size; higher is better",
        pattern: Pattern::OneWay,
        value: |bytes, median| bytes as f64 * median,
        tick: figure::bytes_a_second,
    };
    for (panel, place) in [latency, throughput].iter().zip(PANELS) {
        panel.draw(&mut out, report, place);
    }
    let (left, below) = (PANELS[0].0, HEIGHT - 16.0);
    text(&mut out, (left, below), "", "start", &escaped(&report.machine.in_words()));
    out + "</svg>\n"
}

struct Panel {
    title: &'static str,
    pattern: Pattern,
    value: fn(usize, f64) -> f64,
    tick: fn(f64) -> String,
}

impl Panel {
    fn points(&self, report: &Report, transport: Transport) -> Vec<(f64, f64)> {
        let cells = report.sweep.iter().filter(|measured| measured.cell.pattern == self.pattern);
        let point = |measured: &Measured| {
            let bytes = measured.cell.bytes;
            Some((bytes as f64, (self.value)(bytes, measured.figure(transport)?.median)))
        };
        cells.filter_map(point).collect()
    }

    fn draw(&self, out: &mut String, report: &Report, (left, right): (f64, f64)) {
        text(out, (left, TOP - 48.0), "title", "start", self.title);
        let lines = Transport::BOTH.map(|transport| self.points(report, transport));
        let values = || lines.iter().flatten().map(|point| point.1);
        let (Some(low), Some(high)) = (values().reduce(f64::min), values().reduce(f64::max)) else { return };
        let x = Axis::new((SWEEP_BYTES[0] as f64, SWEEP_BYTES[SWEEP_BYTES.len() - 1] as f64), (left, right));
        let y = Axis::new((low / 1.5, high * 1.5), (BOTTOM, TOP));
        for value in y.decades() {
            let at = y.place(value);
            rule(out, (left, at), (right, at));
            text(out, (left - 8.0, at + 4.0), "", "end", &(self.tick)(value));
        }
        for bytes in SWEEP_BYTES.iter().step_by(2) {
            let at = x.place(*bytes as f64);
            rule(out, (at, TOP), (at, BOTTOM));
            text(
                out,
                (at, BOTTOM + 18.0),
                "",
                "middle",
                &crate::text::size(*bytes as u64).replace(".0 ", " "),
            );
        }
        for ((class, name), (points, row)) in
            [("ours", "this data plane"), ("socket", "Unix socket")].iter().zip(lines.iter().zip([0.0, 1.0]))
        {
            polyline(out, class, points, &x, &y);
            text(out, (left + 130.0 * row, TOP - 22.0), &format!("{class}-name"), "start", name);
        }
    }
}

fn polyline(out: &mut String, class: &str, points: &[(f64, f64)], x: &Axis, y: &Axis) {
    let places = points.iter().map(|(size, value)| format!("{:.1},{:.1}", x.place(*size), y.place(*value)));
    let places: Vec<_> = places.collect();
    let _ = writeln!(out, "<polyline class=\"line {class}\" points=\"{}\"/>", places.join(" "));
}

fn rule(out: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ends = format!("x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"", from.0, from.1, to.0, to.1);
    let _ = writeln!(out, "<line class=\"grid\" {ends}/>");
}

fn text(out: &mut String, (x, y): (f64, f64), class: &str, anchor: &str, text: &str) {
    let place = format!("x=\"{x:.1}\" y=\"{y:.1}\"");
    let _ = writeln!(out, "<text class=\"{class}\" text-anchor=\"{anchor}\" {place}>{text}</text>");
}

/// The name of a processor may hold anything.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A logarithmic axis.
struct Axis {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn new((low, high): (f64, f64), (start, end): (f64, f64)) -> Self {
        Self { low, high, start, end }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        self.start + share * (self.end - self.start)
    }

    /// The powers of ten within.
    fn decades(&self) -> impl Iterator<Item = f64> {
        let first = self.low.log10().ceil() as i32;
        (first..=self.high.log10().floor() as i32).map(|exponent| 10f64.powi(exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decade_is_as_wide_anywhere() {
        let axis = Axis::new((1.0, 1e4), (0.0, 400.0));
        assert_eq!([1.0, 10.0, 1e3, 1e4].map(|value| axis.place(value).round()), [0.0, 100.0, 300.0, 400.0]);
        assert_eq!(axis.decades().collect::<Vec<_>>(), [1.0, 10.0, 100.0, 1e3, 1e4]);
    }
}
