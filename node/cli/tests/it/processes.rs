//! The processes of a run, and what else of it could be left behind.

use crate::place::Place;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// A process; numbers are reused, so the time of its start belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    start_ticks: u64,
}

struct Stat {
    process: Process,
    parent: i32,
    name: String,
    is_ended: bool,
}

/// proc(5): `pid (name) state ppid …`, the start time being field 22.
fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let process = Process { pid, start_ticks: fields.get(19)?.parse().ok()? };
    let is_ended = ["Z", "X"].contains(fields.first()?);
    Some(Stat { process, parent: fields.get(1)?.parse().ok()?, name: name.to_owned(), is_ended })
}

fn all() -> impl Iterator<Item = Stat> {
    let names = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| stat(name.parse().ok()?))
}

impl Process {
    /// The one that has this number now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        stat(pid).map(|found| found.process)
    }

    pub(crate) fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|now| now.process == self && !now.is_ended)
    }

    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
    }

    /// It neither runs nor ends from now on.
    pub(crate) fn stop(self) {
        self.signal(Signal::STOP);
    }

    /// It goes on.
    pub(crate) fn go_on(self) {
        self.signal(Signal::CONT);
    }

    fn signal(self, signal: Signal) {
        // It may have ended in the same moment.
        let pid = rustix::process::Pid::from_raw(self.pid).unwrap();
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// All processes beneath `root` that run now, with their names.
pub(crate) fn beneath(root: i32) -> Vec<(Process, String)> {
    let mut known = BTreeMap::new();
    learn(root, &mut known);
    known.into_iter().filter(|(process, _)| process.is_alive()).collect()
}

/// Adds the processes whose parent is `root` or is known.
fn learn(root: i32, known: &mut BTreeMap<Process, String>) {
    let now: BTreeMap<i32, Stat> = all().map(|stat| (stat.process.pid, stat)).collect();
    loop {
        let before = known.len();
        for stat in now.values() {
            let parent_is_known = now.get(&stat.parent).is_some_and(|it| known.contains_key(&it.process));
            if stat.parent == root || parent_is_known {
                known.insert(stat.process, stat.name.clone());
            }
        }
        if known.len() == before {
            return;
        }
    }
}

/// Remembers every process that a run starts, so that it can be missed later.
pub(crate) struct Census {
    root: i32,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    known: Arc<Mutex<BTreeMap<Process, String>>>,
}

impl Census {
    pub(crate) fn of(root: i32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let known = Arc::<Mutex<BTreeMap<_, _>>>::default();
        let (stopped, learned) = (Arc::clone(&stop), Arc::clone(&known));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                learn(root, &mut learned.lock().unwrap());
                sleep(Duration::from_millis(2));
            }
        });
        Self { root, stop, thread, known }
    }

    /// All processes of the run that live now, which the census knows from now on.
    pub(crate) fn take(&self) -> Vec<(Process, String)> {
        let mut known = self.known.lock().unwrap();
        learn(self.root, &mut known);
        let living = known.iter().filter(|(process, _)| process.is_alive());
        living.map(|(process, name)| (*process, name.clone())).collect()
    }

    /// Asserts that of the run, which has ended, nothing is left: no process, cgroup, socket or file.
    pub(crate) fn assert_nothing_is_left(self, place: &Place, within: Duration) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        let known = self.known.lock().unwrap();
        assert!(!known.is_empty(), "the census missed the run");
        let deadline = Instant::now() + within;
        loop {
            let left = left(self.root, &known, place);
            if left.is_empty() {
                return;
            }
            if Instant::now() > deadline {
                known.keys().filter(|process| process.is_alive()).for_each(|process| process.kill());
                panic!("left behind: {left:?}; removing the groups: {:?}", remove_groups_of(self.root));
            }
            sleep(Duration::from_millis(10));
        }
    }
}

fn left(root: i32, known: &BTreeMap<Process, String>, place: &Place) -> Vec<String> {
    let processes = known.iter().filter(|(process, _)| process.is_alive());
    let mut left: Vec<_> = processes.map(|(process, name)| format!("{name} {}", process.pid)).collect();
    let mut groups = Vec::new();
    groups_of(root, Path::new("/sys/fs/cgroup"), 6, &mut groups);
    left.extend(groups.iter().map(|path| path.display().to_string()));
    let temporary = fs::read_dir(place.path("tmp")).unwrap();
    left.extend(temporary.map(|entry| entry.unwrap().path().display().to_string()));
    let home = place.path("home").display().to_string();
    let sockets = fs::read_to_string("/proc/net/unix").unwrap();
    left.extend(sockets.lines().filter(|line| line.contains(&home)).map(str::to_owned));
    left
}

/// What the kernel says to the removal of a group tells one that is busy from one that was forgotten.
fn remove_groups_of(root: i32) -> Vec<std::io::Result<()>> {
    let mut groups = Vec::new();
    groups_of(root, Path::new("/sys/fs/cgroup"), 6, &mut groups);
    groups.iter().map(fs::remove_dir).collect()
}

/// A sandbox's groups are named after the supervisor that made them: `ioi-<pid>-…`.
fn groups_of(root: i32, folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || depth == 0 {
            continue;
        }
        if entry.file_name().to_string_lossy().starts_with(&format!("ioi-{root}-")) {
            found.push(entry.path());
        }
        groups_of(root, &entry.path(), depth - 1, found);
    }
}
