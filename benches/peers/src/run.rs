//! The coordinator: one near process for each cell, transport and round, the transports taking turns,
//! so that what else the machine does falls on all of them.

use crate::cell::{Cell, size_text};
use crate::measure::Span;
use crate::pin::Cores;
use crate::placement::Placement;
use crate::sample::{Round, Summary};
use crate::traces::{Places, RUN};
use crate::transports::{TRANSPORTS, Transport};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::io::{IsTerminal, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// For one round of one cell, however slow the transport is.
const ROUND_MAX: Duration = Duration::from_secs(20);

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Settings {
    pub rounds: usize,
    pub span: Span,
    pub cores: Cores,
    /// Empty for all.
    pub transports: Vec<String>,
    /// How long the run may wait in all for its two cores to be close to each other.
    pub patience: Duration,
}

/// What came out for one cell and transport.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub cell: Cell,
    pub transport: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Figures, or why there are none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Figures(Summary),
    /// The transport has no such thing.
    NotOffered(String),
    /// It was tried and did not work.
    Failed(String),
}

/// All cells, one after the other.
pub fn run(cells: &[Cell], settings: &Settings) -> Result<Vec<Measured>> {
    let places = Places::create()?;
    let mut placement = Placement::new(settings, &places)?;
    let mut results = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        progress(&format!(
            "{}/{} {:?} {} {:?}",
            index + 1,
            cells.len(),
            cell.pattern,
            size_text(cell.bytes),
            cell.wait
        ));
        results.extend(Turns::new(*cell, settings, &places).run(&mut placement)?);
    }
    progress("");
    places.remove();
    Ok(results)
}

/// The rounds of one cell.
struct Turns<'a> {
    cell: Cell,
    settings: &'a Settings,
    places: &'a Places,
    rounds: Vec<(&'static Transport, Vec<Round>, Option<String>)>,
    refused: Vec<Measured>,
}

impl<'a> Turns<'a> {
    fn new(cell: Cell, settings: &'a Settings, places: &'a Places) -> Self {
        let mut turns = Self { cell, settings, places, rounds: Vec::new(), refused: Vec::new() };
        let chosen =
            |name: &str| settings.transports.is_empty() || settings.transports.iter().any(|own| own == name);
        for transport in TRANSPORTS.iter().filter(|transport| chosen(transport.name)) {
            match (transport.refuses)(&cell) {
                None => turns.rounds.push((transport, Vec::new(), None)),
                // A limit that does not apply is not worth a word.
                Some("") => {}
                Some(why) => turns.refused.push(result(cell, transport, Outcome::NotOffered(why.to_owned()))),
            }
        }
        turns
    }

    fn run(mut self, placement: &mut Placement<'_>) -> Result<Vec<Measured>> {
        let count = self.rounds.len();
        for round in 0..self.settings.rounds {
            for turn in 0..count {
                // Nobody is always the one after the loudest.
                self.turn((turn + round) % count, placement)?;
            }
        }
        let summed = self.rounds.into_iter().map(|(transport, rounds, error)| {
            let outcome = match (Summary::new(rounds), error) {
                (Some(summary), None) => Outcome::Figures(summary),
                (_, error) => Outcome::Failed(error.unwrap_or_else(|| "no round was measured".to_owned())),
            };
            result(self.cell, transport, outcome)
        });
        Ok(summed.chain(self.refused).collect())
    }

    fn turn(&mut self, index: usize, placement: &mut Placement<'_>) -> Result<()> {
        let (transport, rounds, error) = &mut self.rounds[index];
        // One failure is enough; it would fail again, and each may take its full time.
        while error.is_none() {
            placement.await_close()?;
            let (before, start) = (placement.line(), Instant::now());
            match run_near(transport, &self.cell, self.settings, self.places) {
                Ok(mut round) => {
                    if let Some(left) = &mut round.left {
                        let traces = self.places.count();
                        (left.files_after, left.bytes_after) = (traces.files, traces.bytes);
                    }
                    self.places.sweep();
                    round.lines = [before, placement.look()?];
                    rounds.push(round);
                    if round.is_close() || !placement.is_patient() {
                        return Ok(());
                    }
                    placement.spend(start.elapsed());
                }
                Err(reason) => *error = Some(format!("{reason:#}")),
            }
        }
        self.places.sweep();
        Ok(())
    }
}

fn result(cell: Cell, transport: &Transport, outcome: Outcome) -> Measured {
    Measured { cell, transport: transport.name.to_owned(), outcome }
}

/// One round of one transport, in processes of its own.
pub(crate) fn run_near(
    transport: &Transport,
    cell: &Cell,
    settings: &Settings,
    places: &Places,
) -> Result<Round> {
    let Settings { span, cores, .. } = settings;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["near", transport.name, &cell.to_argument()?]);
    command.args([cores.near, cores.far].map(|core| core.to_string()));
    command.args([span.measured, span.warm_up].map(|time| time.as_millis().to_string()));
    command.env(RUN, places.run()).env("TMPDIR", places.scratch());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let ended = wait(&mut child);
    let (mut output, mut errors) = (String::new(), String::new());
    // A far side that outlives its parent by a moment still holds the pipes; it is about to be killed.
    child.stdout.take().context("no output")?.read_to_string(&mut output)?;
    child.stderr.take().context("no errors")?.read_to_string(&mut errors)?;
    ended?;
    match output.lines().last().map(serde_json::from_str) {
        Some(Ok(round)) => Ok(round),
        _ => bail!("{}", errors.trim().lines().last().unwrap_or("it ended without a word")),
    }
}

fn wait(child: &mut Child) -> Result<()> {
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > ROUND_MAX {
            child.kill()?;
            child.wait()?;
            bail!("it took longer than {} s", ROUND_MAX.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// On a terminal one line that is overwritten.
fn progress(text: &str) {
    let mut errors = std::io::stderr();
    let _ = match errors.is_terminal() {
        true => write!(errors, "\r\x1b[K{text}"),
        false if text.is_empty() => Ok(()),
        false => writeln!(errors, "{text}"),
    };
    let _ = errors.flush();
}
