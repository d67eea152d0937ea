//! Many kills, and what they showed together.

use crate::bystander::Bystanders;
use crate::survivor::{Kill, Plan, one_kill};
use crate::window::{Role, WINDOWS};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// Nobody else is kept waiting for longer; a wake that is lost costs a second.
const BLOCKED_MAX: Duration = Duration::from_millis(100);

/// Median and ends of a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread {
    /// The shortest.
    pub min: Duration,
    /// As many were shorter as longer.
    pub median: Duration,
    /// 99 of 100 were shorter.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Spread {
        times.sort_unstable();
        let at = |share: usize| {
            times.get(times.len().saturating_sub(1) * share / 1000).copied().unwrap_or_default()
        };
        Spread { min: at(0), median: at(500), p99: at(990), max: at(1000) }
    }
}

/// What a storm showed.
#[derive(Clone, Debug)]
pub struct Report {
    /// Kills in each window as sender and as receiver, in the order of [`WINDOWS`].
    pub windows: [[u64; 2]; WINDOWS.len()],
    /// Kills at a random instruction.
    pub random: u64,
    /// Kills that found the survivor asleep on the port.
    pub asleep: u64,
    /// From the signal until the survivor was told that looked for it.
    pub told: Spread,
    /// From the signal until the survivor was told that slept.
    pub told_asleep: Spread,
    /// From then on until everything was released.
    pub released: Spread,
    /// Messages and records that were read after their sender's death.
    pub drained: u64,
    /// Leases and loans that came back by a death.
    pub leases: u64,
    /// The bystanders' rounds, and the longest that one was blocked.
    pub bystanders: (u64, Duration),
    /// The kill after which something was not as it must be, and what.
    pub broken: Option<(u64, String)>,
}

/// `kills` kills, as they follow from `seed`, until one breaks something.
///
/// # Panics
/// When processes can't be had, or a bystander was blocked.
pub fn run(program: &Path, seed: u64, kills: u64, mut progress: impl FnMut(u64)) -> Report {
    let bystanders = Bystanders::start(program);
    let mut shown = Vec::with_capacity(kills as usize);
    let mut broken = None;
    for number in 0..kills {
        match catch_unwind(AssertUnwindSafe(|| one_kill(program, seed, number))) {
            Ok(kill) => shown.push((Plan::new(seed, number), kill)),
            Err(panic) => {
                broken = Some((number, words(&*panic)));
                break;
            }
        }
        progress(number + 1);
    }
    let bystanders = bystanders.end();
    assert!(bystanders.1 <= BLOCKED_MAX, "a bystander was blocked for {:?}", bystanders.1);
    summed_up(&shown, bystanders, broken)
}

fn summed_up(shown: &[(Plan, Kill)], bystanders: (u64, Duration), broken: Option<(u64, String)>) -> Report {
    let mut windows = [[0; 2]; WINDOWS.len()];
    let mut random = 0;
    for (plan, _) in shown {
        match plan.window {
            Some((window, role)) => windows[window as usize][usize::from(role == Role::Receiver)] += 1,
            None => random += 1,
        }
    }
    let told = |asleep| {
        Spread::of(
            shown.iter().filter(|(plan, _)| plan.asleep == asleep).map(|(_, kill)| kill.told).collect(),
        )
    };
    Report {
        windows,
        random,
        asleep: shown.iter().filter(|(plan, _)| plan.asleep).count() as u64,
        told: told(false),
        told_asleep: told(true),
        released: Spread::of(shown.iter().map(|(_, kill)| kill.released).collect()),
        drained: shown.iter().map(|(_, kill)| u64::from(kill.drained)).sum(),
        leases: shown.iter().map(|(_, kill)| kill.leases as u64).sum(),
        bystanders,
        broken,
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}
