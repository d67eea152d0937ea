//! What hears of every open, and of every change of a name, by a program whose files are mediated, and answers it.
//!
//! The filter of such a program can't see a path, so it hands all calls that open, remove, rename or make a folder
//! to this listener. A [`Broker`] answers each in one of these ways:
//!
//! - [`Call::give`]: the program gets a copy of a descriptor that the broker opened. What was decided on is what
//!   it gets; its memory isn't looked at again.
//! - [`Call::done`]: the broker has done what was asked for.
//! - [`Call::refuse`]: it gets an error.
//! - [`Call::go_on`]: the kernel makes the call as if nobody listened. It reads the path *again*, and another
//!   thread may have changed it by then, so this answer must never mean "this path is fine". It means "whatever
//!   path the kernel reads now, Landlock decides it": mediated trees have no rule there, so nothing in them opens
//!   or changes this way, and what does is what the program was granted directly, for which nobody need be asked. So
//!   every doubt (a pointer to nowhere, a path that is too long, a link through `/proc`, a process that can't be
//!   looked into) may go on: it reaches what is granted, or fails with the kernel's own error.
//!
//! The broker copies the path once and resolves it itself. Who calls is known by a thread's number, which can be
//! used again once the thread is dead; whatever was found out by it counts only if the call [still
//! waits](Call::still_waits) afterwards.

use crate::sys::{self, End};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// As many bytes has a path for the kernel, its NUL included.
const PATH_BYTES_MAX: usize = 4096;
/// No page is smaller. A copy that ends with one never asks for memory behind the path's last page.
const PAGE_BYTES: u64 = 4096;

/// Answers the calls of one sandbox.
pub trait Broker: Send + Sync {
    /// Answers one call, on a thread of the listener. A call that is dropped instead fails with `EACCES`.
    fn answer(&self, call: Call);
}

/// A path in the caller's memory, and the descriptor that it is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    directory: i32,
    address: u64,
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// `open`, `openat`, `creat`: the flags and mode as the caller gave them; set-id bits never come here.
    Open {
        /// What.
        name: Name,
        /// How.
        flags: OFlags,
        /// The mode of a file that is to be created.
        mode: Mode,
    },
    /// `unlink`, `rmdir`, `unlinkat`.
    Remove {
        /// What.
        name: Name,
        /// A folder is meant, else anything but a folder.
        folder: bool,
    },
    /// `mkdir`, `mkdirat`.
    MakeFolder {
        /// Which.
        name: Name,
        /// Its mode.
        mode: Mode,
    },
    /// `rename`, `renameat`, `renameat2`.
    Rename {
        /// What.
        from: Name,
        /// Its new name.
        to: Name,
        /// Nothing is replaced.
        only_new: bool,
    },
    /// With flags that no broker knows: it goes on, or is refused.
    Unknown,
}

/// The right to answer, taken from [`Sandboxed::take_listener`](crate::Sandboxed::take_listener).
#[derive(Debug)]
pub struct Listener {
    descriptor: OwnedFd,
    /// One thread at a time waits for a call and lets the next one wait before it answers. So at most as many
    /// calls are under way as there are threads; the rest wait in the kernel.
    turn: Mutex<()>,
}

impl Listener {
    pub(crate) fn new(descriptor: OwnedFd) -> Self {
        sys::wake_each_other(descriptor.as_fd());
        Self { descriptor, turn: Mutex::new(()) }
    }

    /// Answers calls on so many threads of its own, which end with the last process of the sandbox. They have the
    /// caller's uid and no capability, as the program has none: what it may not open, they can't open for it.
    ///
    /// # Errors
    /// If not even one thread can be started; then every open of the program fails.
    pub fn serve(self, threads: usize, broker: Arc<dyn Broker>) -> io::Result<()> {
        let listener = Arc::new(self);
        for number in 0..threads {
            let (listener, broker) = (Arc::clone(&listener), Arc::clone(&broker));
            let work = move || {
                // Else a root that started the program would open for it what uid 0 alone can't.
                if sys::act_without_capabilities().is_err() {
                    return;
                }
                while let Some(call) = next(&listener) {
                    broker.answer(call);
                }
            };
            match std::thread::Builder::new().name(format!("files-{number}")).spawn(work) {
                Err(error) if number == 0 => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The next call; `None` when nobody is left who could make one.
fn next(listener: &Arc<Listener>) -> Option<Call> {
    let _turn = listener.turn.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let mut watched = [PollFd::new(&listener.descriptor, PollFlags::IN)];
        match poll(&mut watched, None) {
            Err(Errno::INTR) => continue,
            Err(_) => return None,
            // Asked for the next call, older kernels would wait for it also when nobody is left.
            Ok(_) if !watched[0].revents().contains(PollFlags::IN) => return None,
            Ok(_) => {}
        }
        match sys::next_call(listener.descriptor.as_fd()) {
            Ok(call) => return Some(Call::new(Arc::clone(listener), &call)),
            // The caller was killed in between.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::ENOENT)) => {}
            Err(_) => return None,
        }
    }
}

impl Asked {
    /// Registers are wider than what the kernel takes of them.
    fn by(number: i64, args: &[u64; 6]) -> Self {
        let (cwd, int) = (libc::AT_FDCWD, |at: usize| args[at] as i32);
        let name = |directory: i32, at: usize| Name { directory, address: args[at] };
        let flags = |at: usize| OFlags::from_bits_retain(args[at] as u32);
        let mode = |at: usize| Mode::from_raw_mode(args[at] as u32 & 0o777);
        match number {
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => Self::Open { name: name(cwd, 0), flags: flags(1), mode: mode(2) },
            #[cfg(target_arch = "x86_64")]
            libc::SYS_creat => {
                let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC;
                Self::Open { name: name(cwd, 0), flags, mode: mode(1) }
            }
            libc::SYS_openat => Self::Open { name: name(int(0), 1), flags: flags(2), mode: mode(3) },
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink => Self::Remove { name: name(cwd, 0), folder: false },
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rmdir => Self::Remove { name: name(cwd, 0), folder: true },
            libc::SYS_unlinkat if matches!(int(2), 0 | libc::AT_REMOVEDIR) => {
                Self::Remove { name: name(int(0), 1), folder: int(2) != 0 }
            }
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mkdir => Self::MakeFolder { name: name(cwd, 0), mode: mode(1) },
            libc::SYS_mkdirat => Self::MakeFolder { name: name(int(0), 1), mode: mode(2) },
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename => Self::Rename { from: name(cwd, 0), to: name(cwd, 1), only_new: false },
            libc::SYS_renameat => {
                Self::Rename { from: name(int(0), 1), to: name(int(2), 3), only_new: false }
            }
            libc::SYS_renameat2 if args[4] as u32 <= libc::RENAME_NOREPLACE => {
                let only_new = args[4] as u32 != 0;
                Self::Rename { from: name(int(0), 1), to: name(int(2), 3), only_new }
            }
            _ => Self::Unknown,
        }
    }
}

/// One call, whose caller waits.
#[derive(Debug)]
pub struct Call {
    listener: Arc<Listener>,
    id: u64,
    thread: i32,
    asked: Asked,
    answered: bool,
}

impl Call {
    fn new(listener: Arc<Listener>, call: &libc::seccomp_notif) -> Self {
        let asked = Asked::by(call.data.nr.into(), &call.data.args);
        let thread = i32::try_from(call.pid).unwrap_or(0);
        Self { listener, id: call.id, thread, asked, answered: false }
    }

    /// What it asks for.
    pub fn asked(&self) -> Asked {
        self.asked
    }

    /// A path, copied from the caller's memory. `None` if it isn't there, is too long, or can't be looked at.
    pub fn path(&self, name: Name) -> Option<Vec<u8>> {
        let mut path = vec![0; PATH_BYTES_MAX];
        let mut filled = 0;
        while filled < path.len() {
            let from = name.address.checked_add(filled as u64)?;
            let to_page_end = (PAGE_BYTES - from % PAGE_BYTES) as usize;
            let end = path.len().min(filled + to_page_end);
            let read = sys::read_memory(self.thread, from, &mut path[filled..end]).ok()?;
            if let Some(length) = path[filled..filled + read].iter().position(|byte| *byte == 0) {
                path.truncate(filled + length);
                return Some(path);
            }
            if read == 0 {
                return None;
            }
            filled += read;
        }
        None
    }

    /// What the path is relative to, as the caller sees it.
    ///
    /// # Errors
    /// There is no such descriptor, or the caller can't be looked into.
    pub fn base(&self, name: Name) -> io::Result<PathBuf> {
        let link = match name.directory {
            libc::AT_FDCWD => "cwd".to_owned(),
            number => format!("fd/{number}"),
        };
        let base = rustix::fs::readlinkat(CWD, self.file(&link), Vec::new())?;
        Ok(std::ffi::OsString::from_vec(base.into_bytes()).into())
    }

    /// The caller's root. All processes of a sandbox have the same: none may change it.
    ///
    /// # Errors
    /// The caller can't be looked into.
    pub fn root(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(self.file("root"), flags, Mode::empty())?)
    }

    /// The bits that a file the caller creates doesn't have; all of them if nobody knows.
    pub fn umask(&self) -> Mode {
        let status = fs::read_to_string(self.file("status")).unwrap_or_default();
        let field = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        let bits = field.and_then(|bits| u32::from_str_radix(bits.trim(), 8).ok());
        Mode::from_raw_mode(bits.unwrap_or(0o777))
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.thread)
    }

    /// Whether the caller still waits, so that what was found under its number was its own.
    pub fn still_waits(&self) -> bool {
        sys::still_waits(self.listener.descriptor.as_fd(), self.id)
    }

    /// The kernel makes the call, with the path that it reads then. See the module for what may go on: everything.
    pub fn go_on(mut self) {
        self.end(&End::GoesOn);
    }

    /// The call fails with this error.
    pub fn refuse(mut self, errno: Errno) {
        self.end(&End::Fails(errno.raw_os_error()));
    }

    /// The call succeeds: what it asks for was done.
    pub fn done(mut self) {
        self.end(&End::Succeeds);
    }

    /// The call succeeds with a copy of this descriptor.
    ///
    /// # Errors
    /// The caller is dead (`ENOENT`), or has no room for a descriptor; then the call fails with that.
    pub fn give(mut self, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let closed_by_exec =
            matches!(self.asked, Asked::Open { flags, .. } if flags.contains(OFlags::CLOEXEC));
        let listener = self.listener.descriptor.as_fd();
        match sys::end_call_with(listener, self.id, descriptor, closed_by_exec) {
            Ok(()) => {
                self.answered = true;
                Ok(())
            }
            Err(error) => {
                self.end(&End::Fails(error.raw_os_error().unwrap_or(libc::EIO)));
                Err(error)
            }
        }
    }

    /// It fails only for a caller that is dead, and then nobody is there to be answered.
    fn end(&mut self, end: &End) {
        self.answered = true;
        let _ = sys::end_call(self.listener.descriptor.as_fd(), self.id, end);
    }
}

/// Nobody waits for ever for a broker that failed.
impl Drop for Call {
    fn drop(&mut self) {
        if !self.answered {
            self.end(&End::Fails(libc::EACCES));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CWD: i32 = libc::AT_FDCWD;
    /// What the kernel doesn't look at.
    const UPPER: u64 = 0xABCD << 32;

    fn name(directory: i32, address: u64) -> Name {
        Name { directory, address }
    }

    #[test]
    fn each_call_asks_for_what_the_kernel_would_do() {
        let at = |fd: i32| u64::from(fd.cast_unsigned()) | UPPER;
        let (flags, mode) = (OFlags::WRONLY | OFlags::CREATE, Mode::from_raw_mode(0o644));
        let (bits, path) = (u64::from(flags.bits()) | UPPER, 0x7000_0000_1000);
        let asked = Asked::by(libc::SYS_openat, &[at(7), path, bits, UPPER | 0o644, 0, 0]);
        assert_eq!(asked, Asked::Open { name: name(7, path), flags, mode });
        let asked = Asked::by(libc::SYS_openat, &[at(CWD), path, bits, 0o644, 0, 0]);
        assert_eq!(asked, Asked::Open { name: name(CWD, path), flags, mode });
        let remove = |flags: u64| Asked::by(libc::SYS_unlinkat, &[at(7), path, flags, 0, 0, 0]);
        assert_eq!(remove(UPPER), Asked::Remove { name: name(7, path), folder: false });
        assert_eq!(remove(0x200), Asked::Remove { name: name(7, path), folder: true });
        assert_eq!((remove(0x201), remove(0x1000)), (Asked::Unknown, Asked::Unknown));
        let asked = Asked::by(libc::SYS_mkdirat, &[at(7), path, 0o2644, 0, 0, 0]);
        assert_eq!(asked, Asked::MakeFolder { name: name(7, path), mode });
        let rename = |flags: u64| Asked::by(libc::SYS_renameat2, &[at(7), path, at(8), 9, flags, 0]);
        let (from, to) = (name(7, path), name(8, 9));
        assert_eq!(rename(UPPER), Asked::Rename { from, to, only_new: false });
        assert_eq!(rename(1), Asked::Rename { from, to, only_new: true });
        // Swapping two files, and leaving a whiteout.
        assert_eq!((rename(2), rename(4), rename(3)), (Asked::Unknown, Asked::Unknown, Asked::Unknown));
        assert_eq!(Asked::by(libc::SYS_execve, &[path; 6]), Asked::Unknown);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn calls_without_a_descriptor_are_relative_to_the_current_folder() {
        let args = [11, 22, 0o600, 0, 0, 0];
        for (number, wanted) in [
            (libc::SYS_unlink, Asked::Remove { name: name(CWD, 11), folder: false }),
            (libc::SYS_rmdir, Asked::Remove { name: name(CWD, 11), folder: true }),
            (libc::SYS_mkdir, Asked::MakeFolder { name: name(CWD, 11), mode: Mode::from_raw_mode(22) }),
            (libc::SYS_rename, Asked::Rename { from: name(CWD, 11), to: name(CWD, 22), only_new: false }),
        ] {
            assert_eq!(Asked::by(number, &args), wanted);
        }
        let created = OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC;
        let asked = Asked::by(libc::SYS_creat, &[11, 0o600, 5, 0, 0, 0]);
        assert_eq!(
            asked,
            Asked::Open { name: name(CWD, 11), flags: created, mode: Mode::from_raw_mode(0o600) }
        );
        let asked = Asked::by(libc::SYS_open, &[11, u64::from(OFlags::RDWR.bits()), 0o600, 0, 0, 0]);
        let mode = Mode::from_raw_mode(0o600);
        assert_eq!(asked, Asked::Open { name: name(CWD, 11), flags: OFlags::RDWR, mode });
    }
}
