//! The system calls that no safe wrapper offers, each wrapped once. Nothing else in this crate is unsafe.

use rustix::process::Pid;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// What `fork` returned.
pub(crate) enum Fork {
    /// We are the child.
    Child,
    /// We are the parent; the child has this pid.
    Parent(i32),
}

/// Forks a process that has one thread, as `ioi-init` and what it starts have. The child may then do
/// whatever the parent may, since no lock can be held by a thread that isn't there.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: the process has one thread (upheld by `ioi-init`, which starts none), so no other thread can
    // hold a lock that the child would wait for.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        pid if pid > 0 => Ok(Fork::Parent(pid)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The step of making namespaces that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Step {
    #[error("unshare is refused")]
    Unshare,
    #[error("the uid map can't be written")]
    Map,
    #[error("mounting inside is refused (AppArmor or a container may restrict it)")]
    Mount,
    #[error("a process inside can't be started")]
    Fork,
    #[error("no child could be started to try it")]
    Child,
}

/// All namespaces but the user's.
pub(crate) const NAMESPACES: i32 =
    libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// Tries namespaces in a child. `Ok(true)` if a fresh `/proc` can be mounted too.
pub(crate) fn try_namespaces(user: bool) -> Result<bool, Step> {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let maps = [
        ("/proc/self/setgroups", "deny".to_string()),
        ("/proc/self/uid_map", format!("{uid} {uid} 1")),
        ("/proc/self/gid_map", format!("{gid} {gid} 1")),
    ]
    .map(|(path, text)| (CString::new(path).expect("no NUL in it"), text));
    match in_child(|| child_namespaces(user, &maps)) {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        Some(10) => Err(Step::Unshare),
        Some(11) => Err(Step::Map),
        Some(12) => Err(Step::Mount),
        Some(13) => Err(Step::Fork),
        _ => Err(Step::Child),
    }
}

/// Runs `body` in a forked child, which may be the copy of a process with many threads: `body` may call
/// nothing but async-signal-safe functions and must not allocate. Returns the child's exit code.
fn in_child(body: impl Fn() -> i32) -> Option<i32> {
    // SAFETY: the child runs `body`, which its callers in this file keep to bare system calls on memory that
    // exists already, and leaves by `_exit`, so it takes no lock and runs no destructor.
    let pid = unsafe {
        match libc::fork() {
            0 => libc::_exit(body()),
            pid => pid,
        }
    };
    if pid < 0 {
        return None;
    }
    wait_for(pid)
}

/// The exit code of a child; none if it was killed.
fn wait_for(pid: i32) -> Option<i32> {
    let mut status = 0;
    loop {
        // SAFETY: `status` outlives the call.
        match unsafe { libc::waitpid(pid, &raw mut status, 0) } {
            -1 if last_errno() == libc::EINTR => {}
            -1 => return None,
            _ => return libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        }
    }
}

fn last_errno() -> i32 {
    // SAFETY: the address is the thread's own errno.
    unsafe { *libc::__errno_location() }
}

fn child_namespaces(user: bool, maps: &[(CString, String)]) -> i32 {
    let flags = NAMESPACES | if user { libc::CLONE_NEWUSER } else { 0 };
    // SAFETY: bare system calls in a child; every pointer is to a NUL-ended constant or to `maps`, which
    // was made before the fork.
    unsafe {
        if libc::unshare(flags) != 0 {
            return 10;
        }
        if user && !maps.iter().all(|(path, text)| write_whole(path, text)) {
            return 11;
        }
        let none = c"none".as_ptr();
        let quiet = libc::MS_REC | libc::MS_PRIVATE;
        let private = libc::mount(none, c"/".as_ptr(), std::ptr::null(), quiet, std::ptr::null());
        let tmpfs = libc::mount(none, c"/tmp".as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null());
        if private != 0 || tmpfs != 0 {
            return 12;
        }
        match libc::fork() {
            -1 => 13,
            0 => {
                let proc = libc::mount(none, c"/tmp".as_ptr(), c"proc".as_ptr(), 0, std::ptr::null());
                libc::_exit(i32::from(proc != 0))
            }
            pid => wait_for(pid).unwrap_or(13),
        }
    }
}

fn write_whole(path: &CString, text: &str) -> bool {
    // SAFETY: `path` ends with NUL, `text` is as long as said, and the descriptor is closed where opened.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        let written = file >= 0 && libc::write(file, text.as_ptr().cast(), text.len()) == text.len() as isize;
        if file >= 0 {
            libc::close(file);
        }
        written
    }
}

/// The Landlock ABI of the kernel, 0 if it has none.
pub(crate) fn landlock_abi() -> u32 {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call reads no memory.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0usize, 0usize, VERSION) };
    u32::try_from(abi).unwrap_or(0)
}

/// Tries a filter that allows everything, in a child.
pub(crate) fn seccomp_works() -> bool {
    let allow = [libc::sock_filter { code: 6, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW }];
    let installed = || match set_no_new_privs().and_then(|()| install_filter(&allow)) {
        Ok(()) => 0,
        Err(_) => 1,
    };
    in_child(installed) == Some(0)
}

/// Promises the kernel that this process and its children gain no privilege by exec.
pub(crate) fn set_no_new_privs() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
}

/// Installs a seccomp filter on this thread.
pub(crate) fn install_filter(program: &[libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let prog = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: `prog` points to `len` instructions that outlive the call; the kernel only reads them.
    check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const prog) })
}

/// Installs a filter that may ask a listener, and returns the listener. Signals don't interrupt a call that it has
/// heard of, where the kernel can keep them (since 5.19): it would be made, and decided, twice.
pub(crate) fn install_filter_with_listener(program: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    let listening = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let patient = listening | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    match install_listening(program, patient) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => install_listening(program, listening),
        installed => installed,
    }
}

fn install_listening(program: &[libc::sock_filter], flags: libc::c_ulong) -> io::Result<OwnedFd> {
    let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let prog = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: `prog` points to `len` instructions that outlive the call; the kernel only reads them. A result that
    // isn't negative is a new descriptor that nobody else owns.
    unsafe {
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        let fd = libc::syscall(libc::SYS_seccomp, mode, flags, &raw const prog) as i32;
        check(fd)?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Has the kernel wake whoever waits on the other side at once and on this core, since one of both always waits.
/// An older kernel knows no such flag; the answers come all the same.
pub(crate) fn wake_each_other(listener: BorrowedFd<'_>) {
    const SYNC_WAKE_UP: libc::c_ulong = 1;
    // SAFETY: with this request the argument is a number.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
}

/// The next call that waits for an answer; waits for one. `ENOENT` if its caller died meanwhile.
pub(crate) fn next_call(listener: BorrowedFd<'_>) -> io::Result<libc::seccomp_notif> {
    // SAFETY: all bytes zero are a valid value of this plain struct, and what the kernel demands; it writes at
    // most its size, which is part of the request's number.
    unsafe {
        let mut call: libc::seccomp_notif = std::mem::zeroed();
        let request = libc::SECCOMP_IOCTL_NOTIF_RECV;
        check(libc::ioctl(listener.as_raw_fd(), request, &raw mut call))?;
        Ok(call)
    }
}

/// Whether a call still waits. While it does, its thread's number is nobody else's.
pub(crate) fn still_waits(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads the eight bytes of `id`.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
}

/// How a call ends.
pub(crate) enum End {
    /// The kernel carries it out, with what it reads from the caller's memory *then*.
    GoesOn,
    /// It was done for the caller.
    Succeeds,
    /// It fails with this number.
    Fails(i32),
}

/// Ends a call that waits.
pub(crate) fn end_call(listener: BorrowedFd<'_>, id: u64, end: &End) -> io::Result<()> {
    let mut answer = libc::seccomp_notif_resp { id, val: 0, error: 0, flags: 0 };
    match end {
        End::GoesOn => answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        End::Succeeds => {}
        End::Fails(number) => answer.error = -number,
    }
    // SAFETY: the kernel reads and writes at most the struct's size, which is part of the request's number.
    let sent = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
    check(sent)
}

/// Ends a call that waits with a copy of `fd`, in one step: there is no moment in which the caller has the
/// descriptor and no answer.
pub(crate) fn end_call_with(
    listener: BorrowedFd<'_>,
    id: u64,
    fd: BorrowedFd<'_>,
    closed_by_exec: bool,
) -> io::Result<()> {
    let added = libc::seccomp_notif_addfd {
        id,
        flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
        srcfd: fd.as_raw_fd() as u32,
        newfd: 0,
        newfd_flags: if closed_by_exec { libc::O_CLOEXEC as u32 } else { 0 },
    };
    // SAFETY: the kernel reads the struct, whose size is part of the request's number.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const added) })
}

/// Copies bytes from another process's memory into `to`; fewer where its memory ends.
pub(crate) fn read_memory(thread: i32, address: u64, to: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: to.as_mut_ptr().cast(), iov_len: to.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: to.len() };
    // SAFETY: the kernel writes at most the length of `to` there; the remote address is only looked up, in the
    // other process, and fails where nothing is.
    let read = unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// Leaves the caller's namespaces for new ones.
pub(crate) fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: takes no pointer; no code here relies on the old namespaces after it.
    check(unsafe { libc::unshare(flags) })
}

/// Sets attributes on a mount and on all beneath it.
pub(crate) fn set_mount_attributes(tree: BorrowedFd<'_>, attributes: u64, recursive: bool) -> io::Result<()> {
    #[repr(C)]
    struct MountAttr {
        set: u64,
        clear: u64,
        propagation: u64,
        userns: u64,
    }
    let attr = MountAttr { set: attributes, clear: 0, propagation: 0, userns: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty constant and `attr` is of the size given; the kernel only reads both.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    check(result as i32)
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: u32) -> io::Result<()> {
    close_range(first, 0)
}

/// Marks every descriptor from `first` on to be closed by exec.
pub(crate) fn close_at_exec_from(first: u32) -> io::Result<()> {
    close_range(first, libc::CLOSE_RANGE_CLOEXEC)
}

fn close_range(first: u32, flags: u32) -> io::Result<()> {
    // SAFETY: takes no pointer. Callers close only at their start, before they own a descriptor in the
    // range, or mark for exec, which closes nothing now.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) } as i32)
}

/// Puts a copy of `from` at the number `to`, to be kept by exec.
pub(crate) fn put_at(from: BorrowedFd<'_>, to: RawFd) -> io::Result<()> {
    // SAFETY: the caller gives up whatever was at `to`, and no owner of it is used or dropped afterwards:
    // what follows is exec or `_exit`.
    check(unsafe { libc::dup2(from.as_raw_fd(), to) })
}

/// Takes the descriptor at a number that was given to us at our start.
pub(crate) fn take_inherited(number: RawFd) -> OwnedFd {
    // SAFETY: called once, first thing, for a number that our parent set up and that nothing else here owns.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// The lowest free descriptor from `min` on that refers to what `fd` does, closed by exec.
pub(crate) fn copy_above(fd: BorrowedFd<'_>, min: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer; a result that isn't negative is a new descriptor that nobody else owns.
    unsafe {
        let copy = libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, min);
        check(copy)?;
        Ok(OwnedFd::from_raw_fd(copy))
    }
}

/// Blocks all signals and returns a descriptor that tells of those in `set`.
pub(crate) fn signal_descriptor(set: &[i32]) -> io::Result<OwnedFd> {
    // SAFETY: the sets are initialised by `sigfillset` and `sigemptyset` before they are read.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut()))?;
        let mut told = std::mem::zeroed();
        libc::sigemptyset(&raw mut told);
        for signal in set {
            libc::sigaddset(&raw mut told, *signal);
        }
        let fd = libc::signalfd(-1, &raw const told, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        check(fd)?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// The next pending signal: its number, and whether a process sent it (the kernel sends those that a key
/// on the terminal causes).
pub(crate) fn read_signal(fd: BorrowedFd<'_>) -> Option<(i32, bool)> {
    // SAFETY: all bytes zero are a valid value of this plain struct, and the kernel writes at most its size.
    unsafe {
        let mut info: libc::signalfd_siginfo = std::mem::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        let read = libc::read(fd.as_raw_fd(), (&raw mut info).cast(), size);
        (read == size as isize).then_some((info.ssi_signo as i32, info.ssi_code <= 0))
    }
}

/// Gives every signal its default action and blocks none.
pub(crate) fn reset_signals() {
    // SAFETY: SIG_DFL is a valid action for every signal; numbers that may not be changed are refused by
    // the kernel, which is as wanted.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Sets a resource limit, soft and hard, never above the hard limit that is in force.
pub(crate) fn limit(resource: libc::__rlimit_resource_t, wanted: u64) -> io::Result<()> {
    // SAFETY: `current` outlives both calls.
    unsafe {
        let mut current = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        check(libc::getrlimit(resource, &raw mut current))?;
        let value = wanted.min(current.rlim_max);
        current = libc::rlimit { rlim_cur: value, rlim_max: value };
        check(libc::setrlimit(resource, &raw const current))
    }
}

/// Gives up root for this uid and gid, with no other group.
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: the list of groups is empty, so its pointer isn't read.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(gid, gid, gid))?;
        check(libc::setresuid(uid, uid, uid))
    }
}

/// Gives up every capability for good. The bounding set and the secure bits can only be changed by a
/// process that may; one that can't has nothing to give up there.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    const NO_ROOT_LOCKED: libc::c_ulong = 0b1110_1111;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    let header = Header { version: 0x2008_0522, pid: 0 };
    let none = [0u32; 6];
    // SAFETY: `header` and `none` have the layout of version 3 of the interface; the kernel only reads them.
    unsafe {
        for capability in 0..64 {
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        libc::prctl(libc::PR_SET_SECUREBITS, NO_ROOT_LOCKED, 0, 0, 0);
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        check(libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) as i32)
    }
}

/// Gives up the effective and permitted capabilities of this thread alone, so that it may do with files what a
/// program with its uid and no capability may.
pub(crate) fn act_without_capabilities() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    let header = Header { version: 0x2008_0522, pid: 0 };
    let none = [0u32; 6];
    // SAFETY: `header` and `none` have the layout of version 3 of the interface; the kernel only reads them, and
    // with pid 0 changes the calling thread alone.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) } as i32)
}

/// Whether the memory of a child can be read, without which no path of a program can be. Yama and containers may
/// refuse it; so it is tried.
pub(crate) fn reads_children() -> bool {
    static MARK: [u8; 4] = *b"mark";
    // SAFETY: the child makes a few bare system calls and nothing else; it is killed and waited for here.
    unsafe {
        let parent = libc::getpid();
        let child = libc::fork();
        if child == 0 {
            // Should we be killed meanwhile, it must not go on holding what tells others of our end.
            libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() == parent {
                libc::pause();
            }
            libc::_exit(0);
        }
        if child < 0 {
            return false;
        }
        let mut read = [0; 4];
        let done = read_memory(child, MARK.as_ptr() as u64, &mut read);
        libc::kill(child, libc::SIGKILL);
        wait_for(child);
        matches!(done, Ok(4)) && read == MARK
    }
}

/// Dies with the thread that forked us.
pub(crate) fn die_with_parent() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })
}

/// Keeps other processes of the same user from looking into this one.
pub(crate) fn hide_self() {
    // SAFETY: takes no pointer. Failure leaves the default, which the layers around don't rely on.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

/// Makes orphans of our descendants our children.
pub(crate) fn become_subreaper() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })
}

/// Names the machine inside a UTS namespace.
pub(crate) fn set_host_name(name: &str) -> io::Result<()> {
    // SAFETY: the length is that of `name`.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })
}

/// Begins to trace a child: it stops at its exec, and dies if we do.
pub(crate) fn trace(child: Pid) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACEEXEC | libc::PTRACE_O_EXITKILL;
    // SAFETY: with this request the address is unused and the data are options.
    check(unsafe { libc::ptrace(libc::PTRACE_SEIZE, child.as_raw_nonzero().get(), 0, options) } as i32)
}

/// Whether a wait status is the stop at an exec.
pub(crate) fn is_at_exec(status: i32) -> bool {
    status >> 8 == libc::SIGTRAP | (libc::PTRACE_EVENT_EXEC << 8)
}

/// Lets a traced child go on, with a signal or 0.
pub(crate) fn go_on(child: Pid, signal: i32) -> io::Result<()> {
    // SAFETY: with this request the address is unused and the data are a signal's number.
    check(unsafe { libc::ptrace(libc::PTRACE_CONT, child.as_raw_nonzero().get(), 0, signal) } as i32)
}

/// Lets a traced child go on and never stop for us again.
pub(crate) fn stop_tracing(child: Pid) {
    // SAFETY: with this request address and data are unused. It fails only if the child is gone.
    unsafe { libc::ptrace(libc::PTRACE_DETACH, child.as_raw_nonzero().get(), 0, 0) };
}

/// Becomes the program. Returns only if that failed.
pub(crate) fn exec(path: &CString, argv: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, environment) = (pointers(argv), pointers(environment));
    // SAFETY: both vectors end with a null pointer and point to strings that end with NUL, all alive.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Ends the process without running destructors.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: it doesn't return.
    unsafe { libc::_exit(code) }
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
