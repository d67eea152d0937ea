//! Tells lies to the shared memory, as many as asked for, and says what came of them.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that reports")]

mod options;

use ioi_hostile::{Broken, OUTCOMES, Tally, Target, replay, run, wrap};
use options::{Options, USAGE};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    if arguments.iter().any(|word| word == "--help" || word == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if let [kind, name] = &arguments[..]
        && kind == "peer"
    {
        return ioi_hostile::process::be_peer(name);
    }
    match Options::parse(&arguments) {
        Ok(options) => lie(&options),
        Err(error) => {
            eprintln!("ioi-hostile: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn lie(options: &Options) -> ExitCode {
    if let ([target], Some(episode)) = (&options.targets[..], options.episode) {
        let began = Instant::now();
        let tally = replay(*target, options.seed, episode);
        report(options, target.name(), &tally, None, began.elapsed().as_secs_f64());
        return ExitCode::SUCCESS;
    }
    if options.wrap {
        let count = (1 << 32) + (1 << 24);
        wrap::messages(count, |done| show("wrap", done, count));
    }
    let share = options.cases.div_ceil(options.targets.len() as u64);
    let mut sum = Tally::default();
    let started = Instant::now();
    for target in &options.targets {
        let began = Instant::now();
        let (tally, broken) = run(*target, options.seed, share, |done| show(target.name(), done, share));
        report(options, target.name(), &tally, broken.as_ref(), began.elapsed().as_secs_f64());
        if let Some(broken) = broken {
            eprintln!("{broken}\nagain: {}", command(*target, options.seed, broken.episode));
            return ExitCode::from(4);
        }
        sum.add(&tally);
    }
    report(options, "all", &sum, None, started.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn command(target: Target, seed: u64, episode: u64) -> String {
    format!("cargo run -p ioi-hostile -- --target {} --seed {seed} --episode {episode}", target.name())
}

fn report(options: &Options, name: &str, tally: &Tally, broken: Option<&Broken>, seconds: f64) {
    let outcomes: Vec<_> = OUTCOMES.iter().zip(tally.outcomes).filter(|(_, count)| *count > 0).collect();
    if options.json {
        let outcomes: Vec<_> = outcomes.iter().map(|(name, count)| format!("\"{name}\":{count}")).collect();
        let Tally { cases, episodes, .. } = tally;
        println!(
            "{{\"target\":\"{name}\",\"seed\":{},\"cases\":{cases},\"episodes\":{episodes},\
             \"seconds\":{seconds:.3},\"broken\":{},\"outcomes\":{{{}}}}}",
            options.seed,
            broken.map_or("null".to_owned(), |broken| broken.episode.to_string()),
            outcomes.join(",")
        );
        return;
    }
    println!("{name:<14} {:>11} cases {:>10} episodes {seconds:>8.1} s", tally.cases, tally.episodes);
    for (name, count) in outcomes {
        println!("  {name:<18} {count:>12}");
    }
}

/// A bar on a terminal.
fn show(name: &str, done: u64, all: u64) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let tenths = (done * 30 / all.max(1)).min(30) as usize;
    let end = if done >= all { "\r\x1b[K" } else { "" };
    eprint!("\r{name:<14} [{:<30}] {:>3} %{end}", "#".repeat(tenths), done * 100 / all.max(1));
    std::io::stderr().flush().ok();
}
