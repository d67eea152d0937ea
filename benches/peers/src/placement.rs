//! How far apart the two cores are at this moment.
//!
//! A virtual machine's cores move: now they are two cores that share a cache, now a cache line between
//! them takes four times as long, now they are two threads of one core, between which a ring takes a
//! third of the time; and each stays so for seconds or minutes. No figure of two polling processes means
//! anything without saying which it was. So a cache line is sent to and fro between all rounds, and
//! a round counts when it said before and after that they were two cores that share a cache.

use crate::cell::{Cell, Pattern, Wait};
use crate::measure::Span;
use crate::run::{Settings, run_near};
use crate::traces::Places;
use crate::transports::find;
use anyhow::{Context, Result};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// There and back in so many ns: two cores that share a cache. The upper end is what such a pair took
/// where the goals were set; two threads of one core take less than the lower one.
pub const CLOSE_NS: RangeInclusive<f64> = 68.0..=151.0;

/// What the two sides are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Two threads of one core.
    OneCore,
    /// Two cores that share a cache.
    Close,
    /// Two cores that share none.
    Far,
}

impl Distance {
    /// By what a cache line takes there and back, in ns.
    pub fn of(line: f64) -> Self {
        match line {
            _ if line < *CLOSE_NS.start() => Self::OneCore,
            _ if line > *CLOSE_NS.end() => Self::Far,
            _ => Self::Close,
        }
    }
}

const SPAN: Span = Span { measured: Duration::from_millis(4), warm_up: Duration::from_millis(1) };
const PAUSE: Duration = Duration::from_millis(200);

/// Watches the cores, and waits for better times as long as its patience lasts.
pub struct Placement<'a> {
    settings: &'a Settings,
    places: &'a Places,
    /// What is left of the waiting that a run may do.
    patience: Duration,
    line: f64,
}

impl<'a> Placement<'a> {
    pub fn new(settings: &'a Settings, places: &'a Places) -> Result<Self> {
        let mut placement = Self { settings, places, patience: settings.patience, line: 0.0 };
        placement.look()?;
        Ok(placement)
    }

    /// A cache line there and back, in ns, when it was last looked at.
    pub fn line(&self) -> f64 {
        self.line
    }

    pub fn look(&mut self) -> Result<f64> {
        let cell = Cell::new(Pattern::RoundTrip, 64, Wait::Spin);
        let transport = find("cache-line").context("there is always a cache line")?;
        let settings = Settings { span: SPAN, ..self.settings.clone() };
        self.line = run_near(transport, &cell, &settings, self.places)?.median;
        Ok(self.line)
    }

    /// Waits until the cores are close, or patience has run out.
    pub fn await_close(&mut self) -> Result<()> {
        while Distance::of(self.line) != Distance::Close && self.is_patient() {
            let start = Instant::now();
            std::thread::sleep(PAUSE);
            self.look()?;
            self.spend(start.elapsed());
        }
        Ok(())
    }

    pub fn is_patient(&self) -> bool {
        !self.patience.is_zero()
    }

    pub fn spend(&mut self, time: Duration) {
        self.patience = self.patience.saturating_sub(time);
    }
}
