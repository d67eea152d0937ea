//! Prints how fast texts are indexed and searched, and what the index takes.
//!
//! `cargo bench -p ioi-search -- FOLDER` reads every UTF-8 file beneath the
//! folder; without one, made-up prose. Each figure is a median of seven runs
//! with the least and the greatest.
#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use ioi_search::{Index, reader};
use std::path::Path;
use std::time::Instant;

const RUNS: usize = 7;
const QUESTIONS: [&str; 5] = [
    "How does PostgreSQL guarantee the durability of committed transactions?",
    "What does the fsync setting do?",
    "How do I read a file line by line?",
    "When is a region of shared memory sealed?",
    "the of and to a in is it that for",
];

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let mut texts = Vec::new();
    match &folder {
        Some(folder) => read_folder(Path::new(folder), &mut texts),
        None => texts = (0..2000).map(prose).collect(),
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{} texts, {:.1} MB", texts.len(), bytes as f64 / 1e6);

    let before = memory("VmRSS");
    let index = build(&texts);
    let peak = memory("VmHWM").saturating_sub(before);
    println!(
        "index: {:.1} MB ({:.2} of the text), {} passages; building took {:.1} MB at its peak ({:.2})",
        index.heap_bytes() as f64 / 1e6,
        index.heap_bytes() as f64 / bytes as f64,
        index.passage_count(),
        peak as f64 / 1e3,
        peak as f64 * 1e3 / bytes as f64,
    );
    report("indexing, one thread, MB/s", || bytes as f64 / 1e6 / time(|| build(&texts)));
    report("indexing, MB a second of processor time", || {
        bytes as f64 / 1e6 / processor_time(|| build(&texts))
    });
    report("indexing, two threads, MB/s", || bytes as f64 / 1e6 / time(|| build_on_two(&texts)));
    for question in QUESTIONS {
        report(&format!("search and read, ms: {question}"), || {
            1e3 * time(|| answer(&index, &texts, question))
        });
    }
}

fn build(texts: &[String]) -> Index {
    build_from(texts, 0)
}

fn build_from(texts: &[String], first: usize) -> Index {
    let mut builder = Index::builder();
    for (number, text) in texts.iter().enumerate() {
        builder.add((first + number) as u32, text).expect("the texts are short");
    }
    builder.finish()
}

fn build_on_two(texts: &[String]) -> Index {
    let half = texts.len() / 2;
    std::thread::scope(|scope| {
        let right = scope.spawn(|| build_from(&texts[half..], half));
        let left = build_from(&texts[..half], 0);
        Index::merge([left, right.join().expect("building does not panic")])
    })
}

fn answer(index: &Index, texts: &[String], question: &str) -> usize {
    let question = index.question(question).expect("the questions are short");
    let hits = index.search(&question, 24);
    let passages: Vec<_> =
        hits.iter().map(|hit| reader::Passage::new(hit, &texts[hit.document as usize])).collect();
    match reader::read(&question, &passages, 5) {
        reader::Answer::Quotes(quotes) => quotes.len(),
        reader::Answer::NoPassageAnswers => 0,
    }
}

fn time<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed().as_secs_f64()
}

/// Seconds that this thread ran, which a busy machine does not lengthen much.
fn processor_time<T>(work: impl FnOnce() -> T) -> f64 {
    let ran = || -> f64 {
        let figures = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        figures.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or(f64::NAN)
    };
    let start = ran();
    std::hint::black_box(work());
    (ran() - start) / 1e9
}

fn report(what: &str, measure: impl Fn() -> f64) {
    let mut runs: Vec<f64> = (0..RUNS).map(|_| measure()).collect();
    runs.sort_by(f64::total_cmp);
    println!("{what}: {:.2} ({:.2} to {:.2})", runs[RUNS / 2], runs[0], runs[RUNS - 1]);
}

fn read_folder(folder: &Path, texts: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            read_folder(&path, texts);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            texts.push(text);
        }
    }
}

/// Prose whose words are drawn from 20,000 with a steep distribution.
fn prose(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = String::new();
    while text.len() < 20_000 {
        let rank = 20_000 / (1 + draw() % 20_000);
        text.push_str(&format!("w{:x}{} ", rank * 7, if draw() % 12 == 0 { "." } else { "" }));
        if draw() % 90 == 0 {
            text.push_str("\n\n");
        }
    }
    text
}

/// A figure of this process from the kernel, in kB.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or(0)
}
