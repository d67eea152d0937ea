//! The two plots, as SVG that is legible on light and dark pages: it brings its own ground, and follows
//! the reader's colour scheme.

mod scale;

use crate::cell::{Cell, Pattern, SWEEP_BYTES, Wait, size_text};
use crate::report::{Report, figure, shown};
use crate::transports::{Kind, Transport};
use scale::{Log, around, spread};
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;
/// Of the frame: left, top, right, bottom; the labels of the lines stand to its right.
const FRAME: (f64, f64, f64, f64) = (112.0, 76.0, 800.0, 500.0);
const LABEL_GAP: f64 = 17.0;

/// Ours is the one that stands out; limits are grey and dashed; the peers' colours are told apart by
/// people with any colour vision (after Okabe and Ito), a tone for light and one for dark ground.
const COLOURS: &[(&str, &str, &str)] = &[
    ("ours", "#d1495b", "#ff6b7d"),
    ("byte-ring", "#8f2d56", "#ff9eb5"),
    ("bare", "#767d86", "#9aa3ad"),
    ("iceoryx2", "#0072b2", "#56b4e9"),
    ("shmem-ipc", "#00795c", "#2fc39a"),
    ("ipc-channel", "#a2621b", "#e69f00"),
    ("unix-socket", "#8a5a9e", "#cc9be0"),
    ("capnp-rpc", "#4d6d2e", "#a3c76d"),
    ("tonic", "#b5487d", "#f08cbf"),
    ("rtrb", "#5b6b99", "#93a6dd"),
];

const STYLE: &str = "
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: var(--ink) }
.title { font-size: 18px; font-weight: 600 } .soft { fill: var(--soft) } .name { font-weight: 600 }
.ground { fill: var(--ground) } .grid { stroke: var(--grid) } .faint { stroke: var(--faint) }
.frame { fill: none; stroke: var(--soft) } .lead { fill: none; stroke-width: 1; opacity: .6 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round } .thick { stroke-width: 3.5 } .dashed { stroke-dasharray: 6 5 }
";
const LIGHT: &str = "--ink: #1c2128; --soft: #59636e; --ground: #ffffff; --grid: #d8dee4; --faint: #eff2f5";
const DARK: &str = "--ink: #e6edf3; --soft: #9198a1; --ground: #0d1117; --grid: #30363d; --faint: #1b2129";

/// One line of a plot.
struct Line {
    transport: &'static Transport,
    points: Vec<(f64, f64)>,
}

/// What a plot shows.
struct Plot {
    title: &'static str,
    subtitle: String,
    vertical: &'static str,
    tick: fn(f64) -> String,
    lines: Vec<Line>,
}

/// Round trips by size; lower is better.
pub fn latency(report: &Report) -> String {
    Plot {
        title: "Latency by message size",
        subtitle: subtitle(report, "polling, there and back, every byte written and read; lower is better"),
        vertical: "round trip, median",
        tick: figure::short_time,
        lines: lines(report, Pattern::RoundTrip, |_, median| median),
    }
    .draw()
}

/// Bytes a second by size; higher is better.
pub fn throughput(report: &Report) -> String {
    Plot {
        title: "Throughput by message size",
        subtitle: subtitle(report, "one way, polling, every byte written and read; higher is better"),
        vertical: "bytes a second, median",
        tick: figure::short_bytes,
        lines: lines(report, Pattern::OneWay, |bytes, median| bytes as f64 * median),
    }
    .draw()
}

fn subtitle(report: &Report, text: &str) -> String {
    format!("{text} · {}, two cores, {}", report.machine.processor, report.machine.kernel)
}

fn lines(report: &Report, pattern: Pattern, value: fn(usize, f64) -> f64) -> Vec<Line> {
    let line = |transport: &'static Transport| {
        let point = |bytes: &usize| {
            let cell = Cell::new(pattern, *bytes, Wait::Spin);
            Some((*bytes as f64, value(*bytes, report.figures(&cell, transport.name)?.median)))
        };
        Line { transport, points: SWEEP_BYTES.iter().filter_map(point).collect() }
    };
    shown(report).map(line).filter(|line| line.points.len() > 1).collect()
}

impl Plot {
    fn draw(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n\
             <style>{STYLE}svg {{ {LIGHT}; {} }}\n@media (prefers-color-scheme: dark) {{ svg {{ {DARK}; {} }} }}\n</style>\n\
             <rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\n",
            self.title,
            colours(|(name, light, _)| format!("--{name}: {light}")),
            colours(|(name, _, dark)| format!("--{name}: {dark}")),
        );
        let (left, top, right, bottom) = FRAME;
        text(&mut svg, (left, 34.0), "title", "start", self.title);
        text(&mut svg, (left, 56.0), "soft", "start", &self.subtitle);
        let values = self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        let Some(range) = around(values) else { return svg + "</svg>\n" };
        let sizes = (SWEEP_BYTES[0] as f64, SWEEP_BYTES[SWEEP_BYTES.len() - 1] as f64);
        let (x, y) = (Log::new(sizes, (left, right)), Log::new(range, (bottom, top)));
        self.grid(&mut svg, &x, &y);
        self.draw_lines(&mut svg, &x, &y);
        svg + "</svg>\n"
    }

    fn grid(&self, svg: &mut String, x: &Log, y: &Log) {
        let (left, top, right, bottom) = FRAME;
        for value in y.between() {
            rule(svg, "faint", (left, y.place(value)), (right, y.place(value)));
        }
        for value in y.decades() {
            rule(svg, "grid", (left, y.place(value)), (right, y.place(value)));
            text(svg, (left - 10.0, y.place(value) + 4.5), "soft", "end", &(self.tick)(value));
        }
        for bytes in SWEEP_BYTES {
            let place = x.place(*bytes as f64);
            rule(svg, "grid", (place, top), (place, bottom));
            text(svg, (place, bottom + 20.0), "soft", "middle", &size_text(*bytes));
        }
        let (width, height) = (right - left, bottom - top);
        let _ = writeln!(
            svg,
            "<rect class=\"frame\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
        );
        text(svg, ((left + right) / 2.0, bottom + 44.0), "soft", "middle", "message size");
        let middle = f64::midpoint(top, bottom);
        let _ = writeln!(
            svg,
            "<text class=\"soft\" text-anchor=\"middle\" transform=\"translate(24 {middle}) rotate(-90)\">{}</text>",
            self.vertical
        );
    }

    fn draw_lines(&self, svg: &mut String, x: &Log, y: &Log) {
        let (_, top, right, bottom) = FRAME;
        let last = |line: &Line| {
            line.points.last().map_or((right, bottom), |(size, value)| (x.place(*size), y.place(*value)))
        };
        let wanted: Vec<f64> = self.lines.iter().map(|line| last(line).1).collect();
        let labels = spread(&wanted, LABEL_GAP, (top + 6.0, bottom - 6.0));
        // Ours last, so that it lies above the others.
        for is_ours in [false, true] {
            for (line, label) in self.lines.iter().zip(&labels) {
                if (line.transport.kind == Kind::Ours) == is_ours {
                    draw_line(svg, line, x, y);
                    draw_label(svg, line.transport, last(line), *label);
                }
            }
        }
    }
}

fn draw_line(svg: &mut String, line: &Line, x: &Log, y: &Log) {
    let name = line.transport.name;
    let class = match line.transport.kind {
        Kind::Ours => "line thick",
        Kind::Peer => "line",
        Kind::Limit => "line dashed",
    };
    let places: Vec<(f64, f64)> =
        line.points.iter().map(|(size, value)| (x.place(*size), y.place(*value))).collect();
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        svg,
        "<polyline class=\"{class}\" stroke=\"var(--{name})\" points=\"{}\"/>",
        points.join(" ")
    );
    for (x, y) in places {
        let _ = writeln!(svg, "<circle fill=\"var(--{name})\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
    }
}

/// The name at the end of the line, with a thin line to it where it had to move.
fn draw_label(svg: &mut String, transport: &Transport, (x, y): (f64, f64), label: f64) {
    let start = FRAME.2 + 18.0;
    let _ = writeln!(
        svg,
        "<path class=\"lead\" stroke=\"var(--{0})\" d=\"M{1:.1} {y:.1} L{2:.1} {label:.1} H{3:.1}\"/>\n\
         <text class=\"name\" x=\"{4:.1}\" y=\"{5:.1}\" style=\"fill: var(--{0})\">{6}</text>",
        transport.name,
        x + 4.0,
        start - 8.0,
        start - 2.0,
        start + 2.0,
        label + 4.5,
        transport.title,
    );
}

fn rule(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

/// Titles and units are ours; nothing in them has to be escaped.
fn text(svg: &mut String, (x, y): (f64, f64), class: &str, anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
    );
}

fn colours(each: impl Fn(&(&str, &str, &str)) -> String) -> String {
    COLOURS.iter().map(each).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transports::TRANSPORTS;

    #[test]
    fn every_transport_that_is_swept_has_a_colour_of_its_own() {
        let swept = |transport: &&Transport| {
            let cell = |bytes: &usize| Cell::new(Pattern::RoundTrip, *bytes, Wait::Spin);
            SWEEP_BYTES.iter().filter(|bytes| (transport.refuses)(&cell(bytes)).is_none()).count() > 1
        };
        for transport in TRANSPORTS.iter().filter(swept) {
            let found = COLOURS.iter().filter(|(name, ..)| *name == transport.name).count();
            assert_eq!(found, 1, "{}", transport.name);
        }
    }
}
