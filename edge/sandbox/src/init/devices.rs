//! The devices that every program finds.

/// Sources and sinks without a device behind them.
pub(super) const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// The caller's terminal.
pub(super) const TERMINAL: &str = "/dev/tty";

/// Links to what a process has open, as every Linux has them.
pub(super) const LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// The devices for a program with or without a terminal.
pub(super) fn devices(terminal: bool) -> impl Iterator<Item = &'static str> {
    DEVICES.into_iter().chain(terminal.then_some(TERMINAL))
}
