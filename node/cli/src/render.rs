//! What the user sees: text for people, one JSON object a line for programs.

use crate::failure::Failure;
use ioi_ipc::proto::supervisor::{Answer, Finished, Progress, Refusal, Skipped};
use ioi_types::ErrorCode;
use serde_json::json;
use std::io::{self, IsTerminal, Write};

/// How many refusals and skipped documents are shown one by one.
const SHOWN_MAX: usize = 5;

/// Where output goes and how it looks.
pub(crate) struct Screen {
    json: bool,
    colour: bool,
    bar: Option<indicatif::ProgressBar>,
    refusals: u64,
    skipped: u64,
    /// The answer is being shown as it comes.
    streaming: bool,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        let colour = !json && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour, bar: None, refusals: 0, skipped: 0, streaming: false }
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn dim(&self, text: &str) -> String {
        if self.colour { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints to standard output; a reader that went away early is no error.
    fn say(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    fn aside(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    pub(crate) fn progress(&mut self, progress: &Progress) {
        if self.json {
            if progress.done {
                self.say(
                    &json!({"event": "read", "documents": progress.documents_read, "bytes": progress.bytes_read,
                        "text_bytes": progress.text_bytes, "skipped": progress.documents_skipped,
                        "passages": progress.passages})
                    .to_string(),
                );
            }
            return;
        }
        if progress.done {
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
            }
            let skipped = match progress.documents_skipped {
                0 => String::new(),
                count => format!(", {count} skipped"),
            };
            let line = format!(
                "Read {} documents ({}){skipped}; {} passages.",
                progress.documents_read,
                size(progress.bytes_read),
                progress.passages
            );
            eprintln!("{}", self.dim(&line));
        } else if io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(new_bar);
            bar.set_length(progress.documents_found);
            bar.set_position(progress.documents_read + progress.documents_skipped);
        }
    }

    /// A piece of an answer that is still being written.
    pub(crate) fn token(&mut self, text: &str) {
        if self.json {
            return self.say(&json!({"event": "token", "text": text}).to_string());
        }
        let begin = if std::mem::replace(&mut self.streaming, true) { "" } else { "\n" };
        let mut out = io::stdout().lock();
        let _ = write!(out, "{begin}{}", printable(text)).and_then(|()| out.flush());
    }

    pub(crate) fn answer(&mut self, answer: &Answer) {
        if self.json {
            let citations: Vec<_> = answer
                .citations
                .iter()
                .map(|cited| {
                    json!({"number": cited.number, "path": cited.path, "offset": cited.offset, "length": cited.length, "quote": cited.quote,
                        "document_digest": cited.document_digest, "score": cited.score})
                })
                .collect();
            let event = json!({"event": "answer", "found": answer.found, "text": answer.text, "by": answer.by,
                "micros": answer.micros, "citations": citations});
            return self.say(&event.to_string());
        }
        match std::mem::take(&mut self.streaming) {
            true => self.say("\n"),
            false => self.say(&format!("\n{}\n", printable(&answer.text))),
        }
        for cited in &answer.citations {
            let place = format!("[{}] {} at byte {}", cited.number, name(&cited.path), cited.offset);
            self.say(&self.dim(&place));
        }
    }

    pub(crate) fn refusal(&mut self, refusal: &Refusal) {
        self.refusals += 1;
        if self.json {
            let event = json!({"event": "refusal", "principal": refusal.principal, "action": refusal.action,
                "target": refusal.target, "rule": refusal.rule, "reason": refusal.reason,
                "would_allow": refusal.would_allow});
            return self.say(&event.to_string());
        }
        if self.refusals as usize > SHOWN_MAX {
            return;
        }
        let Refusal { principal, action, target, reason, would_allow, .. } = refusal;
        self.aside(&format!("refused: {principal} {action} {}: {reason}", name(target)));
        if !would_allow.is_empty() && self.refusals == 1 {
            let indented = would_allow.lines().map(|line| format!("    {line}\n")).collect::<String>();
            self.aside(&format!("  what would allow it, in policy.toml:\n{indented}"));
        }
    }

    pub(crate) fn skipped(&mut self, skipped: &Skipped) {
        self.skipped += 1;
        let code = ErrorCode::from_number(skipped.error_code).unwrap_or(ErrorCode::Internal);
        if self.json {
            let event = json!({"event": "skipped", "path": skipped.path, "error": code.name(), "reason": skipped.reason});
            return self.say(&event.to_string());
        }
        if self.skipped as usize <= SHOWN_MAX {
            let path = if skipped.path.is_empty() { "the folder itself" } else { &skipped.path };
            self.aside(&format!("skipped {}: {} ({code})", name(path), name(&skipped.reason)));
        }
    }

    /// Says how many refusals and skipped documents were not shown one by one.
    pub(crate) fn tally(&self) {
        if self.json {
            return;
        }
        for (count, what) in [(self.refusals, "refusals"), (self.skipped, "skipped documents")] {
            if count as usize > SHOWN_MAX {
                self.aside(&format!(
                    "… and {} more {what} (all are in the receipt; --json lists them)",
                    count as usize - SHOWN_MAX
                ));
            }
        }
    }

    pub(crate) fn finished(&self, finished: &Finished, copied_to: Option<&std::path::Path>) {
        let path = copied_to.map_or_else(|| finished.receipt.clone(), |path| path.display().to_string());
        if self.json {
            let event =
                json!({"event": "receipt", "path": path, "leaves": finished.leaves, "key": finished.key_id});
            return self.say(&event.to_string());
        }
        let line = format!("Receipt: {path} ({} records). Check it: ioi verify {path}", finished.leaves);
        eprintln!("{}", self.dim(&line));
    }

    /// Says why the command failed, and clears what is half drawn.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if std::mem::take(&mut self.streaming) {
            self.say("");
        }
        if self.json {
            let event = json!({"event": "error", "error": failure.name, "exit": failure.exit, "message": failure.message});
            return self.say(&event.to_string());
        }
        eprintln!("ioi: {}", printable(&failure.message));
    }

    pub(crate) fn line(&self, text: &str) {
        self.say(text);
    }

    pub(crate) fn heading(&self, text: &str) {
        self.say(&self.bold(text));
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }
}

fn new_bar() -> indicatif::ProgressBar {
    let style =
        indicatif::ProgressStyle::with_template("Reading [{bar:30}] {pos}/{len} documents, {elapsed}");
    let bar = indicatif::ProgressBar::new(0);
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()).progress_chars("=> "));
    bar
}

/// Foreign text for a terminal: control and direction-changing characters are
/// shown as escapes, so that a document can't move the cursor or hide text.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        let bidi =
            matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (letter.is_control() && letter != '\n' && letter != '\t') || bidi {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}

/// A foreign name for a terminal: one line, whatever is in it.
fn name(text: &str) -> String {
    let line = |letter: char| {
        matches!(letter, '\n' | '\t' | '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200d}' | '\u{feff}')
    };
    let mut out = String::new();
    for letter in printable(text).chars() {
        if line(letter) { out.extend(letter.escape_unicode()) } else { out.push(letter) }
    }
    out
}

/// A size for people, in powers of 1024.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c\nd"), "a\\u{1b}[2Jb\\u{202e}c\nd");
    }

    #[test]
    fn a_file_name_cannot_print_a_line_of_its_own() {
        assert_eq!(name("x\nReceipt: fine\u{200b}"), "x\\u{a}Receipt: fine\\u{200b}");
    }

    #[test]
    fn sizes_are_in_powers_of_1024() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 30), "5.0 GiB");
    }
}
