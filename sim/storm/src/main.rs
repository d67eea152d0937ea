//! A storm of kills from the command line; also the victims and bystanders that it starts.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that reports")]

use ioi_storm::{Report, Spread, WINDOWS, be_bystander, be_victim, run};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

const USAGE: &str = "\
ioi-storm [--kills N] [--seed N] [--json]

  --kills N    victims to kill (default: 500)
  --seed N     from which windows, traffic and moments follow (default: 1)
  --json       one object on standard output
";

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["victim", seed, number] => match (seed.parse(), number.parse()) {
            (Ok(seed), Ok(number)) => be_victim(seed, number),
            _ => usage("victim wants two numbers"),
        },
        ["bystander", kind] => be_bystander(kind),
        ["--help" | "-h"] => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => match parse(&arguments) {
            Ok((kills, seed, json)) => storm(kills, seed, json),
            Err(error) => usage(&error),
        },
    }
}

fn usage(error: &str) -> ExitCode {
    eprintln!("ioi-storm: {error}\n\n{USAGE}");
    ExitCode::from(2)
}

fn parse(arguments: &[&str]) -> Result<(u64, u64, bool), String> {
    let (mut kills, mut seed, mut json) = (500, 1, false);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse().ok());
            value.ok_or_else(|| format!("{argument} wants a number"))
        };
        match *argument {
            "--kills" => kills = number()?,
            "--seed" => seed = number()?,
            "--json" => json = true,
            other => return Err(format!("there is no option `{other}`")),
        }
    }
    if kills == 0 {
        return Err("--kills wants at least 1".to_owned());
    }
    Ok((kills, seed, json))
}

fn storm(kills: u64, seed: u64, json: bool) -> ExitCode {
    // Whatever becomes of the file that it was started from.
    let report = run("/proc/self/exe".as_ref(), seed, kills, |done| show(done, kills));
    if json {
        print_json(seed, &report)
    } else {
        print(seed, &report)
    }
    match report.broken {
        Some((number, cause)) => {
            eprintln!("kill {number} of seed {seed}: {cause}");
            ExitCode::from(4)
        }
        None => ExitCode::SUCCESS,
    }
}

fn print(seed: u64, report: &Report) {
    println!("seed {seed}\n{:<16} {:>8} {:>8}", "window", "sender", "receiver");
    for (window, [sender, receiver]) in WINDOWS.iter().zip(report.windows) {
        println!("{:<16} {sender:>8} {receiver:>8}", window.name());
    }
    println!("{:<16} {:>8}", "anywhere", report.random);
    println!("{:<16} {:>8}", "survivor asleep", report.asleep);
    for (what, Spread { min, median, p99, max }) in
        [("told", report.told), ("told asleep", report.told_asleep), ("released", report.released)]
    {
        println!("{what:<16} median {median:?}, {min:?} to {max:?}, 99 of 100 within {p99:?}");
    }
    println!("{} messages read after a death, {} leases and loans back", report.drained, report.leases);
    println!("bystanders: {} rounds, blocked for at most {:?}", report.bystanders.0, report.bystanders.1);
}

fn print_json(seed: u64, report: &Report) {
    let spread = |Spread { min, median, p99, max }: Spread| {
        let [min, median, p99, max] = [min, median, p99, max].map(|time| time.as_nanos());
        format!("{{\"min_ns\":{min},\"median_ns\":{median},\"p99_ns\":{p99},\"max_ns\":{max}}}")
    };
    let windows: Vec<_> = WINDOWS
        .iter()
        .zip(report.windows)
        .map(|(window, [sender, receiver])| format!("\"{}\":[{sender},{receiver}]", window.name()))
        .collect();
    println!(
        "{{\"seed\":{seed},\"windows\":{{{}}},\"random\":{},\"told\":{},\"told_asleep\":{},\"released\":{},\"drained\":{},\
         \"leases\":{},\"bystander_rounds\":{},\"bystander_blocked_ns\":{},\"broken\":{}}}",
        windows.join(","),
        report.random,
        spread(report.told),
        spread(report.told_asleep),
        spread(report.released),
        report.drained,
        report.leases,
        report.bystanders.0,
        report.bystanders.1.as_nanos(),
        u8::from(report.broken.is_some())
    );
}

/// A bar on a terminal.
fn show(done: u64, all: u64) {
    if std::io::stderr().is_terminal() {
        let tenths = (done * 30 / all.max(1)) as usize;
        let end = if done == all { "\r\x1b[K" } else { "" };
        eprint!("\rkills [{:<30}] {done} of {all}{end}", "#".repeat(tenths));
        std::io::stderr().flush().ok();
    }
}
