//! Prints how fast text is taken out of documents.
//!
//! `cargo bench -p ioi-extract -- FOLDER [OUT]` reads every file beneath the
//! folder, and writes the texts as numbered files into OUT if it is given;
//! without a folder, a made-up page. Each figure is a median of seven runs with
//! the least and the greatest, in MB of source a second.
#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use ioi_extract::{Limits, Media, extract, sniff};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

const RUNS: usize = 7;

type File = (Vec<u8>, Vec<u8>);

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut files: Vec<File> = Vec::new();
    match arguments.first() {
        Some(folder) => read_folder(Path::new(folder), &mut files),
        None => files.push((b"made-up.html".to_vec(), made_up().into_bytes())),
    }
    if let Some(out) = arguments.get(1) {
        write_texts(&files, Path::new(out));
    }
    for media in [Media::Html, Media::Pdf, Media::Text, Media::Markdown, Media::Code] {
        let chosen: Vec<&File> =
            files.iter().filter(|(name, bytes)| sniff(name, bytes) == Ok(media)).collect();
        if !chosen.is_empty() {
            report(media, &chosen);
        }
    }
}

fn report(media: Media, files: &[&File]) {
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut failed = 0;
    let mut text_bytes = 0;
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            (failed, text_bytes) = (0, 0);
            let start = Instant::now();
            for (name, bytes) in files {
                match extract(name, bytes, Limits::default()) {
                    Ok(document) => text_bytes += document.text.len(),
                    Err(_) => failed += 1,
                }
            }
            bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!(
        "{media}: {} files, {failed} failed, {:.1} MB to {:.1} MB of text: {:.0} MB/s ({:.0} to {:.0})",
        files.len(),
        bytes as f64 / 1e6,
        text_bytes as f64 / 1e6,
        runs[RUNS / 2],
        runs[0],
        runs[RUNS - 1]
    );
}

fn write_texts(files: &[File], out: &Path) {
    for (number, (name, bytes)) in files.iter().enumerate() {
        if let Ok(document) = extract(name, bytes, Limits::default()) {
            std::fs::write(out.join(format!("{number:06}.txt")), document.text.as_bytes())
                .expect("OUT can be written");
        }
    }
}

fn read_folder(folder: &Path, files: &mut Vec<File>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            read_folder(&path, files);
        } else if let Ok(bytes) = std::fs::read(&path) {
            files.push((path.as_os_str().as_bytes().to_vec(), bytes));
        }
    }
}

fn made_up() -> String {
    let section = "<section id=\"a\"><h2>Sealed regions<a class=\"headerlink\" href=\"#a\">¶</a></h2><p>A region is \
        <em>sealed</em> before it is shared, so what is <code class=\"docutils literal\"><span>checked</span></code> is \
        what is used &amp; nothing else.</p><ul><li>One item</li><li>Another</li></ul></section>\n";
    format!(
        "<!DOCTYPE html><html><head><title>Made up</title></head><body>{}</body></html>",
        section.repeat(20_000)
    )
}
