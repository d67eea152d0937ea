//! What the user sees: text for people, one JSON object a line for programs.

use crate::called;
use crate::failure::Failure;
use crate::output;
use crate::text::{counted, folded, name, printable, size};
use ioi_ipc::proto::supervisor::{Answer, Finished, Progress, Refusal, Skipped};
use ioi_sandbox::Property;
use ioi_types::ErrorCode;
use serde_json::json;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::Path;

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
    /// The answer is being shown as it comes.
    streaming: bool,
    advisory: Vec<Property>,
    /// Path, access, and how it was given.
    trees: Vec<(String, &'static str, &'static str)>,
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
            streaming: false,
            advisory: Vec::new(),
            trees: Vec::new(),
        }
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn dim(&self, text: &str) -> String {
        if self.colour { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints sentences, with lines that fit the terminal; off a terminal every line stays whole.
    pub(crate) fn prose(&self, text: &str, hanging: usize) {
        self.say(&folded(text, columns(io::stdout()), hanging));
    }

    /// The same beside what is printed.
    fn prose_aside(&self, text: &str) {
        self.aside(&folded(text, columns(io::stderr()), 2));
    }

    /// A line on standard error that is no message of a failure.
    fn dim_aside(&self, text: &str) {
        if self.colour_aside { self.aside(&format!("\x1b[2m{text}\x1b[0m")) } else { self.aside(text) }
    }

    fn say(&self, text: &str) {
        output::print(format!("{text}\n"));
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
            let bar =
                self.bar.get_or_insert_with(|| bar("Reading [{bar:30}] {pos}/{len} documents, {elapsed}"));
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
        output::print(format!("{begin}{}", printable(text)));
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
            false => self.prose(&format!("\n{}\n", printable(&answer.text)), 0),
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
        if self.refusals > SHOWN_MAX {
            return;
        }
        let Refusal { principal, action, target, reason, would_allow, .. } = refusal;
        self.prose_aside(&format!("refused: {principal} {action} {}: {reason}", name(target)));
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
            self.prose_aside(&format!("skipped {}: {} ({code})", name(path), name(&skipped.reason)));
        }
    }

    /// Says how many refusals and skipped names were not shown one by one. A refusal is a record; a name that
    /// was passed over before anybody asked for it is none.
    pub(crate) fn tally(&self) {
        if self.json {
            return;
        }
        let rows = [
            (self.refusals, "more refusal", "the receipt has all; --json lists them"),
            (self.skipped, "more skipped name", "--json lists them"),
        ];
        for (count, what, where_to_look) in rows {
            if let more @ 1.. = count.saturating_sub(SHOWN_MAX) {
                self.aside(&format!("… and {} ({where_to_look})", counted(more, what)));
            }
        }
    }

    /// Says which limits nothing here enforces for all processes together; `finished` says it again in JSON.
    pub(crate) fn advisory(&mut self, properties: Vec<Property>) {
        if !properties.is_empty() && !self.json {
            let names: Vec<_> = properties.iter().map(|property| property.name()).collect();
            let names = names.join(", ");
            let ioi = called::ioi();
            self.dim_aside(&format!(
                "Only advisory here, without control groups: {names} (see {ioi} doctor)"
            ));
        }
        self.advisory = properties;
    }

    /// Says of each folder that the program had how it had it; `finished` says it again in JSON.
    pub(crate) fn trees(&mut self, trees: &[(&Path, &'static str, &'static str)]) {
        self.trees =
            trees.iter().map(|(path, access, how)| (path.display().to_string(), *access, *how)).collect();
        if self.json || trees.is_empty() {
            return;
        }
        for (wanted, words) in
            [("mediated", "Decided file by file"), ("direct", "Direct, single files not mediated")]
        {
            let chosen = self.trees.iter().filter(|(_, _, how)| *how == wanted);
            let folders: Vec<_> =
                chosen.map(|(path, access, _)| format!("{} ({access})", name(path))).collect();
            if !folders.is_empty() {
                self.dim_aside(&format!("{words}: {}", folders.join(", ")));
            }
        }
    }

    pub(crate) fn finished(&self, finished: &Finished, copied_to: Option<&std::path::Path>) {
        let path = copied_to.map_or_else(|| finished.receipt.clone(), |path| path.display().to_string());
        if self.json {
            let advisory: Vec<_> = self.advisory.iter().map(|property| property.name()).collect();
            let mut event = json!({"event": "receipt", "path": path, "leaves": finished.leaves, "key": finished.key_id,
                "advisory": advisory});
            if !self.trees.is_empty() {
                let tree = |(path, access, how): &(String, &str, &str)| json!({"path": path, "access": access, "files": how});
                event["trees"] = self.trees.iter().map(tree).collect();
            }
            return self.say(&event.to_string());
        }
        // The path once, in a line that can be taken as it is.
        let records = counted(finished.leaves, "record");
        self.dim_aside(&format!("Receipt of {records}. Check it:\n{} verify {path}", called::ioi()));
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
        let message = format!("ioi: {}", printable(&failure.message));
        // The first line is a sentence; what follows may be something to be copied as it is.
        let (first, rest) = message.split_at(message.find('\n').unwrap_or(message.len()));
        eprintln!("{}{rest}", folded(first, columns(io::stderr()), 2));
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

    pub(crate) fn dim_line(&self, text: &str) {
        self.say(&self.dim(text));
    }

    /// How far a measurement is, on a terminal alone.
    pub(crate) fn measuring(&mut self, done: u64, total: u64) {
        if !self.json && io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| bar("Measuring [{bar:30}] {pos}/{len}, {elapsed}"));
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    pub(crate) fn measured(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }
}

/// Says why one of several questions is passed over; the others are answered all the same.
pub(crate) fn refused_question(failure: &Failure, json: bool) {
    if json {
        let event = json!({"event": "question", "error": failure.name, "message": failure.message});
        output::print(format!("{event}\n"));
    } else {
        eprintln!("ioi: {}", printable(&failure.message));
    }
}

/// How wide the terminal is; without end where there is none.
fn columns(stream: impl AsFd) -> usize {
    match rustix::termios::tcgetwinsize(stream) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        _ => usize::MAX,
    }
}

/// As no-color.org asks for it; and a terminal that can do nothing is asked for nothing.
fn wants_colour(get: impl Fn(&str) -> Option<OsString>) -> bool {
    let refused = get("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && get("TERM").is_none_or(|terminal| terminal != "dumb")
}

fn bar(template: &str) -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template(template);
    let bar = indicatif::ProgressBar::new(0);
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()).progress_chars("=> "));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_refused_by_the_environment() {
        let with = |name: &'static str, value: &'static str| {
            wants_colour(|asked| (asked == name).then(|| OsString::from(value)))
        };
        assert!(with("TERM", "xterm") && with("NO_COLOR", ""));
        assert!(!with("TERM", "dumb") && !with("NO_COLOR", "0"));
    }
}
