//! `ioi ask` on documentation as it is installed: megabytes a second, memory, the second question.

use crate::Result;
use crate::node::{first_answers, milliseconds};
use crate::place::Place;
use crate::report::{Goal, Reporter, Samples};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROUNDS: usize = 11;
/// Of a corpus that takes most of a minute.
const ROUNDS_OF_LARGE: usize = 3;
const LARGE_BYTES: u64 = 200_000_000;
const SAMPLING: Duration = Duration::from_millis(10);
const MIB: f64 = 1_048_576.0;

struct Corpus {
    name: &'static str,
    source: PathBuf,
    ending: &'static str,
    question: [&'static str; 2],
    bytes_a_second_min: f64,
}

fn debian() -> Vec<Result<Corpus>> {
    let python = || package("python3.11-doc", "/usr/share/doc/python3.11/html");
    let questions = ["How do I open a file for reading?", "What does the asyncio event loop do?"];
    vec![
        corpus("python3.11-doc, HTML", python(), "html", questions, 20e6),
        corpus("python3.11-doc, plain text", python(), "txt", questions, 60e6),
        corpus(
            "postgresql-doc-15, HTML",
            package("postgresql-doc-15", "/usr/share/doc/postgresql-doc-15/html"),
            "html",
            ["How does vacuum reclaim storage?", "What is a write-ahead log?"],
            20e6,
        ),
    ]
}

fn rust() -> Result<Corpus> {
    let questions = ["How does Vec grow its capacity?", "What is a trait object?"];
    corpus("Rust documentation, HTML", rust_documentation(), "html", questions, 20e6)
}

fn corpus(
    name: &'static str,
    source: Result<PathBuf>,
    ending: &'static str,
    question: [&'static str; 2],
    bytes_a_second_min: f64,
) -> Result<Corpus> {
    source.map(|source| Corpus { name, source, ending, question, bytes_a_second_min })
}

/// The folder of a Debian package, installed when it is missing and this is root.
fn package(name: &str, folder: &str) -> Result<PathBuf> {
    let folder = PathBuf::from(folder);
    if !folder.is_dir() && rustix::process::geteuid().is_root() {
        let mut install = Command::new("apt-get");
        install.args(["install", "-y", "--no-install-recommends", name]).stdout(Stdio::null());
        install.status().map_err(|error| format!("no {name}: apt-get: {error}"))?;
    }
    if folder.is_dir() { Ok(folder) } else { Err(format!("no {name}").into()) }
}

fn rust_documentation() -> Result<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let folder = Path::new(String::from_utf8(output.stdout)?.trim()).join("share/doc/rust/html");
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err("no Rust documentation (`rustup component add rust-docs`)".into())
    }
}

/// Copies the files with this ending, links followed, so that nothing else is measured.
fn copy_files(from: &Path, to: &Path, ending: &str) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let (path, target) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        let Ok(kind) = std::fs::metadata(&path) else { continue };
        if kind.is_dir() && !path.is_symlink() {
            copy_files(&path, &target, ending)?;
        } else if kind.is_file() && path.extension().is_some_and(|found| found == ending) {
            std::fs::create_dir_all(to)?;
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Reads every file once, as the least that any reader does; returns the bytes.
fn read_all(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => read_all(&entry.path())?,
            false => std::fs::read(entry.path())?.len() as u64,
        };
    }
    Ok(bytes)
}

/// The numbers of `/proc/<pid>/status`, in KiB where they have a unit.
fn status(pid: u32) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let number = |line: &str| {
        let (key, value) = line.split_once(':')?;
        Some((key.to_owned(), value.split_whitespace().next()?.parse().ok()?))
    };
    text.lines().filter_map(number).collect()
}

/// The workload process beneath `ioi`.
fn workload_of(ioi: u32) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let is_workload = |pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "ioi-workload")
    };
    let beneath = |pid: &u32| {
        let mut at = *pid;
        while at > 1 && at != ioi {
            at = status(at).get("PPid").map_or(0, |parent| *parent as u32);
        }
        at == ioi
    };
    pids.filter(is_workload).find(beneath)
}

/// Memory of a process: the kernel's own peak, and what it was made of when a sample was largest. KiB.
#[derive(Clone, Copy, Default)]
struct Memory {
    peak: u64,
    anonymous: u64,
    shared: u64,
}

fn watch(ioi: u32, over: &AtomicBool) -> Memory {
    let (mut memory, mut pid) = (Memory::default(), None);
    while !over.load(Ordering::Relaxed) {
        pid = pid.or_else(|| workload_of(ioi));
        if let Some(pid) = pid {
            let now = status(pid);
            let get = |key: &str| now.get(key).copied().unwrap_or(0);
            memory.peak = memory.peak.max(get("VmHWM"));
            if get("RssAnon") + get("RssShmem") > memory.anonymous + memory.shared {
                (memory.anonymous, memory.shared) = (get("RssAnon"), get("RssShmem"));
            }
        }
        std::thread::sleep(SAMPLING);
    }
    memory
}

/// What one run showed.
struct Seen {
    first_answer_ms: f64,
    second_question_ms: f64,
    documents: u64,
    skipped: u64,
    bytes: f64,
    text_bytes: f64,
    memory: Memory,
}

fn ask_once(place: &Place, folder: &Path, questions: [&str; 2]) -> Result<Seen> {
    let start = Instant::now();
    let mut command = place.ioi();
    command.args(["--json", "ask"]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut ioi = command.stderr(Stdio::null()).spawn()?;
    let mut input = ioi.stdin.take().ok_or("no input")?;
    writeln!(input, "{}\n{}", questions[0], questions[1])?;
    let (over, pid) = (AtomicBool::new(false), ioi.id());
    let output = BufReader::new(ioi.stdout.take().ok_or("no output")?);
    let (events, memory) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(pid, &over));
        let events = read_events(output, start);
        // The workload lives until its input ends, so that the last sample is of the whole job.
        std::thread::sleep(2 * SAMPLING);
        over.store(true, Ordering::Relaxed);
        drop(input);
        (events, watching.join().unwrap_or_default())
    });
    let (read, answers) = events?;
    if !ioi.wait()?.success() {
        return Err("`ioi ask` failed".into());
    }
    let number = |key: &str| read[key].as_u64().ok_or_else(|| format!("the read event has no {key}"));
    Ok(Seen {
        first_answer_ms: answers[0].0,
        second_question_ms: answers[1].1 / 1e3,
        documents: number("documents")?,
        skipped: number("skipped")?,
        bytes: number("bytes")? as f64,
        text_bytes: number("text_bytes")? as f64,
        memory,
    })
}

/// The `read` event, and of each of two answers when it came (ms) and what it took (µs).
fn read_events(output: impl BufRead, start: Instant) -> Result<(serde_json::Value, Vec<(f64, f64)>)> {
    let (mut read, mut answers) = (serde_json::Value::Null, Vec::new());
    for line in output.lines() {
        let came = milliseconds(start);
        let event: serde_json::Value = serde_json::from_str(&line?)?;
        match event["event"].as_str() {
            Some("read") => read = event,
            Some("answer") if event["found"] == true => {
                answers.push((came, event["micros"].as_f64().ok_or("an answer without its time")?));
            }
            Some("answer") => return Err("a question found no answer".into()),
            Some("error") => return Err(format!("`ioi ask` failed: {event}").into()),
            _ => {}
        }
        if answers.len() == 2 {
            return Ok((read, answers));
        }
    }
    Err("`ioi ask` ended before it had answered".into())
}

pub(crate) fn measure(place: &Place, reporter: &mut Reporter) -> Result<()> {
    for corpus in debian() {
        measure_or_skip(place, reporter, corpus);
    }
    Ok(())
}

/// Tens of thousands of files, so it takes minutes.
pub(crate) fn measure_rust(place: &Place, reporter: &mut Reporter) -> Result<()> {
    measure_or_skip(place, reporter, rust());
    Ok(())
}

fn measure_or_skip(place: &Place, reporter: &Reporter, corpus: Result<Corpus>) {
    let measured = corpus.and_then(|corpus| {
        let folder = place.make_folder("corpus")?;
        let measured = measure_corpus(place, reporter, &corpus, &folder);
        std::fs::remove_dir_all(folder)?;
        measured.map_err(|error| format!("{}: {error}", corpus.name).into())
    });
    if let Err(error) = measured {
        reporter.skipped("ask", &error.to_string());
    }
}

fn measure_corpus(place: &Place, reporter: &Reporter, corpus: &Corpus, folder: &Path) -> Result<()> {
    copy_files(&corpus.source, folder, corpus.ending)?;
    let (mut runs, mut plain, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = if read_all(folder)? < LARGE_BYTES { ROUNDS } else { ROUNDS_OF_LARGE };
    for _ in 0..rounds {
        let start = Instant::now();
        let bytes = read_all(folder)? as f64;
        plain.push(bytes / 1e3 / milliseconds(start));
        // The ways alternate, so that a slow moment of the machine meets the node's start as well.
        nodes.push(first_answers(place, 1)?.0.median());
        runs.push(ask_once(place, folder, corpus.question)?);
    }
    let node_ms = Samples::new(nodes).median();
    report_corpus(reporter, corpus, &runs, &Samples::new(plain), node_ms);
    Ok(())
}

fn report_corpus(reporter: &Reporter, corpus: &Corpus, runs: &[Seen], plain: &Samples, node_ms: f64) {
    let samples = |of: &dyn Fn(&Seen) -> f64| Samples::new(runs.iter().map(of).collect());
    let seen = &runs[0];
    let limit = 2.5 * seen.text_bytes / MIB + 64.0;
    reporter.note(&format!(
        "{}: {} documents ({} skipped), {:.1} MB, {:.1} MB of text; node start taken off: {node_ms:.1} ms",
        corpus.name,
        seen.documents,
        seen.skipped,
        seen.bytes / 1e6,
        seen.text_bytes / 1e6
    ));
    let speed = samples(&|seen| seen.bytes / 1e3 / (seen.first_answer_ms - node_ms));
    let goal = Goal::AtLeast(corpus.bytes_a_second_min / 1e6);
    reporter.row("read, indexed, answered", "MB/s", &speed, Some(plain), Some(goal));
    let whole = samples(&|seen| seen.first_answer_ms);
    reporter.row("  start to first answer", "ms", &whole, None, None);
    reporter.row("the same files, read by one process and dropped", "MB/s", plain, None, None);
    let mib = |of: fn(&Memory) -> u64| samples(&|seen| of(&seen.memory) as f64 / 1024.0);
    let goal = Goal::AtMost(limit);
    reporter.row("workload's peak memory (VmHWM)", "MiB", &mib(|memory| memory.peak), None, Some(goal));
    reporter.row("  of it private (RssAnon)", "MiB", &mib(|memory| memory.anonymous), None, None);
    reporter.row("  of it shared (RssShmem)", "MiB", &mib(|memory| memory.shared), None, None);
    let second = samples(&|seen| seen.second_question_ms);
    reporter.row("second question", "ms", &second, None, Some(Goal::AtMost(50.0)));
}
