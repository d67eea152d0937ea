//! Prints how fast texts are scrubbed by one thread, beside Presidio's pattern recognisers.
//!
//! `cargo bench -p ioi-scrub` measures ours alone. With `IOI_PRESIDIO` naming a Python that has
//! `presidio-analyzer`, its pattern recognisers (no language model) read the first part of the same texts. Each
//! figure is a median with the least and the greatest; texts come from a fixed seed.
#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod corpus;

use ioi_scrub::{Kinds, Scrubber, Tokens, Treatment, Treatments};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

const RUNS: usize = 15;
const BYTES: usize = 16 << 20;
/// Presidio reads less: it is slower by orders of magnitude.
const PEER_BYTES: usize = 64 << 10;
const PEER_RUNS: usize = 5;

fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average {}", load.trim());
    let texts = [("ASCII prose", corpus::prose(BYTES)), ("mixed UTF-8 with base64", corpus::mixed(BYTES))];
    for (name, text) in &texts {
        let all = Treatments::new().with(Kinds::all(), Treatment::Redact);
        let secrets = Kinds::named("secret").map(|kinds| Treatments::new().with(kinds, Treatment::Redact));
        ours(&format!("{name}, all kinds"), text.as_bytes(), all);
        ours(&format!("{name}, secrets"), text.as_bytes(), secrets.unwrap_or_default());
        pieces(&format!("{name}, all kinds, in pieces of 1 KiB"), text.as_bytes(), all);
    }
    for (name, part) in HOSTILE {
        let text = part.repeat((BYTES / 4) / part.len());
        ours(
            &format!("hostile: {name}"),
            text.as_bytes(),
            Treatments::new().with(Kinds::all(), Treatment::Redact),
        );
    }
    match std::env::var("IOI_PRESIDIO") {
        Err(_) => println!("skipped: no Presidio (IOI_PRESIDIO names a Python that has presidio-analyzer)"),
        Ok(python) => texts.iter().for_each(|(name, text)| peer(&python, name, text)),
    }
}

/// Texts that take the most work for a byte.
const HOSTILE: &[(&str, &str)] = &[
    ("groups of digits", "4-1 "),
    ("listed words", "abandon "),
    ("nearly addresses", "a@a@"),
    ("nearly first lines", "-----BEGIN "),
    ("JSON escapes", "\\u0041"),
    ("base64 of text", "YUBiLmNkIGFAYi5jZCAx"),
];

fn ours(name: &str, text: &[u8], treatments: Treatments) {
    let scrubber = Scrubber::new(treatments);
    let mut counted = 0;
    let rates = (0..=RUNS).map(|_| {
        let start = Instant::now();
        let outcome = scrubber.scrub(text, &mut Tokens::new(b"bench"));
        counted = outcome.counts.total();
        text.len() as f64 / 1e6 / start.elapsed().as_secs_f64()
    });
    // The first run makes tables and touches memory.
    let rates: Vec<f64> = rates.collect::<Vec<_>>().split_off(1);
    report(name, rates, text.len(), counted);
}

fn pieces(name: &str, text: &[u8], treatments: Treatments) {
    let scrubber = Scrubber::new(treatments);
    let mut counted = 0;
    let rates = (0..RUNS).map(|_| {
        let (mut stream, mut tokens) = (scrubber.stream(), Tokens::new(b"bench"));
        let start = Instant::now();
        text.chunks(1 << 10).for_each(|piece| drop(stream.push(piece, &mut tokens)));
        counted = stream.finish(&mut tokens).counts.total();
        text.len() as f64 / 1e6 / start.elapsed().as_secs_f64()
    });
    let rates = rates.collect();
    report(name, rates, text.len(), counted);
}

fn report(name: &str, mut rates: Vec<f64>, bytes: usize, counted: u64) {
    rates.sort_by(f64::total_cmp);
    let (least, greatest) = (rates[0], rates[rates.len() - 1]);
    let median = rates[rates.len() / 2];
    println!(
        "{name}: {median:.3} MB/s ({least:.3}–{greatest:.3}, n = {}), {counted} findings in {:.1} MB",
        rates.len(),
        bytes as f64 / 1e6
    );
}

/// All recognisers of Presidio that are patterns, on English text in pieces of 4,000 characters, as its own
/// examples cut it; prints MB/s of each run, then the findings.
const SCRIPT: &str = r#"
import sys, time, logging
logging.disable(logging.CRITICAL)
from presidio_analyzer import PatternRecognizer, AnalyzerEngine, RecognizerRegistry
import presidio_analyzer.predefined_recognizers as known
class Nothing:
    engine_name = "none"; is_available = True
made = []
for name in sorted(dir(known)):
    kind = getattr(known, name)
    if isinstance(kind, type) and issubclass(kind, PatternRecognizer) and kind is not PatternRecognizer:
        try: made.append(kind())
        except Exception: pass
made = [r for r in made if getattr(r, "supported_language", "en") == "en" and getattr(r, "patterns", None)]
text = sys.stdin.buffer.read().decode("utf-8", "ignore")
size = len(text.encode())
parts = [text[at:at + 4000] for at in range(0, len(text), 4000)]
runs = int(sys.argv[1])
print("recognisers", len(made))
for run in range(runs):
    start = time.perf_counter(); found = 0
    for part in parts:
        for recogniser in made:
            found += len(recogniser.analyze(part, recogniser.supported_entities, None) or [])
    print(size / 1e6 / (time.perf_counter() - start), found)
"#;

fn peer(python: &str, name: &str, text: &str) {
    let part: String = text
        .chars()
        .scan(0, |bytes, c| {
            *bytes += c.len_utf8();
            (*bytes <= PEER_BYTES).then_some(c)
        })
        .collect();
    match run_peer(python, &part) {
        Ok(lines) => {
            let figures = lines.lines().filter(|line| !line.starts_with("recognisers"));
            let figures: Vec<(f64, u64)> = figures
                .filter_map(|line| line.split_once(' '))
                .filter_map(|(rate, found)| Some((rate.parse().ok()?, found.parse().ok()?)))
                .collect();
            let Some((_, found)) = figures.last().copied() else {
                return println!("skipped: Presidio printed no figure: {lines}");
            };
            println!("{}", lines.lines().next().unwrap_or_default());
            report(
                &format!("Presidio, {name}"),
                figures.iter().map(|(rate, _)| *rate).collect(),
                part.len(),
                found,
            );
        }
        Err(error) => println!("skipped: no Presidio at {python}: {error}"),
    }
}

fn run_peer(python: &str, text: &str) -> std::io::Result<String> {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT, &PEER_RUNS.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    Ok(String::from_utf8_lossy(&child.wait_with_output()?.stdout).into_owned())
}
