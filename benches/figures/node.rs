//! A whole node for one command: started, asked, ended.

use crate::Result;
use crate::place::Place;
use crate::report::{Goal, Reporter, Samples};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 30;

/// A figure in milliseconds.
pub(crate) fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn run_silently(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// Milliseconds from the start of `ioi ask` on one small document to its answer.
pub(crate) fn first_answers(place: &Place, rounds: usize) -> Result<(Samples, Samples)> {
    let folder = place.one_document()?;
    let (mut answered, mut ended) = (Vec::new(), Vec::new());
    // The first run makes the guardian's key, which no later one does.
    for round in 0..=rounds {
        let start = Instant::now();
        let mut command = place.ioi();
        command.args(["--json", "ask"]).arg(&folder).arg("What are widgets made of?");
        let mut ioi = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let mut answer = None;
        for line in BufReader::new(ioi.stdout.take().ok_or("no output")?).lines() {
            if line?.contains("made of tin") {
                answer = Some(milliseconds(start));
            }
        }
        let status = ioi.wait()?;
        let whole = milliseconds(start);
        let answer =
            answer.filter(|_| status.success()).ok_or("`ioi ask` did not answer from the document")?;
        if round > 0 {
            answered.push(answer);
            ended.push(whole);
        }
    }
    Ok((Samples::new(answered), Samples::new(ended)))
}

pub(crate) fn measure(place: &Place, reporter: &mut Reporter) -> Result<()> {
    let (answered, ended) = first_answers(place, ROUNDS)?;
    let folder = place.one_document()?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run_silently(place.ioi().current_dir(&folder).args(["run", "--", "/bin/true"]))?;
        with.push(milliseconds(start));
        let start = Instant::now();
        run_silently(Command::new("/bin/true").current_dir(&folder))?;
        without.push(milliseconds(start));
    }
    let (with, without) = (Samples::new(with), Samples::new(without));
    let goal = Some(Goal::AtMost(150.0));
    reporter.row("ioi ask, one document: start to answer", "ms", &answered, None, goal);
    reporter.row("ioi ask, one document: start to exit", "ms", &ended, None, None);
    reporter.row("ioi run -- /bin/true: start to exit", "ms", &with, Some(&without), goal);
    reporter.row("/bin/true alone", "ms", &without, None, None);
    Ok(())
}
