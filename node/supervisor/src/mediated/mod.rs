//! Files of mediated trees: a program that nobody changed opens them, the orchestrator decides each time, and what
//! was decided on is what the program gets.
//!
//! The path is copied once and resolved here, in the program's own root, down to an `O_PATH` descriptor, which lets
//! nobody read anything. What it is, and the path that it really has, is decided on; then this same descriptor is
//! opened again in the decided mode and given to the program. Of a name that is to be made, removed or changed the
//! folder is opened so, and the decision is on its path and the one name. What lies in no mediated tree goes on to the kernel, where Landlock
//! lets through what was granted directly and nothing else (`ioi_sandbox::Listener` says why that is safe).

mod accesses;
mod changes;
mod look;
mod trees;

pub(crate) use accesses::Accesses;
pub(crate) use trees::Trees;

use crate::roots::{Facts, Kind};
use crate::witness;
use accesses::Granted;
use ioi_ipc::proto::supervisor as wire;
use ioi_sandbox::{Asked, Broker, Call, Name};
use ioi_types::ErrorCode;
use look::{Entry, Look, Missing, There};
use rustix::fs::{self, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Calls that are answered at the same time. The rest wait in the kernel.
pub(crate) const THREADS: usize = 4;
/// How often a file is decided on again that changed between the decision and its opening.
const ATTEMPTS_MAX: usize = 4;
/// Larger files are opened without a digest: a program opens the same ones again and again.
const HASHED_BYTES_MAX: u64 = 16 << 20;
/// What of the program's flags the opened descriptor has, besides the access that was decided on.
const KEPT: OFlags =
    OFlags::APPEND.union(OFlags::NONBLOCK).union(OFlags::DSYNC).union(OFlags::SYNC).union(OFlags::NOATIME);

/// Answers the program of `ioi run`.
pub(crate) struct Files {
    trees: Trees,
    accesses: Arc<Accesses>,
    /// The program's root, found at its first open.
    root: OnceLock<OwnedFd>,
}

/// Why an allowed access came to nothing.
enum Lost {
    /// The file is no longer the one that was decided on.
    Changed,
    Failed(Errno),
}

impl From<Errno> for Lost {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

impl Broker for Files {
    fn answer(&self, call: Call) {
        let Some(root) = self.root(&call) else { return call.go_on() };
        match call.asked() {
            Asked::Open { name, flags, mode } => self.open(call, root, How { name, flags, mode }),
            Asked::Remove { name, folder } => self.remove(call, root, name, folder),
            Asked::MakeFolder { name, mode } => self.make_folder(call, root, name, mode),
            Asked::Rename { from, to, only_new } => self.rename(call, root, from, to, only_new),
            _ => call.go_on(),
        }
    }
}

/// What an open asks for.
#[derive(Clone, Copy)]
struct How {
    name: Name,
    flags: OFlags,
    mode: fs::Mode,
}

impl Files {
    pub(crate) fn new(trees: Trees, accesses: Arc<Accesses>) -> Self {
        Self { trees, accesses, root: OnceLock::new() }
    }

    fn root(&self, call: &Call) -> Option<&OwnedFd> {
        if let Some(root) = self.root.get() {
            return Some(root);
        }
        // That it was the program's own is known only if the call still waits.
        let root = call.root().ok().filter(|_| call.still_waits())?;
        Some(self.root.get_or_init(|| root))
    }

    fn open(&self, mut call: Call, root: &OwnedFd, how: How) {
        for _ in 0..ATTEMPTS_MAX {
            let again = match look::look(&call, how.name, how.flags, root, &self.trees) {
                Look::GoOn => return call.go_on(),
                Look::Refuse(errno) => return call.refuse(errno),
                Look::There(there) => self.decide_there(call, how, &there),
                Look::Missing(missing) => self.decide_missing(call, how, &missing),
            };
            match again {
                Some(again) => call = again,
                None => return,
            }
        }
        call.refuse(Errno::AGAIN);
    }

    /// Asks for one or more actions on a path and what is there; `None` for a refusal.
    fn ask(&self, actions: Vec<String>, path: &Path, facts: Option<&Facts>) -> Option<Granted> {
        let path = path.as_os_str().as_encoded_bytes().to_vec();
        let asked = wire::Access { actions, path, ..Default::default() };
        self.accesses.ask(match facts {
            None => asked,
            Some(Facts { kind, size, device, inode, .. }) => wire::Access {
                kind: kind.name().into(),
                size: *size,
                device: *device,
                inode: *inode,
                ..asked
            },
        })
    }

    /// Returns the call if it must be decided again.
    fn decide_there(&self, call: Call, how: How, there: &There) -> Option<Call> {
        let Facts { path, kind, size, .. } = &there.facts;
        let Some(granted) = self.ask(there.wants.actions(*kind), path, Some(&there.facts)) else {
            call.refuse(Errno::ACCESS);
            return None;
        };
        let opened = open_again(there, how.flags);
        let digest = match &opened {
            Ok(file) if *kind == Kind::File && there.wants.read && !there.wants.truncate => {
                digest(file, *size)
            }
            _ => String::new(),
        };
        give(call, opened, granted, *size, digest)
    }

    fn decide_missing(&self, call: Call, how: How, missing: &Missing) -> Option<Call> {
        let Some(granted) = self.ask(vec!["fs::write".into()], &missing.entry.path, None) else {
            call.refuse(Errno::ACCESS);
            return None;
        };
        let created = create(&call, how, missing);
        give(call, created, granted, 0, String::new())
    }
}

/// Opens in the decided mode the very descriptor that was decided on. A file that holds more, or less, by now was
/// not decided on.
fn open_again(there: &There, flags: OFlags) -> Result<OwnedFd, Lost> {
    let again = format!("/proc/self/fd/{}", there.descriptor.as_raw_fd());
    let wants = &there.wants;
    let mut how = wants.mode() | (flags & KEPT) | OFlags::CLOEXEC | OFlags::NOCTTY;
    if there.facts.kind == Kind::Folder {
        how |= OFlags::DIRECTORY;
        return Ok(fs::open(&again, how, fs::Mode::empty())?);
    }
    if there.facts.kind != Kind::File {
        return Err(Lost::Failed(Errno::ACCESS));
    }
    // Emptied at last, so that nothing is lost of a file that is not given after all.
    let file = fs::open(&again, how, fs::Mode::empty())?;
    if wants.read && u64::try_from(fs::fstat(&file)?.st_size) != Ok(there.facts.size) {
        return Err(Lost::Changed);
    }
    if wants.truncate {
        fs::ftruncate(&file, 0)?;
    }
    Ok(file)
}

/// Never over something that is there by now: that would be another decision.
fn create(call: &Call, how: How, missing: &Missing) -> Result<OwnedFd, Lost> {
    let flags = missing.wants.mode() | (how.flags & KEPT);
    let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    let mode = how.mode & !call.umask();
    let Entry { folder, name, .. } = &missing.entry;
    match fs::openat(folder, name, flags, mode) {
        Err(Errno::EXIST) if !missing.wants.exclusive => Err(Lost::Changed),
        created => Ok(created?),
    }
}

/// What it held when it was opened. The program has a descriptor of the file itself, which others may write.
fn digest(file: &OwnedFd, size: u64) -> String {
    let digest = match file.try_clone() {
        Ok(file) if size <= HASHED_BYTES_MAX => witness::digest(&File::from(file), size).ok().flatten(),
        _ => None,
    };
    digest.map(|digest| digest.to_string()).unwrap_or_default()
}

fn failed(code: ErrorCode, error: impl ToString) -> wire::AnswerAccessReply {
    wire::AnswerAccessReply { error_code: code.number(), error: error.to_string(), ..Default::default() }
}

/// Gives the descriptor and tells what became of the access. Returns the call if it must be decided again.
fn give(
    call: Call,
    opened: Result<OwnedFd, Lost>,
    granted: Granted,
    size: u64,
    digest: String,
) -> Option<Call> {
    match opened {
        // Its record says already that it came to nothing.
        Ok(_) if granted.is_late() => call.refuse(Errno::TIMEDOUT),
        Ok(file) => match call.give(file.as_fd()) {
            Ok(()) => granted.done(wire::AnswerAccessReply { size, digest, ..Default::default() }),
            Err(error) => granted.done(failed(ErrorCode::Cancelled, format!("nobody took it: {error}"))),
        },
        Err(Lost::Changed) => {
            granted.done(failed(ErrorCode::PathUnreadable, "it changed after the decision on it"));
            return Some(call);
        }
        Err(Lost::Failed(errno)) => {
            granted.done(failed(ErrorCode::PathUnreadable, errno));
            call.refuse(errno);
        }
    }
    None
}
