//! What the user sees: text for people, one JSON object a line for programs.

use crate::failure::Failure;
use ioi_ipc::proto::supervisor::{Answer, Finished, Progress, Refusal, Skipped};
use ioi_sandbox::Property;
use ioi_types::ErrorCode;
use serde_json::json;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

/// How many refusals and skipped documents are shown one by one.
const SHOWN_MAX: u64 = 5;

/// Where output goes and how it looks.
pub(crate) struct Screen {
    json: bool,
    /// Escapes on standard output, and on standard error, are for terminals only.
    colour: bool,
    colour_aside: bool,
    bar: Option<indicatif::ProgressBar>,
    refusals: u64,
    skipped: u64,
    advisory: Vec<Property>,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        let colour = !json && wants_colour(|name| std::env::var_os(name));
        Self {
            json,
            colour: colour && io::stdout().is_terminal(),
            colour_aside: colour && io::stderr().is_terminal(),
            bar: None,
            refusals: 0,
            skipped: 0,
            advisory: Vec::new(),
        }
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn dim(&self, text: &str) -> String {
        if self.colour { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A line on standard error that is no message of a failure.
    fn dim_aside(&self, text: &str) {
        if self.colour_aside { self.aside(&format!("\x1b[2m{text}\x1b[0m")) } else { self.aside(text) }
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
            self.dim_aside(&format!(
                "Read {} ({}){skipped}; {}.",
                counted(progress.documents_read, "document"),
                size(progress.bytes_read),
                counted(progress.passages, "passage")
            ));
        } else if io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(new_bar);
            bar.set_length(progress.documents_found);
            bar.set_position(progress.documents_read + progress.documents_skipped);
        }
    }

    pub(crate) fn answer(&self, answer: &Answer) {
        if self.json {
            let citations: Vec<_> = answer
                .citations
                .iter()
                .map(|cited| {
                    json!({"path": cited.path, "offset": cited.offset, "length": cited.length, "quote": cited.quote,
                        "document_digest": cited.document_digest, "score": cited.score})
                })
                .collect();
            let event = json!({"event": "answer", "found": answer.found, "text": answer.text, "by": answer.by,
                "micros": answer.micros, "citations": citations});
            return self.say(&event.to_string());
        }
        self.say(&format!("\n{}\n", printable(&answer.text)));
        for (index, cited) in answer.citations.iter().enumerate() {
            let place = format!("[{}] {} at byte {}", index + 1, name(&cited.path), cited.offset);
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
        if self.refusals > SHOWN_MAX {
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
        if self.skipped <= SHOWN_MAX {
            let path = if skipped.path.is_empty() { "the folder itself" } else { &skipped.path };
            self.aside(&format!("skipped {}: {} ({code})", name(path), name(&skipped.reason)));
        }
    }

    /// Says how many refusals and skipped names were not shown one by one. A refusal is a record; a name that
    /// was passed over before anybody asked for it is none.
    pub(crate) fn tally(&self) {
        if self.json {
            return;
        }
        let rows = [
            (self.refusals, "refusal", "the receipt has all; --json lists them"),
            (self.skipped, "skipped name", "--json lists them"),
        ];
        for (count, what, where_to_look) in rows {
            if let more @ 1.. = count.saturating_sub(SHOWN_MAX) {
                self.aside(&format!("… and {} more ({where_to_look})", counted(more, what)));
            }
        }
    }

    /// Says which limits nothing here enforces for all processes together; `finished` says it again in JSON.
    pub(crate) fn advisory(&mut self, properties: Vec<Property>) {
        if !properties.is_empty() && !self.json {
            let names: Vec<_> = properties.iter().map(|property| property.name()).collect();
            let names = names.join(", ");
            self.dim_aside(&format!("Only advisory here, without control groups: {names} (see ioi doctor)"));
        }
        self.advisory = properties;
    }

    pub(crate) fn finished(&self, finished: &Finished, copied_to: Option<&std::path::Path>) {
        let path = copied_to.map_or_else(|| finished.receipt.clone(), |path| path.display().to_string());
        if self.json {
            let advisory: Vec<_> = self.advisory.iter().map(|property| property.name()).collect();
            let event = json!({"event": "receipt", "path": path, "leaves": finished.leaves, "key": finished.key_id,
                "advisory": advisory});
            return self.say(&event.to_string());
        }
        let records = counted(finished.leaves, "record");
        self.dim_aside(&format!("Receipt: {path} ({records}). Check it: ioi verify {path}"));
    }

    /// Says why the command failed, and clears what is half drawn.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.json {
            let event = json!({"event": "error", "error": failure.name, "exit": failure.exit, "message": failure.message});
            return self.say(&event.to_string());
        }
        eprintln!("ioi: {}", printable(&failure.message));
    }

    /// A line for people, beside what is printed.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            self.dim_aside(text);
        }
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

/// Says why one of several questions is passed over; the others are answered all the same.
pub(crate) fn refused_question(failure: &Failure, json: bool) {
    if json {
        let event = json!({"event": "question", "error": failure.name, "message": failure.message});
        // A reader that went away early is no error.
        let _ = writeln!(io::stdout().lock(), "{event}");
    } else {
        eprintln!("ioi: {}", printable(&failure.message));
    }
}

/// As no-color.org asks for it; and a terminal that can do nothing is asked for nothing.
fn wants_colour(get: impl Fn(&str) -> Option<OsString>) -> bool {
    let refused = get("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && get("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// `1 document`, `2 documents`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("{count} {one}") } else { format!("{count} {one}s") }
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
    fn one_is_singular_and_none_is_not() {
        let all = [0, 1, 2].map(|count| counted(count, "document"));
        assert_eq!(all, ["0 documents", "1 document", "2 documents"]);
    }

    #[test]
    fn colour_is_refused_by_the_environment() {
        let with = |name: &'static str, value: &'static str| {
            wants_colour(|asked| (asked == name).then(|| OsString::from(value)))
        };
        assert!(with("TERM", "xterm") && with("NO_COLOR", ""));
        assert!(!with("TERM", "dumb") && !with("NO_COLOR", "0"));
    }

    #[test]
    fn sizes_are_in_powers_of_1024() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 30), "5.0 GiB");
    }
}
