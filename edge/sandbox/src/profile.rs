//! What is to run, and what it is given. Everything that is not named here is withheld.

use crate::{Measured, Property};
use std::ffi::OsString;
use std::path::PathBuf;

/// A program, its surroundings and its limits.
#[derive(Clone, Debug)]
pub struct Profile {
    /// A short name for messages and for the names of control groups: `[a-z0-9-]`.
    pub name: String,
    /// The absolute path of the program. It needs no grant of its own.
    pub executable: PathBuf,
    /// What `executable` was when its bytes were looked at. If it is anything else when it is executed, it
    /// doesn't run.
    pub measured: Option<Measured>,
    /// The whole argument vector, the program's own name first. Empty: the path of the executable alone.
    pub argv: Vec<OsString>,
    /// The whole environment; nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it starts: an absolute path that a grant covers, or `/`.
    pub working_directory: PathBuf,
    /// The files and trees that it may reach.
    pub grants: Vec<Grant>,
    /// Trees of which it gets nothing by itself: the caller opens their files for it, one at a time, and takes
    /// the [`Listener`](crate::Listener) of the sandbox for it. Only for [`SyscallSet::Program`].
    pub mediated: Vec<Grant>,
    /// Which system calls it may make.
    pub syscalls: SyscallSet,
    /// True only for the process that is the way out. Lifts `no-network`; it still can't listen.
    pub network: bool,
    /// Limits over all its processes together, where the kernel can count them together.
    pub limits: Limits,
    /// Properties without which it must not start. [`Property::NEVER_LOWERED`] are required even if absent.
    pub require: Vec<Property>,
    /// Who it runs as.
    pub identity: Identity,
    /// It keeps the caller's terminal and foreground process group, so that Ctrl-C reaches it.
    pub terminal: bool,
    /// A `/tmp` of its own, of this many bytes at most (a bound only in a mount namespace), gone at its end.
    /// Without a mount namespace it is another directory, and `TMPDIR` names it.
    pub private_tmp_bytes: Option<u64>,
}

impl Profile {
    /// A profile that grants nothing: no files, no network, an empty environment, the strictest calls.
    /// It requires all that is never lowered, and that the program dies as a whole.
    pub fn new(name: impl Into<String>, executable: impl Into<PathBuf>) -> Self {
        let mut require = Property::NEVER_LOWERED.to_vec();
        require.push(Property::DiesAsAWhole);
        Self {
            name: name.into(),
            executable: executable.into(),
            measured: None,
            argv: Vec::new(),
            environment: Vec::new(),
            working_directory: PathBuf::from("/"),
            grants: Vec::new(),
            mediated: Vec::new(),
            syscalls: SyscallSet::Native,
            network: false,
            limits: Limits::default(),
            require,
            identity: Identity::Caller,
            terminal: false,
            private_tmp_bytes: None,
        }
    }
}

/// One path and what may be done with it and with everything beneath it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// An absolute path. It must exist when the sandbox starts.
    pub path: PathBuf,
    /// What may be done.
    pub access: Access,
}

impl Grant {
    /// A grant of `access` to `path`.
    pub fn new(path: impl Into<PathBuf>, access: Access) -> Self {
        Self { path: path.into(), access }
    }
}

/// What a grant allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Access {
    /// Read files and list directories.
    Read,
    /// `Read`, and run programs and load libraries from it.
    ReadExecute,
    /// `Read`, and create, change and remove. What is written here can't be run.
    ReadWrite,
    /// All of it, as a build directory needs.
    ReadWriteExecute,
}

impl Access {
    /// True if files may be created, changed or removed.
    pub fn writes(self) -> bool {
        matches!(self, Self::ReadWrite | Self::ReadWriteExecute)
    }

    /// What either allows.
    pub(crate) fn with(self, other: Self) -> Self {
        match (self.writes() || other.writes(), self.executes() || other.executes()) {
            (false, false) => Self::Read,
            (false, true) => Self::ReadExecute,
            (true, false) => Self::ReadWrite,
            (true, true) => Self::ReadWriteExecute,
        }
    }

    /// True if files may be run.
    pub fn executes(self) -> bool {
        matches!(self, Self::ReadExecute | Self::ReadWriteExecute)
    }
}

/// A list of system calls. The table with a reason for each entry is in `filter/table.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SyscallSet {
    /// A plugin built for this system: compute, memory, threads, and the descriptors it was given.
    Native,
    /// A process of the node: `Native`, an event loop, timers, and files of its own directory.
    Tokio,
    /// An unmodified program: Python, Node, Go, a shell, git.
    Program,
}

/// Upper bounds. `None` sets none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory, over all processes together.
    pub memory_bytes: Option<u64>,
    /// Processes and threads, over all together.
    pub pids: Option<u32>,
    /// Per cent of one processor: 200 is two of them. Only a control group can hold it.
    pub cpu_percent: Option<u32>,
    /// Open descriptors in each process.
    pub files: Option<u64>,
}

/// The uid and gid that the program runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The caller's own.
    Caller,
    /// This uid and gid; the caller must be root.
    Uid(u32, u32),
}
