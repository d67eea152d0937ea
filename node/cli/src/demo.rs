//! `ioi demo`: bundled documents and a plugin that misbehaves on purpose.
//!
//! Each attempt is judged by its effect, seen from outside the sandbox: an
//! inotify watch on the key, a listener that counts, files that are compared,
//! processes that are looked for. What the plugin says is shown and not believed.

use crate::args::DemoArgs;
use crate::called;
use crate::failure::Failure;
use crate::node::{self, Interrupt, ReceiptCopy};
use crate::policies;
use crate::render::Screen;
use crate::text::printable;
use ioi_canon::{Limits, Value};
use ioi_node_supervisor::wire::{Attempt, DemoTask, task::Task};
use ioi_node_supervisor::{Job, plugin, plugin_limits};
use ioi_sandbox::Layer;
use ioi_types::exit;
use rustix::fs::inotify;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

const QUESTION: &str = "Who can change a sealed buffer?";
const DOCUMENTS: [(&str, &str); 4] = [
    ("policies.md", include_str!("../demo/policies.md")),
    ("processes.html", include_str!("../demo/processes.html")),
    ("receipts.md", include_str!("../demo/receipts.md")),
    ("sealed-buffers.md", include_str!("../demo/sealed-buffers.md")),
];
/// Most processes of one plugin instance.
const ROGUE_PIDS: u32 = 32;

/// What is tried, in words, and what stands against it.
const STORY: [(&str, &str, &str); 8] = [
    ("read-key", "read a private key outside its reach", "files-confined; openat2 beneath the folder"),
    ("connect", "open a network connection", "no-network"),
    ("write-file", "write a file", "files-confined"),
    ("rewrite-sealed", "rewrite a buffer after it was sealed", "memory seals"),
    ("reopen-for-writing", "reopen a document for writing", "read-only descriptor; files-confined"),
    ("announce-4-gib", "announce a payload of 4 GiB", "length check before allocation"),
    ("fork-without-end", "fork without end", "pids-limited, or no fork at all"),
    ("leave-the-group", "outlive the run in a session of its own", "dies-as-a-whole"),
];

/// The stage: targets that show whether they were touched.
struct Stage {
    folder: PathBuf,
    key_watch: OwnedFd,
    listener: TcpListener,
    written: PathBuf,
}

pub(crate) async fn run(args: DemoArgs, screen: &mut Screen) -> Result<(), Failure> {
    let stage = Stage::set()
        .map_err(|error| Failure::unavailable(format!("the demo's files can't be made: {error}")))?;
    let result = perform(&args, &stage, screen).await;
    let _ = std::fs::remove_dir_all(&stage.folder);
    result
}

async fn perform(args: &DemoArgs, stage: &Stage, screen: &mut Screen) -> Result<(), Failure> {
    let copy = ReceiptCopy::prepare(args.receipt.as_deref(), &[])?;
    let settings = node::settings()?;
    let roots = vec![node::folder(&stage.folder.join("documents"))?];
    let builtin = ioi_firewall::builtin("demo").unwrap_or_default();
    let policy =
        ioi_node_supervisor::wire::PolicySource { name: "built-in".into(), text: builtin.to_owned() };
    let compiled = policies::compile(&policy, &policies::context(&settings.home, &roots))?;
    let mut plugins = BTreeMap::new();
    for (name, pids) in [("files", 32), ("rogue", ROGUE_PIDS)] {
        let mut profile =
            plugin(&settings, name, ioi_sandbox::Limits { pids: Some(pids), ..plugin_limits(256) });
        node::require(&mut profile, &compiled)?;
        plugins.insert(name.to_owned(), profile);
    }
    let job = Job {
        command: "demo",
        roots,
        policy,
        task: Task::Demo(DemoTask { targets: stage.targets(), question: QUESTION.into() }),
        workload: true,
        egress: false,
        plugins,
        program: None,
        program_notes: Vec::new(),
        rogue_without: without(args)?,
    };
    if !screen.is_json() {
        screen.heading(&format!("A question about the bundled documents: {QUESTION}"));
    }
    let (_, questions) = mpsc::channel(1);
    let outcome = node::perform(settings, job, questions, screen, Interrupt::Ends).await?;
    if !screen.is_json() {
        screen.heading("\nA plugin that misbehaves on purpose, seen from outside its sandbox:");
    }
    let happened = judge(stage, &outcome.attempts, screen);
    let copy = copy.map(|copy| copy.finish(&outcome.finished)).transpose()?;
    screen.finished(&outcome.finished, copy.as_deref());
    match happened {
        0 => Ok(()),
        count => Err(Failure::new(
            exit::INTERNAL,
            "demo",
            format!("{count} attempts had an effect; the sandbox failed"),
        )),
    }
}

fn without(args: &DemoArgs) -> Result<Vec<Layer>, Failure> {
    let known = |name: &String| Layer::ALL.into_iter().find(|layer| layer.name() == name);
    let ioi = called::ioi();
    let unknown =
        |name: &String| Failure::usage(format!("there is no layer `{name}`; `{ioi} doctor` lists them"));
    args.without_layer.iter().map(|name| known(name).ok_or_else(|| unknown(name))).collect()
}

/// Shows every attempt with its evidence; returns how many had an effect.
fn judge(stage: &Stage, attempts: &[Attempt], screen: &Screen) -> usize {
    let mut happened = 0;
    for attempt in attempts {
        let story = STORY.iter().find(|(name, ..)| *name == attempt.name);
        let (what, against) = story.map_or((attempt.name.as_str(), ""), |(_, what, against)| (what, against));
        let (effect, evidence) = match stage.effect(attempt) {
            Ok(evidence) => (false, evidence),
            Err(evidence) => (true, evidence),
        };
        happened += usize::from(effect);
        if screen.is_json() {
            let event = json!({"event": "attempt", "name": attempt.name, "happened": effect, "evidence": evidence,
                "against": against, "claimed": attempt.detail});
            screen.line(&event.to_string());
        } else {
            let state = if effect { "HAPPENED" } else { "stopped" };
            screen.line(&format!("  {state:<9} {what}\n            {evidence}\n            [{against}]"));
        }
    }
    happened
}

impl Stage {
    fn set() -> io::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let folder = std::env::temp_dir().join(format!("ioi-demo-{}", ioi_types::hex::encode(&random)));
        std::fs::create_dir(&folder)?;
        let documents = folder.join("documents");
        std::fs::create_dir(&documents)?;
        for (name, text) in DOCUMENTS {
            std::fs::write(documents.join(name), text)?;
        }
        let key = folder.join("private-key.pem");
        std::fs::write(&key, format!("-----BEGIN PRIVATE KEY-----\n{}\n", ioi_types::hex::encode(&random)))?;
        let key_watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
        inotify::add_watch(&key_watch, &key, inotify::WatchFlags::OPEN | inotify::WatchFlags::ACCESS)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let written = folder.join("written-by-the-rogue");
        Ok(Self { folder, key_watch, listener, written })
    }

    fn targets(&self) -> HashMap<String, String> {
        let listener = self.listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
        let path = |path: &Path| path.display().to_string();
        HashMap::from([
            ("key".to_owned(), path(&self.folder.join("private-key.pem"))),
            ("listener".to_owned(), listener),
            ("write".to_owned(), path(&self.written)),
            ("document".to_owned(), "receipts.md".to_owned()),
        ])
    }

    /// `Ok` with the evidence that nothing happened, or `Err` with what did.
    fn effect(&self, attempt: &Attempt) -> Result<String, String> {
        match attempt.name.as_str() {
            "read-key" => self.key_untouched(),
            "connect" => match self.listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Ok("the listener heard nothing".into())
                }
                _ => Err("the listener was connected to".into()),
            },
            "write-file" => {
                if self.written.exists() {
                    Err("the file is there".into())
                } else {
                    Ok("the file is not there".into())
                }
            }
            "rewrite-sealed" => sealed(attempt),
            "reopen-for-writing" => self.documents_unchanged(),
            "announce-4-gib" => announced(attempt),
            "fork-without-end" => forked(attempt),
            "leave-the-group" => nobody_left(),
            other => Err(format!("nobody knows the effect of `{other}`")),
        }
    }

    fn key_untouched(&self) -> Result<String, String> {
        let mut events = [std::mem::MaybeUninit::uninit(); 1024];
        match inotify::Reader::new(&self.key_watch, &mut events).next() {
            Err(rustix::io::Errno::AGAIN) => Ok("the key file was not opened".into()),
            Ok(_) => Err("the key file was opened".into()),
            Err(errno) => Err(format!("the watch on the key failed: {errno}")),
        }
    }

    fn documents_unchanged(&self) -> Result<String, String> {
        for (name, text) in DOCUMENTS {
            let now = std::fs::read_to_string(self.folder.join("documents").join(name))
                .map_err(|error| error.to_string())?;
            if now != text {
                return Err(format!("{name} was changed"));
            }
        }
        Ok("every document is byte for byte the same".into())
    }
}

/// The workload digested the sealed bytes after the attempt; the digest is that of the bytes before it.
fn sealed(attempt: &Attempt) -> Result<String, String> {
    match attempt.claimed.strip_prefix("digest ") {
        Some("same") => Ok("the sealed bytes have the digest that they had before".into()),
        Some(other) => Err(format!("the sealed bytes changed: {other}")),
        None => Err(format!("the buffer was never sealed: {}", printable(&attempt.detail))),
    }
}

fn announced(attempt: &Attempt) -> Result<String, String> {
    if attempt.detail.contains("protocol.length") || attempt.detail.contains("4294967295") {
        Ok("the host closed the connection and allocated nothing".into())
    } else {
        Err(format!("the host did not refuse the length: {}", printable(&attempt.detail)))
    }
}

fn forked(attempt: &Attempt) -> Result<String, String> {
    let limits = Limits { bytes_max: 1 << 16, depth_max: 4 };
    let tries = ioi_canon::parse(attempt.detail.as_bytes(), limits);
    let reached = tries
        .ok()
        .and_then(|tries| tries.as_list()?.first()?.as_map()?.get("reached").and_then(Value::as_bool));
    match (reached, nobody_left()) {
        (_, Err(left)) => Err(left),
        (Some(true), _) => Err("it forked without end".into()),
        _ => Ok("it was stopped, and no process of this run is left".into()),
    }
}

/// Looks for any process of this run. All of them have been ended by now, those of the node included, and
/// none can have left this command's family; so whoever is found was left behind, whatever it calls itself.
fn nobody_left() -> Result<String, String> {
    match ioi_sandbox::descendants()[..] {
        [] => Ok("no process of this run is left".into()),
        [first, ..] => Err(format!("process {first} is still there")),
    }
}
