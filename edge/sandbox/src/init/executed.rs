//! The moment of exec: the program is held at its first instruction until it is known to be the file whose
//! bytes were looked at.

use super::{During, Failure};
use crate::measured::Measured;
use crate::sys;
use crate::wire::Ended;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Where the child waits until its parent is ready to see it exec. The byte that passes says whether it can.
pub(super) struct Gate {
    reader: File,
    writer: File,
    proc: Option<Proc>,
}

/// `/proc` as it is outside: within a new root there may be none.
pub(super) struct Proc(OwnedFd);

const SEES: u8 = b'1';
const SEES_NOT: u8 = b'0';

impl Gate {
    pub(super) fn new(proc: Option<Proc>) -> Result<Self, Failure> {
        let (reader, writer) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).during("making a pipe")?;
        Ok(Self { reader: reader.into(), writer: writer.into(), proc })
    }

    /// In the child: true if the parent sees the exec.
    pub(super) fn pass(self) -> io::Result<bool> {
        let Self { mut reader, writer, .. } = self;
        // Ours too, or the parent's end would never be seen.
        drop(writer);
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        Ok(byte[0] == SEES)
    }

    /// In the parent: lets the child go on and follows it up to its exec. Where the kernel doesn't let us
    /// look, the child looks itself just before. Returns how it ended, if it did without exec.
    pub(super) fn follow(
        self,
        child: Pid,
        executable: &Path,
        measured: Option<&Measured>,
    ) -> Result<Option<Ended>, Failure> {
        let Self { reader, mut writer, proc } = self;
        drop(reader);
        let may = |proc: &Proc| proc.only_child().is_ok() && sys::trace(child).is_ok();
        let sees = measured.zip(proc).filter(|(_, proc)| may(proc));
        let byte = if sees.is_some() { SEES } else { SEES_NOT };
        writer.write_all(&[byte]).during("letting the program go on")?;
        match sees {
            Some((measured, proc)) => until_exec(child, executable, measured, &proc),
            None => Ok(None),
        }
    }
}

impl Proc {
    /// `None` where there is no `/proc`; then nothing is seen.
    pub(super) fn open() -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open("/proc", flags, Mode::empty()).ok().map(Self)
    }

    fn file(&self, path: &str, flags: OFlags) -> io::Result<File> {
        Ok(rustix::fs::openat(&self.0, path, flags | OFlags::CLOEXEC, Mode::empty())?.into())
    }

    /// The number of our only child there, which in another pid namespace is not its number here.
    fn only_child(&self) -> io::Result<u32> {
        let own = rustix::fs::readlinkat(&self.0, "self", Vec::new())?;
        let own = own.into_string().map_err(io::Error::other)?;
        let mut children = String::new();
        self.file(&format!("{own}/task/{own}/children"), OFlags::RDONLY)?.read_to_string(&mut children)?;
        match children.split_whitespace().collect::<Vec<_>>().as_slice() {
            [child] => child.parse().map_err(io::Error::other),
            other => Err(io::Error::other(format!("the init has {} children", other.len()))),
        }
    }

    /// The file that our only child has executed.
    fn executed(&self) -> io::Result<File> {
        self.file(&format!("{}/exe", self.only_child()?), OFlags::PATH)
    }
}

fn until_exec(
    child: Pid,
    executable: &Path,
    measured: &Measured,
    proc: &Proc,
) -> Result<Option<Ended>, Failure> {
    loop {
        let status = match waitpid(Some(child), WaitOptions::empty()) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(Errno::INTR) => continue,
            Err(error) => return Err(error).during("waiting for the program to start"),
        };
        if !status.stopped() {
            return Ok(Some(Ended { code: status.exit_status(), signal: status.terminating_signal() }));
        }
        if sys::is_at_exec(status.as_raw()) {
            let is_it = is_executed(executable, measured, proc);
            if !matches!(is_it, Ok(true)) {
                let _ = kill_process(child, Signal::KILL);
            }
            sys::stop_tracing(child);
            return match is_it.during("looking at what is executed")? {
                true => Ok(None),
                false => Err(changed(executable)),
            };
        }
        sys::go_on(child, passed_on(status)).during("letting the program go on")?;
    }
}

/// A signal that reaches the child on its way is its own; the stops of tracing are none.
fn passed_on(status: WaitStatus) -> i32 {
    match status.stopping_signal() {
        Some(libc::SIGTRAP | libc::SIGSTOP) | None => 0,
        Some(signal) => signal,
    }
}

/// For a script the kernel executes the interpreter, which opens the script again by its name: all that can
/// be seen is that the name still leads to it.
fn is_executed(executable: &Path, measured: &Measured, proc: &Proc) -> io::Result<bool> {
    match measured.is_elf() {
        true => measured.is(&proc.executed()?),
        false => measured.is_at(executable),
    }
}

/// In the child, where the parent doesn't see it.
pub(super) fn check_before(executable: &Path, measured: &Measured) -> Result<(), Failure> {
    match measured.is_at(executable).during("looking at the program's file")? {
        true => Ok(()),
        false => Err(changed(executable)),
    }
}

fn changed(executable: &Path) -> Failure {
    Failure {
        step: format!("running {}", executable.display()),
        error: io::Error::other("the file was changed or replaced after its digest was taken"),
    }
}
