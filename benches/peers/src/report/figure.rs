//! Figures as people read them.

use crate::cell::{Cell, Pattern};

/// `151 ns`, `36.2 µs`, `7.31 ms`.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 999.5 => format!("{} ns", three(ns)),
        ns if ns < 999.5e3 => format!("{} µs", three(ns / 1e3)),
        ns if ns < 999.5e6 => format!("{} ms", three(ns / 1e6)),
        ns => format!("{} s", three(ns / 1e9)),
    }
}

/// `39.9 M/s`.
pub fn rate(a_second: f64) -> String {
    match a_second {
        rate if rate < 999.5 => format!("{}/s", three(rate)),
        rate if rate < 999.5e3 => format!("{} k/s", three(rate / 1e3)),
        rate => format!("{} M/s", three(rate / 1e6)),
    }
}

/// In the unit of the cell.
pub fn of_cell(cell: &Cell, value: f64) -> String {
    match cell.pattern {
        Pattern::OneWay => rate(value),
        _ => time(value),
    }
}

/// `2.1 ×`.
pub fn ratio(value: f64) -> String {
    format!("{} ×", three(value))
}

/// Of an axis: `100 ns`, `1 µs`.
pub fn short_time(ns: f64) -> String {
    short(ns, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (0.0, "ns")])
}

/// Of an axis: `10 MB/s`, `1 GB/s`.
pub fn short_bytes(a_second: f64) -> String {
    short(a_second, &[(1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (0.0, "B/s")])
}

fn short(value: f64, units: &[(f64, &str)]) -> String {
    // Powers of ten are not exact in binary.
    let (factor, unit) =
        units.iter().find(|(factor, _)| value >= factor * 0.999).copied().unwrap_or((0.0, ""));
    format!("{:.0} {unit}", value / factor.max(1.0))
}

/// Three digits, or all of those before the point.
fn three(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_before_a_figure_has_four_digits() {
        let times = [(151.2, "151 ns"), (999.6, "1.00 µs"), (36_200.0, "36.2 µs"), (7_310_000.0, "7.31 ms")];
        for (ns, text) in times {
            assert_eq!(time(ns), text);
        }
        assert_eq!((rate(39.9e6).as_str(), rate(20.0).as_str()), ("39.9 M/s", "20.0/s"));
        assert_eq!((short_time(1e5).as_str(), short_bytes(1e10).as_str()), ("100 µs", "10 GB/s"));
        assert_eq!(ratio(0.954), "0.95 ×");
    }
}
