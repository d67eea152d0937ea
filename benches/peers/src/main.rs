//! `cargo xtask bench ipc`: measures every transport beside the others and writes the results.
#![forbid(unsafe_code)]

use anyhow::{Context, Result, bail, ensure};
use ioi_peers::cell::Cell;
use ioi_peers::link::Link;
use ioi_peers::measure::Span;
use ioi_peers::pin::{Cores, end_with_parent, pin};
use ioi_peers::report::Report;
use ioi_peers::run::Settings;
use ioi_peers::transports::{Near, find};
use ioi_peers::{goals, report, run};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
cargo xtask bench ipc [--quick] [--row TEXT] [--json FILE] [--docs DIR] [--cores A,B] [--patience S]
                     [--from FILE]… [TRANSPORT…]

  --quick        three short rounds: shows that everything runs, not how fast
  --row TEXT     only the rows of the table that have this in their name
  --json FILE    all rounds of all cells as one object
  --docs DIR     where ipc.md, ipc-latency.svg and ipc-throughput.svg go (a full run of all
                 transports writes them into docs/benchmarks)
  --cores A,B    for the two sides (default: the first two that may be used)
  --patience S   how long it may wait in all for the two cores to come close (default: 600 s)
  --from FILE    measures nothing and tells an earlier run, as --json wrote it; of further ones each
                 row replaces the one before
  TRANSPORT…     these only";

/// A run waits no longer in all for its two cores to come close, if nothing else is said.
const PATIENCE_S: u64 = 600;

/// What one command line asks for.
#[derive(Default)]
struct Options {
    is_quick: bool,
    row: Option<String>,
    json: Option<PathBuf>,
    docs: Option<PathBuf>,
    cores: Option<Cores>,
    patience_s: Option<u64>,
    from: Vec<PathBuf>,
    transports: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match words.as_slice() {
        ["near", rest @ ..] => near(rest),
        ["far", rest @ ..] => far(rest),
        _ => match Options::parse(&words) {
            Ok(options) => coordinate(&options),
            Err(error) => {
                eprintln!("{error}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(6)
        }
    }
}

impl Options {
    fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} wants a value"));
            match *word {
                "--quick" => options.is_quick = true,
                "--row" => options.row = Some((*value()?).to_owned()),
                "--json" => options.json = Some(value()?.into()),
                "--docs" => options.docs = Some(value()?.into()),
                "--from" => options.from.push(value()?.into()),
                "--patience" => {
                    let seconds = value()?;
                    let seconds = seconds.parse().with_context(|| format!("`{seconds}` are no seconds"))?;
                    options.patience_s = Some(seconds);
                }
                "--cores" => options.cores = Some(Cores::parse(value()?)?),
                name if find(name).is_some() => options.transports.push(name.to_owned()),
                other => bail!("there is no option and no transport `{other}`"),
            }
        }
        Ok(options)
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let Some(text) = &self.row else { return Ok(goals::cells()) };
        let rows = goals::ROWS.iter().filter(|row| row.what.contains(text));
        let cells: Vec<_> = rows.map(|row| row.cell).collect();
        ensure!(!cells.is_empty(), "no row has `{text}` in its name");
        Ok(cells)
    }

    fn settings(&self) -> Result<Settings> {
        let (rounds, measured, warm_up, patience) =
            if self.is_quick { (3, 20, 5, 0) } else { (7, 100, 30, PATIENCE_S) };
        let span =
            Span { measured: Duration::from_millis(measured), warm_up: Duration::from_millis(warm_up) };
        let cores = self.cores.map_or_else(Cores::first_two, Ok)?;
        let patience = Duration::from_secs(self.patience_s.unwrap_or(patience));
        Ok(Settings { rounds, span, cores, transports: self.transports.clone(), patience })
    }

    /// Figures of a short or partial run don't replace the documented ones.
    fn docs(&self) -> Option<PathBuf> {
        let is_full =
            !self.is_quick && self.row.is_none() && self.transports.is_empty() && self.from.is_empty();
        let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks");
        self.docs.clone().or(is_full.then_some(own))
    }
}

fn coordinate(options: &Options) -> Result<()> {
    let report = match options.from.as_slice() {
        [] => measure(&options.cells()?, &options.settings()?)?,
        [first, later @ ..] => {
            let mut report = earlier(first)?;
            for path in later {
                report.replace(earlier(path)?).with_context(|| path.display().to_string())?;
            }
            report
        }
    };
    print!("{}", report::table::text(&report));
    if let Some(path) = &options.json {
        std::fs::write(path, report.to_json()?).with_context(|| path.display().to_string())?;
    }
    if let Some(folder) = options.docs() {
        report::write_docs(&report, &folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

fn earlier(path: &Path) -> Result<Report> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Report::from_json(&text).with_context(|| path.display().to_string())
}

fn measure(cells: &[Cell], settings: &Settings) -> Result<Report> {
    Ok(Report::new(settings, run::run(cells, settings)?))
}

fn near(words: &[&str]) -> Result<()> {
    let [name, cell, near_core, far_core, measured, warm_up] = words else {
        bail!("near wants six arguments")
    };
    let transport = find(name).context("no such transport")?;
    let cores = Cores { near: near_core.parse()?, far: far_core.parse()? };
    let [measured, warm_up] = [measured, warm_up].map(|millis| millis.parse().map(Duration::from_millis));
    let span = Span { measured: measured?, warm_up: warm_up? };
    end_with_parent()?;
    pin(cores.near)?;
    let near = Near { transport: transport.name, cell: Cell::from_argument(cell)?, span, cores };
    let round = (transport.near)(&near)?;
    println!("{}", serde_json::to_string(&round)?);
    Ok(())
}

fn far(words: &[&str]) -> Result<()> {
    let [name, cell, near_core, far_core] = words else { bail!("far wants four arguments") };
    let transport = find(name).context("no such transport")?;
    let cores = Cores { near: near_core.parse()?, far: far_core.parse()? };
    pin(cores.far)?;
    (transport.far)(Link::inherited()?, Cell::from_argument(cell)?, cores)
}
