//! `ioi ask`.

use crate::args::AskArgs;
use crate::failure::Failure;
use crate::model;
use crate::node::{self, Interrupt, ReceiptCopy};
use crate::policies;
use crate::render::{self, Screen};
use ioi_node_supervisor::wire::{AskTask, ModelEndpoint, task::Task};
use ioi_node_supervisor::{Job, plugin, plugin_limits};
use ioi_types::{exit, limits};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, Read};
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Memory of the files plugin, in MiB: documents of 64 MiB and what they unfold to.
const FILES_MEMORY_MIB: u64 = 2048;

pub(crate) async fn run(args: AskArgs, screen: &mut Screen) -> Result<(), Failure> {
    let folder = node::folder(&args.folder)?;
    let question = args.question.map(check_question).transpose()?;
    let copy = ReceiptCopy::prepare(args.receipt.as_deref(), &[])?;
    let settings = node::settings()?;
    let builtin = || ioi_firewall::builtin("ask").unwrap_or_default().to_owned();
    let mut policy = policies::find(args.policy.as_deref(), &settings.home, builtin)?;
    let model = args.model.as_deref().map(model::endpoint).transpose()?;
    if let Some(model) = &model {
        policy.text += &model.rule(args.credential.as_deref())?;
    }
    let roots = vec![folder];
    let compiled = policies::compile(&policy, &policies::context(&settings.home, &roots))?;
    let mut files = plugin(&settings, "files", plugin_limits(FILES_MEMORY_MIB));
    node::require(&mut files, &compiled)?;
    let job = Job {
        command: "ask",
        roots,
        policy,
        egress: model.is_some(),
        task: Task::Ask(AskTask {
            model: model.map(|model| ModelEndpoint {
                url: model.url(),
                name: args.model_name.unwrap_or_default(),
                credential: args.credential.unwrap_or_default(),
            }),
        }),
        workload: true,
        plugins: BTreeMap::from([("files".to_owned(), files)]),
        program: None,
        program_notes: Vec::new(),
        rogue_without: Vec::new(),
    };
    let asked = Asked::default();
    let (sender, questions) = mpsc::channel(1);
    match question {
        // The channel holds one, so this can't fail; it closes behind it.
        Some(question) => {
            asked.0.store(true, Ordering::Release);
            drop((sender.try_send(question), sender));
        }
        None => {
            let (asked, json) = (asked.clone(), screen.is_json());
            std::thread::spawn(move || read_questions(std::io::stdin().lock(), &sender, &asked, json));
        }
    }
    let outcome = node::perform(settings, job, questions, screen, Interrupt::Ends).await?;
    let copy = copy.map(|copy| copy.finish(&outcome.finished)).transpose()?;
    screen.finished(&outcome.finished, copy.as_deref());
    asked.check()
}

fn check_question(question: OsString) -> Result<String, Failure> {
    let refused = |name: &str, message: String| Failure::new(exit::USAGE, name, message);
    let question = question
        .into_string()
        .map_err(|_| refused("question.encoding", "the question is not UTF-8".into()))?;
    if question.trim().is_empty() {
        return Err(refused("question.empty", "the question is empty; write one in quotes".into()));
    }
    match question.len() {
        0..=limits::QUESTION_BYTES_MAX => Ok(question),
        length => Err(too_long(length)),
    }
}

fn too_long(length: usize) -> Failure {
    let most = limits::QUESTION_BYTES_MAX;
    let message = format!("the question has {length} bytes; at most {most} are taken");
    Failure::new(exit::USAGE, "question.length", message)
}

/// Says whether any question came by standard input; an end without one is a mistake of the caller's.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicBool>);

impl Asked {
    fn check(&self) -> Result<(), Failure> {
        if self.0.load(Ordering::Acquire) {
            return Ok(());
        }
        let message = "there was no question: standard input held none; write one there or as an argument";
        Err(Failure::new(exit::USAGE, "question.empty", message))
    }
}

/// One question a line; lines that can't be one are said and passed over, empty ones without a word.
fn read_questions(mut from: impl BufRead, to: &mpsc::Sender<String>, asked: &Asked, json: bool) {
    while let Some(line) = next_line(&mut from) {
        match line.and_then(check_question) {
            Ok(question) => {
                asked.0.store(true, Ordering::Release);
                if to.blocking_send(question).is_err() {
                    return;
                }
            }
            Err(failure) if failure.name == "question.empty" => {}
            Err(failure) => render::refused_question(&failure, json),
        }
    }
}

/// A line without spaces around it. Of a line that is too long for a question only the length is kept.
fn next_line(from: &mut impl BufRead) -> Option<Result<OsString, Failure>> {
    let mut line = Vec::new();
    let most = limits::QUESTION_BYTES_MAX as u64 + 1;
    if from.by_ref().take(most).read_until(b'\n', &mut line).ok()? == 0 {
        return None;
    }
    if line.last() != Some(&b'\n') && line.len() as u64 == most {
        return Some(Err(too_long(line.len() + skip_line(from))));
    }
    Some(Ok(OsString::from_vec(line.trim_ascii().to_vec())))
}

/// Reads to the end of the line and says how many bytes of it there were.
fn skip_line(from: &mut impl BufRead) -> usize {
    let mut skipped = 0;
    while let Ok(buffer @ [_, ..]) = from.fill_buf() {
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(buffer.len());
        skipped += taken;
        from.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            break;
        }
    }
    skipped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The questions, or the names of what was wrong, of all lines.
    fn lines(mut text: &[u8]) -> Vec<Result<String, String>> {
        let next = || next_line(&mut text).map(|line| line.and_then(check_question).map_err(|f| f.name));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn a_line_is_a_question_up_to_the_limit_and_the_next_one_is_not_lost() {
        let most = "a".repeat(limits::QUESTION_BYTES_MAX);
        let over = most.clone() + "b";
        let text = [&most, "\n", &over, "\n", &over, &over, "\n \t\n  Why?\r\n"].concat();
        let text = [text.as_bytes(), b"\xff\n", over.as_bytes()].concat();
        let long = || Err("question.length".to_owned());
        let expected = [
            Ok(most),
            long(),
            long(),
            Err("question.empty".to_owned()),
            Ok("Why?".to_owned()),
            Err("question.encoding".to_owned()),
            long(),
        ];
        assert_eq!(lines(&text), expected);
    }

    #[test]
    fn the_length_that_is_said_is_the_lines() {
        let mut text: &[u8] = &[&[b'x'; 100_000][..], b"\nnext"].concat();
        let Some(Err(failure)) = next_line(&mut text) else { panic!("it is too long") };
        assert!(failure.message.contains("100000 bytes"), "{failure}");
        assert_eq!(text, b"next");
    }
}
