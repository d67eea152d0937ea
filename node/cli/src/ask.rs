//! `ioi ask`.

use crate::args::AskArgs;
use crate::failure::Failure;
use crate::model;
use crate::node::{self, Interrupt, ReceiptCopy};
use crate::policies;
use crate::render::Screen;
use ioi_node_supervisor::wire::{AskTask, ModelEndpoint, task::Task};
use ioi_node_supervisor::{Job, plugin, plugin_limits};
use ioi_types::limits;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::BufRead;
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
            model: model
                .map(|model| ModelEndpoint { url: model.url(), name: args.model_name.unwrap_or_default() }),
        }),
        workload: true,
        plugins: BTreeMap::from([("files".to_owned(), files)]),
        program: None,
        program_notes: Vec::new(),
        rogue_without: Vec::new(),
    };
    let (sender, questions) = mpsc::channel(1);
    match question {
        // The channel holds one, so this can't fail; it closes behind it.
        Some(question) => drop((sender.try_send(question), sender)),
        None => drop(std::thread::spawn(move || read_questions(&sender))),
    }
    let outcome = node::perform(settings, job, questions, screen, Interrupt::Ends).await?;
    let copy = copy.map(|copy| copy.finish(&outcome.finished)).transpose()?;
    screen.finished(&outcome.finished, copy.as_deref());
    Ok(())
}

fn check_question(question: OsString) -> Result<String, Failure> {
    let question = question.into_string().map_err(|_| Failure::usage("the question is not UTF-8"))?;
    if question.trim().is_empty() {
        return Err(Failure::usage("the question is empty"));
    }
    if question.len() > limits::QUESTION_BYTES_MAX {
        let (length, most) = (question.len(), limits::QUESTION_BYTES_MAX);
        return Err(Failure::usage(format!("the question has {length} bytes; at most {most} are taken")));
    }
    Ok(question)
}

/// One question a line; lines that are no question are said and passed over.
fn read_questions(to: &mpsc::Sender<String>) {
    for line in std::io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { return };
        let line = OsString::from(String::from_utf8_lossy(&line).trim());
        if line.is_empty() {
            continue;
        }
        match check_question(line) {
            Ok(question) => {
                if to.blocking_send(question).is_err() {
                    return;
                }
            }
            Err(failure) => eprintln!("{failure}"),
        }
    }
}
