//! `ioi ipc bench`: the data plane on this machine, beside a plain Unix socket.
//!
//! For each round a far process is started on a second core; the near one
//! measures. The rounds of both transports take turns, so that whatever else the
//! machine does falls on both, and what it does shows as spread.

mod cell;
mod channel;
mod cores;
mod far;
mod figure;
mod message;
mod near;
mod ours;
mod plot;
mod report;
mod socket;
mod transport;

pub(crate) use cores::Cores;
pub(crate) use far::far_side;

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::render::Screen;
use cell::{Cell, Pattern, ROWS, SWEEP_BYTES};
use figure::Figure;
use report::{Machine, Measured, Report};
use rustix::thread::{sched_getaffinity, sched_setaffinity};
use std::time::Duration;
use transport::Transport;

/// How much is measured.
struct Effort {
    rounds: usize,
    /// Of the cells that are only for the plot.
    sweep_rounds: usize,
    span: Duration,
    cores: Cores,
}

pub(super) fn run(args: &BenchArgs, screen: &mut Screen) -> Result<(), Failure> {
    let cores = match args.cores {
        Some(cores) => cores.checked().map_err(|why| Failure::usage(format!("--cores: {why}")))?,
        None => Cores::first_two().map_err(Failure::unavailable)?,
    };
    // Measuring takes minutes, so a plot that has no place is refused before.
    args.plot.as_deref().map_or(Ok(()), plot::check_place)?;
    let (rounds, sweep_rounds, millis) = if args.quick { (3, 1, 20) } else { (7, 5, 100) };
    let effort = Effort { rounds, sweep_rounds, span: Duration::from_millis(millis), cores };
    let machine = Machine::read();
    let sweep = |pattern| SWEEP_BYTES.map(|bytes| Cell { pattern, bytes });
    let swept = match args.plot {
        Some(_) => [sweep(Pattern::RoundTrip), sweep(Pattern::OneWay)].concat(),
        None => Vec::new(),
    };
    let cells: Vec<Cell> = ROWS.iter().map(|(_, cell)| *cell).chain(swept).collect();
    let mut measured = on_own_cores(|| measure(&cells, &effort, screen))?;
    let sweep = measured.split_off(ROWS.len());
    let report = Report { machine, rounds, rows: measured, sweep };
    if screen.is_json() {
        screen.line(&report.to_json().to_string());
    } else {
        report.print(screen);
    }
    if let Some(path) = &args.plot {
        std::fs::write(path, plot::svg(&report))
            .map_err(|error| plot::not_written(path, &error.to_string()))?;
        screen.note(&format!("Plot: {}", path.display()));
    }
    match report.rows.iter().chain(&report.sweep).flat_map(Measured::failures).next() {
        Some(why) => Err(Failure::unavailable(format!("not everything could be measured: {why}"))),
        None => Ok(()),
    }
}

/// Puts back the cores that this thread may use.
fn on_own_cores<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    let unknown = |errno| Failure::unavailable(format!("the cores can't be told: {errno}"));
    let before = sched_getaffinity(None).map_err(unknown)?;
    let done = work();
    sched_setaffinity(None, &before).map_err(unknown)?;
    Ok(done)
}

/// The rounds of one cell so far, and what went wrong; ours first.
#[derive(Clone, Default)]
struct Rounds {
    values: [Vec<near::Round>; 2],
    errors: [Option<String>; 2],
}

impl Rounds {
    fn measure(&mut self, cell: Cell, effort: &Effort) {
        for (which, transport) in Transport::BOTH.into_iter().enumerate() {
            // One failure is enough; each may take its full patience.
            if self.errors[which].is_some() {
                continue;
            }
            match near::round(transport, cell, effort.cores, effort.span) {
                Ok(round) => self.values[which].push(round),
                Err(error) => {
                    let (pattern, bytes) = (cell.pattern.name(), cell.bytes);
                    let over = transport.name();
                    self.errors[which] = Some(format!("{pattern} of {bytes} bytes over {over}: {error}"));
                }
            }
        }
    }

    fn finish(self, cell: Cell) -> Measured {
        let none = || "no round was measured".to_owned();
        let figure = |values: &[near::Round], error: Option<String>| match error {
            None => Figure::new(values).ok_or_else(none),
            Some(error) => Err(error),
        };
        let ([ours, socket], [no_ours, no_socket]) = (self.values, self.errors);
        Measured { cell, ours: figure(&ours, no_ours), socket: figure(&socket, no_socket) }
    }
}

/// Round by round, so that the rounds of one cell lie as far apart in time as can be.
fn measure(cells: &[Cell], effort: &Effort, screen: &mut Screen) -> Vec<Measured> {
    let rounds_of = |index| if index < ROWS.len() { effort.rounds } else { effort.sweep_rounds };
    let total = (0..cells.len()).map(rounds_of).sum::<usize>() as u64;
    let (mut all, mut done) = (vec![Rounds::default(); cells.len()], 0);
    for round in 0..effort.rounds {
        for (index, cell) in cells.iter().enumerate().filter(|(index, _)| round < rounds_of(*index)) {
            screen.measuring(done, total);
            all[index].measure(*cell, effort);
            done += 1;
        }
    }
    screen.measured();
    all.into_iter().zip(cells).map(|(rounds, cell)| rounds.finish(*cell)).collect()
}
