//! What the figures were taken on.

use serde::{Deserialize, Serialize};
use std::fs;

/// Of this machine, at this moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    pub memory_gib: u64,
    /// One, five and fifteen minutes.
    pub load: String,
    /// Of one reading of the clock, ns.
    pub clock_ns: f64,
}

impl Machine {
    pub fn read() -> Self {
        let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let kernel = rustix::system::uname();
        Self {
            processor: model.unwrap_or("unknown").to_owned(),
            cores: information.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: format!("Linux {}", release(&kernel.release().to_string_lossy())),
            memory_gib: memory_gib(),
            load: fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .split(' ')
                .take(3)
                .collect::<Vec<_>>()
                .join(" "),
            clock_ns: clock_ns(),
        }
    }
}

/// The version without what a distribution adds to it.
fn release(text: &str) -> &str {
    text.split('-').next().unwrap_or(text)
}

fn memory_gib() -> u64 {
    let information = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = information.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: u64 = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0);
    kib.div_ceil(1 << 20)
}

fn clock_ns() -> f64 {
    const COUNT: u64 = 100_000;
    let start = crate::measure::now();
    for _ in 0..COUNT {
        std::hint::black_box(crate::measure::now());
    }
    (crate::measure::now() - start) as f64 / COUNT as f64
}
