//! A running command: watched, bounded in time, its output collected.

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, Once};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

const POLL: Duration = Duration::from_millis(5);

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The JSON events on both streams: a command's own words, and nothing else, are JSON there.
    pub(crate) fn events(&self) -> Vec<Value> {
        let lines = self.stdout.lines().chain(self.stderr.lines()).filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?} in {self:?}")))
            .collect()
    }

    /// The events of one kind.
    pub(crate) fn events_of(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == kind).collect()
    }

    /// The only event of a kind.
    pub(crate) fn event(&self, kind: &str) -> Value {
        let mut events = self.events_of(kind);
        assert_eq!(events.len(), 1, "{kind} in {self:?}");
        events.remove(0)
    }

    /// Asserts the exit code, and that all of `words` were said (as JSON, that is on standard output).
    #[track_caller]
    pub(crate) fn assert_fails(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            let is_said = self.stderr.contains(word) || self.stdout.contains(word);
            assert!(is_said, "{word:?} is not said: {self:?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:?}");
    }
}

struct Reader {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Reader {
    fn new(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self { bytes, thread }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }
}

/// Has what is started from now on get signals that this process was told to ignore, as under `nohup`. A program
/// inherits that a signal is ignored, and not that one is caught; what is caught here is dropped, so that this
/// process goes on ignoring it.
fn hear_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _entered = runtime.enter();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        for kind in kinds.into_iter().filter(|kind| is_ignored(*kind)) {
            // That it is caught outlives this value and the runtime.
            drop(signal(kind).unwrap());
        }
    });
}

fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (kind.as_raw_value() - 1)) != 0
}

/// A command that was started as the leader of a process group. Dropping it kills the group.
pub(crate) struct Started {
    child: Child,
    deadline: Instant,
    stdout: Option<Reader>,
    stderr: Option<Reader>,
    status: Option<ExitStatus>,
}

impl Started {
    pub(crate) fn new(mut command: Command, timeout: Duration) -> Self {
        hear_signals();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().map(Reader::new);
        let stderr = child.stderr.take().map(Reader::new);
        Self { child, deadline: Instant::now() + timeout, stdout, stderr, status: None }
    }

    pub(crate) fn pid(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_nonzero().get()
    }

    /// Writes to its standard input. A command that has ended reads nothing, which is no error here.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.child.stdin.as_mut().expect("started with a pipe").write_all(bytes);
    }

    /// To all processes of its group, as the terminal does at Ctrl-C.
    pub(crate) fn signal_group(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.child), signal).unwrap();
    }

    /// To the command's own process.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until its standard output holds `text`.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |started| started.has_said(text));
    }

    /// True once its standard output holds `text`.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.stdout.as_ref().is_some_and(|stdout| stdout.text().contains(text))
    }

    /// Waits for something that must come before the command ends.
    pub(crate) fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        while !holds(self) {
            self.status = self.child.try_wait().unwrap();
            if self.status.is_some() {
                panic!("it ended before {what}: {:?}", self.end());
            }
            assert!(Instant::now() < self.deadline, "no {what}: {:?}", self.words());
            sleep(POLL);
        }
    }

    fn words(&self) -> Vec<String> {
        self.stdout.iter().chain(&self.stderr).map(Reader::text).collect()
    }

    /// From now on it may take this long.
    pub(crate) fn must_end_within(&mut self, limit: Duration) {
        self.deadline = Instant::now() + limit;
    }

    /// Waits for its end, with its standard input closed.
    pub(crate) fn outcome(mut self) -> Outcome {
        drop(self.child.stdin.take());
        self.end()
    }

    /// Waits for its end, with its standard input still open.
    pub(crate) fn outcome_with_open_pipe(mut self) -> Outcome {
        self.end()
    }

    fn end(&mut self) -> Outcome {
        while self.status.is_none() {
            self.status = self.child.try_wait().unwrap();
            assert!(Instant::now() < self.deadline, "it did not end in time: {:?}", self.words());
            sleep(POLL);
        }
        let status = self.status.unwrap();
        let [stdout, stderr] = [self.stdout.take(), self.stderr.take()].map(|r| self.collect(r.unwrap()));
        Outcome { code: status.code(), signal: status.signal(), stdout, stderr }
    }

    /// All that was written. A process that was left behind would keep the pipe open.
    fn collect(&self, reader: Reader) -> String {
        let deadline = self.deadline + Duration::from_secs(5);
        while !reader.thread.is_finished() {
            assert!(Instant::now() < deadline, "a process that was left holds a pipe: {}", reader.text());
            sleep(POLL);
        }
        reader.text()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
