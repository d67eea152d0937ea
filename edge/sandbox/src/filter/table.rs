//! Which system calls are allowed to whom, and why. What isn't listed is refused with EPERM.
//!
//! | column | meaning |
//! |---|---|
//! | set | `ALL`; `EVENTS`: node processes and unmodified programs; `PROGRAM`: the latter alone; `OURS`: all but them |
//! | when | only in such surroundings; in others the call is refused as if it weren't listed |
//! | rule | for the call's arguments |

use Rule::{Absent, Allow, AllowIf, Kill, Notify, NotifyUnless, RefuseIf};
use When::{Always, Direct, Mediated, Namespaces, Network, NoNetwork, OwnMounts, SignalsScoped};

/// A line of the table.
pub(super) struct Entry {
    /// The call's name.
    pub(super) name: &'static str,
    pub(super) number: i64,
    pub(super) sets: Sets,
    pub(super) when: When,
    pub(super) rule: Rule,
}

/// Who has the line.
#[derive(Clone, Copy)]
pub(super) struct Sets {
    pub(super) native: bool,
    pub(super) tokio: bool,
    pub(super) program: bool,
}

/// In which surroundings the line holds.
#[derive(Clone, Copy)]
pub(super) enum When {
    Always,
    /// For the process that is the way out.
    Network,
    /// For every other.
    NoNetwork,
    /// In a mount and pid namespace. Outside one the call would reach what Landlock doesn't cover.
    Namespaces,
    /// In a mount namespace where nothing is mediated. A descriptor that the listener gives is the caller's, and
    /// its file may be no file that the program may change.
    OwnMounts,
    /// Where files are mediated.
    Mediated,
    /// Where none are.
    Direct,
    /// Where Landlock or a pid namespace keeps signals inside.
    SignalsScoped,
}

/// What happens to the call.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Rule {
    Allow,
    /// EPERM.
    Refuse,
    /// ENOSYS, for which libc has a fallback.
    Absent,
    /// SIGSYS.
    Kill,
    /// Allowed if every test of one of the cases holds, else EPERM.
    AllowIf(&'static [&'static [Test]]),
    /// EPERM if every test of one of the cases holds, else allowed.
    RefuseIf(&'static [&'static [Test]]),
    /// The listener answers.
    Notify,
    /// EPERM if every test of one of the cases holds, else the listener answers.
    NotifyUnless(&'static [&'static [Test]]),
}

/// A test of one argument, counted from 0. Flags, domains and descriptors are 32 bits wide to the kernel,
/// whatever the upper half of the register holds.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Test {
    Equals {
        argument: u8,
        mask: u32,
        value: u32,
    },
    AnyBit {
        argument: u8,
        mask: u32,
    },
    Differs {
        argument: u8,
        value: u32,
    },
    /// All 64 bits are zero.
    Null {
        argument: u8,
    },
}

const ALL: Sets = Sets { native: true, tokio: true, program: true };
const EVENTS: Sets = Sets { native: false, tokio: true, program: true };
const PROGRAM: Sets = Sets { native: false, tokio: false, program: true };
const OURS: Sets = Sets { native: true, tokio: true, program: false };

const fn is(argument: u8, value: u32) -> Test {
    Test::Equals { argument, mask: u32::MAX, value }
}
const fn null(argument: u8) -> Test {
    Test::Null { argument }
}
/// The argument is this type of socket, with or without SOCK_NONBLOCK and SOCK_CLOEXEC.
const fn socket_type(argument: u8, kind: i32) -> Test {
    Test::Equals { argument, mask: !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) as u32, value: kind as u32 }
}

const INET: u32 = libc::AF_INET as u32;
const INET6: u32 = libc::AF_INET6 as u32;

/// Any namespace. (CLONE_NEWTIME shares its bit with the exit signal of `clone` and isn't taken there.)
pub(super) const CLONE_NAMESPACES: &[&[Test]] = &[&[Test::AnyBit { argument: 0, mask: 0x7E02_0000 }]];
/// A connected pair, which leads nowhere else. Not SOCK_DGRAM: such a socket can send to an address.
const PAIRS: &[&[Test]] = &[
    &[is(0, libc::AF_UNIX as u32), socket_type(1, libc::SOCK_STREAM)],
    &[is(0, libc::AF_UNIX as u32), socket_type(1, libc::SOCK_SEQPACKET)],
];
const INTERNET: &[&[Test]] = &[
    &[is(0, INET), socket_type(1, libc::SOCK_STREAM)],
    &[is(0, INET), socket_type(1, libc::SOCK_DGRAM)],
    &[is(0, INET6), socket_type(1, libc::SOCK_STREAM)],
    &[is(0, INET6), socket_type(1, libc::SOCK_DGRAM)],
];
/// Without an address to send to, the descriptor must be connected already.
const UNADDRESSED: &[&[Test]] = &[&[null(4)]];
/// Requests of terminals, but for typing for the user (TIOCSTI) and the console's paste (TIOCLINUX); sharing the
/// blocks of two open files, one to be read and one to be written (FICLONE, FICLONERANGE); and reading a file's
/// flags. Others of a file system (snapshots, flags, verity) change what neither Landlock nor a mode covers, and
/// those of sockets tell about the machine's network and set who gets signals.
const REQUESTS: &[&[Test]] = &[
    &[
        Test::Equals { argument: 1, mask: 0xFF00, value: 0x5400 },
        Test::Differs { argument: 1, value: 0x5412 },
        Test::Differs { argument: 1, value: 0x541C },
    ],
    &[is(1, 0x4004_9409)],
    &[is(1, 0x4020_940D)],
    &[is(1, 0x8008_6601)],
];
/// Closing at exec, non-blocking, what can be read, and whether it is a terminal.
const PLAIN_REQUESTS: &[&[Test]] = &[
    &[is(1, 0x5450)],
    &[is(1, 0x5451)],
    &[is(1, 0x5421)],
    &[is(1, 0x541B)],
    &[is(1, 0x5401)],
    &[is(1, 0x5413)],
    &[is(1, 0x802C_542A)],
];
/// Who gets the signals of a descriptor (F_SETOWN, F_SETSIG, F_SETOWN_EX): a way to signal anybody. And leases
/// (F_SETLEASE), which hold up whoever opens the file, in the sandbox or not.
const SIGNAL_OWNERS: &[&[Test]] = &[&[is(1, 8)], &[is(1, 10)], &[is(1, 15)], &[is(1, 1024)]];
/// The calling process or thread only.
const OWN: &[&[Test]] = &[&[is(0, 0)]];
/// Its own limits, or anybody's for reading.
const OWN_LIMITS: &[&[Test]] = &[&[is(0, 0)], &[null(2)]];
/// PRIO_PROCESS and the caller itself.
const OWN_PRIORITY: &[&[Test]] = &[&[is(0, 0), is(1, 0)]];
/// Running a descriptor instead of a path (AT_EMPTY_PATH).
const BY_DESCRIPTOR: &[&[Test]] = &[&[Test::AnyBit { argument: 4, mask: 0x1000 }]];
/// Set-user-id and set-group-id bits: such a file keeps them outside the sandbox, for whoever runs it there.
const SET_ID: u32 = 0o6000;
const O_CREAT: u32 = libc::O_CREAT as u32;
/// The bit of O_TMPFILE that is not O_DIRECTORY.
const O_TMPFILE: u32 = 0x40_0000;

const fn any(argument: u8, mask: u32) -> Test {
    Test::AnyBit { argument, mask }
}
const SET_ID_AT_1: &[&[Test]] = &[&[any(1, SET_ID)]];
const SET_ID_AT_2: &[&[Test]] = &[&[any(2, SET_ID)]];
/// Creating with such bits; without creating, the mode means nothing.
/// And the access mode 3, which neither reads nor writes: Landlock asks no right for it.
const OPEN_REFUSED: &[&[Test]] =
    &[&[any(1, O_CREAT | O_TMPFILE), any(2, SET_ID)], &[Test::Equals { argument: 1, mask: 3, value: 3 }]];
const OPENAT_REFUSED: &[&[Test]] =
    &[&[any(2, O_CREAT | O_TMPFILE), any(3, SET_ID)], &[Test::Equals { argument: 2, mask: 3, value: 3 }]];
/// Asking (all ones) or setting the plain Linux personality.
const PLAIN_PERSONALITY: &[&[Test]] = &[&[is(0, 0)], &[is(0, u32::MAX)]];

macro_rules! entries {
    ($($call:ident $set:ident $when:ident $rule:expr, $why:literal;)*) => {
        &[$({
            const _: &str = $why;
            Entry { name: stringify!($call), number: libc::$call, sets: $set, when: $when, rule: $rule }
        }),*]
    };
}

/// Calls that every architecture has.
const COMMON: &[Entry] = entries! {
    // Memory.
    SYS_brk             ALL Always Allow, "the heap";
    SYS_mmap            ALL Always Allow, "the heap, threads' stacks, shared regions";
    SYS_munmap          ALL Always Allow, "as mmap";
    SYS_mremap          ALL Always Allow, "realloc of large blocks";
    SYS_mprotect        ALL Always Allow, "the loader, guard pages, compilers at run time";
    SYS_madvise         ALL Always Allow, "allocators give memory back";
    SYS_mincore         ALL Always Allow, "garbage collectors";
    SYS_msync           ALL Always Allow, "mapped files";
    SYS_mlock           ALL Always Allow, "keys must not be swapped; RLIMIT_MEMLOCK bounds it";
    SYS_munlock         ALL Always Allow, "as mlock";
    SYS_mlock2          PROGRAM Always Allow, "as mlock";
    SYS_membarrier      ALL Always Allow, "run times with fast barriers";
    SYS_pkey_alloc      PROGRAM Always Allow, "V8 guards its code pages";
    SYS_pkey_free       PROGRAM Always Allow, "as pkey_alloc";
    SYS_pkey_mprotect   PROGRAM Always Allow, "as pkey_alloc";
    SYS_get_mempolicy   PROGRAM Always Allow, "run times look at the machine's shape";

    // Threads, processes, exec.
    SYS_clone           ALL Always RefuseIf(CLONE_NAMESPACES), "threads and processes, never namespaces";
    SYS_clone3          ALL Always Absent, "its flags lie in memory, where no filter sees them; libc falls back to clone";
    SYS_execve          ALL Always Allow, "its own start; Landlock says which files";
    SYS_execveat        PROGRAM Always RefuseIf(BY_DESCRIPTOR), "fexecve with a path";
    SYS_exit            ALL Always Allow, "threads end";
    SYS_exit_group      ALL Always Allow, "the process ends";
    SYS_wait4           ALL Always Allow, "its own children";
    SYS_waitid          ALL Always Allow, "its own children";
    SYS_set_tid_address ALL Always Allow, "libc's start";
    SYS_set_robust_list ALL Always Allow, "libc's start";
    SYS_get_robust_list PROGRAM Namespaces Allow, "debug builds of libc";
    SYS_rseq            ALL Always Allow, "libc's start";
    SYS_futex           ALL Always Allow, "locks";
    SYS_futex_waitv     PROGRAM Always Allow, "locks";
    SYS_sched_yield     ALL Always Allow, "spinning";
    SYS_sched_getaffinity ALL Always Allow, "how many processors there are";
    SYS_sched_setaffinity PROGRAM Always AllowIf(OWN), "pinning itself; other numbers could be another's process";
    SYS_sched_getparam  PROGRAM Always Allow, "run times read their priority";
    SYS_sched_getscheduler PROGRAM Always Allow, "as sched_getparam";
    SYS_sched_get_priority_max PROGRAM Always Allow, "as sched_getparam";
    SYS_sched_get_priority_min PROGRAM Always Allow, "as sched_getparam";
    SYS_sched_setscheduler PROGRAM Always AllowIf(OWN), "batch work lowers itself";
    SYS_getpriority     PROGRAM Always Allow, "nice, V8";
    SYS_setpriority     PROGRAM Always AllowIf(OWN_PRIORITY), "nice; never another's process or user";
    SYS_getpid          ALL Always Allow, "libc, logs";
    SYS_gettid          ALL Always Allow, "libc, logs";
    SYS_getppid         ALL Always Allow, "shells";
    SYS_getpgid         EVENTS Always Allow, "shells";
    SYS_setpgid         PROGRAM Always Allow, "job control; the init kills by descent, not by group";
    SYS_getsid          EVENTS Always Allow, "shells";
    SYS_setsid          PROGRAM Always Allow, "daemons; the init kills by descent, not by session";
    SYS_pidfd_open      EVENTS Always Allow, "run times wait for their children";
    SYS_pidfd_send_signal PROGRAM SignalsScoped Allow, "run times stop their children";
    SYS_getcpu          ALL Always Allow, "allocators";
    SYS_prctl           ALL Always Allow, "names of threads; nothing that privileges would be needed for";
    SYS_personality     PROGRAM Always AllowIf(PLAIN_PERSONALITY), "run times ask for it";
    SYS_getrusage       ALL Always Allow, "statistics";
    SYS_times           EVENTS Always Allow, "statistics";
    SYS_prlimit64       ALL Always AllowIf(OWN_LIMITS), "its own limits, downwards";
    SYS_getrlimit       ALL Always Allow, "its own limits";
    SYS_setrlimit       PROGRAM Always Allow, "ulimit, downwards";
    SYS_sysinfo         ALL Always Allow, "how much memory there is";
    SYS_uname           ALL Always Allow, "which system it is";
    SYS_getrandom       ALL Always Allow, "randomness";

    // Who it is.
    SYS_getuid          ALL Always Allow, "libc's start, shells";
    SYS_geteuid         ALL Always Allow, "as getuid";
    SYS_getgid          ALL Always Allow, "as getuid";
    SYS_getegid         ALL Always Allow, "as getuid";
    SYS_getresuid       EVENTS Always Allow, "as getuid";
    SYS_getresgid       EVENTS Always Allow, "as getuid";
    SYS_getgroups       EVENTS Always Allow, "as getuid";
    SYS_setuid          PROGRAM Always Allow, "shells make sure of what they are; there is nothing to gain";
    SYS_setgid          PROGRAM Always Allow, "as setuid";
    SYS_setresuid       PROGRAM Always Allow, "as setuid";
    SYS_setresgid       PROGRAM Always Allow, "as setuid";
    SYS_setreuid        PROGRAM Always Allow, "as setuid";
    SYS_setregid        PROGRAM Always Allow, "as setuid";
    SYS_capget          EVENTS Always Allow, "programs look whether they are root";
    SYS_landlock_create_ruleset EVENTS Always Allow, "a program may confine itself further";
    SYS_landlock_add_rule EVENTS Always Allow, "as landlock_create_ruleset";
    SYS_landlock_restrict_self EVENTS Always Allow, "as landlock_create_ruleset";

    // Signals.
    SYS_rt_sigaction    ALL Always Allow, "handlers";
    SYS_rt_sigprocmask  ALL Always Allow, "threads' starts";
    SYS_rt_sigreturn    ALL Always Allow, "handlers end";
    SYS_rt_sigpending   EVENTS Always Allow, "run times";
    SYS_rt_sigsuspend   EVENTS Always Allow, "shells wait";
    SYS_rt_sigtimedwait EVENTS Always Allow, "run times wait";
    SYS_rt_sigqueueinfo PROGRAM SignalsScoped Allow, "run times signal their children";
    SYS_rt_tgsigqueueinfo PROGRAM SignalsScoped Allow, "as rt_sigqueueinfo";
    SYS_sigaltstack     ALL Always Allow, "the guard against stack overflow";
    SYS_kill            EVENTS SignalsScoped Allow, "shells and run times stop their children";
    SYS_tkill           EVENTS SignalsScoped Allow, "old libc's raise";
    SYS_tgkill          ALL SignalsScoped Allow, "abort, Go's preemption";
    SYS_signalfd4       EVENTS Always Allow, "event loops";
    SYS_restart_syscall ALL Always Allow, "the kernel goes on after a stop";

    // Time.
    SYS_clock_gettime   ALL Always Allow, "the time, where the vDSO can't tell";
    SYS_clock_getres    ALL Always Allow, "as clock_gettime";
    SYS_clock_nanosleep ALL Always Allow, "sleeping";
    SYS_nanosleep       ALL Always Allow, "sleeping";
    SYS_gettimeofday    ALL Always Allow, "as clock_gettime";
    SYS_getitimer       EVENTS Always Allow, "timers";
    SYS_setitimer       EVENTS Always Allow, "timers, Go's profiler";
    SYS_timer_create    PROGRAM Always Allow, "timers, Go's profiler";
    SYS_timer_settime   PROGRAM Always Allow, "as timer_create";
    SYS_timer_gettime   PROGRAM Always Allow, "as timer_create";
    SYS_timer_getoverrun PROGRAM Always Allow, "as timer_create";
    SYS_timer_delete    PROGRAM Always Allow, "as timer_create";
    SYS_timerfd_create  EVENTS Always Allow, "event loops";
    SYS_timerfd_settime EVENTS Always Allow, "event loops";
    SYS_timerfd_gettime EVENTS Always Allow, "event loops";

    // Descriptors.
    SYS_read            ALL Always Allow, "what it was given";
    SYS_readv           ALL Always Allow, "as read";
    SYS_pread64         ALL Always Allow, "as read";
    SYS_preadv          ALL Always Allow, "as read";
    SYS_preadv2         EVENTS Always Allow, "as read";
    SYS_write           ALL Always Allow, "what it was given";
    SYS_writev          ALL Always Allow, "as write";
    SYS_pwrite64        ALL Always Allow, "as write";
    SYS_pwritev         ALL Always Allow, "as write";
    SYS_pwritev2        EVENTS Always Allow, "as write";
    SYS_close           ALL Always Allow, "descriptors end";
    SYS_close_range     ALL Always Allow, "run times before exec";
    SYS_dup             ALL Always Allow, "redirections";
    SYS_dup3            ALL Always Allow, "redirections";
    SYS_fcntl           ALL Always RefuseIf(SIGNAL_OWNERS), "flags of descriptors, seals";
    SYS_ioctl           OURS Always AllowIf(PLAIN_REQUESTS), "is it a terminal, how much is there to read";
    SYS_ioctl           PROGRAM Always AllowIf(REQUESTS), "terminals, copies that share blocks";
    SYS_lseek           ALL Always Allow, "files";
    SYS_pipe2           ALL Always Allow, "pipes";
    SYS_ppoll           ALL Always Allow, "waiting";
    SYS_pselect6        ALL Always Allow, "waiting";
    SYS_epoll_create1   ALL Always Allow, "event loops";
    SYS_epoll_ctl       ALL Always Allow, "event loops";
    SYS_epoll_pwait     ALL Always Allow, "event loops";
    SYS_epoll_pwait2    ALL Always Allow, "event loops";
    SYS_eventfd2        ALL Always Allow, "doorbells";
    SYS_sendfile        EVENTS Always Allow, "copying";
    SYS_splice          EVENTS Always Allow, "copying";
    SYS_tee             PROGRAM Always Allow, "copying";
    SYS_copy_file_range EVENTS Always Allow, "copying";
    SYS_flock           EVENTS Always Allow, "locks on files";
    SYS_fsync           EVENTS Always Allow, "files that must last";
    SYS_fdatasync       EVENTS Always Allow, "as fsync";
    SYS_sync_file_range PROGRAM Always Allow, "as fsync";
    SYS_syncfs          PROGRAM Namespaces Allow, "as fsync";
    SYS_fallocate       EVENTS Always Allow, "room for files";
    SYS_ftruncate       EVENTS Always Allow, "files opened for writing";
    SYS_fadvise64       EVENTS Always Allow, "reading ahead";
    SYS_readahead       PROGRAM Always Allow, "reading ahead";
    SYS_fstat           ALL Always Allow, "sizes";

    // Files by path. Landlock and the private root say which.
    SYS_openat          ALL Direct RefuseIf(OPENAT_REFUSED), "the loader, files of its grants";
    SYS_openat          PROGRAM Mediated NotifyUnless(OPENAT_REFUSED), "the path lies behind a pointer, so every open is heard of";
    SYS_openat2         EVENTS Always Absent, "its mode lies behind a pointer; openat is asked instead";
    SYS_newfstatat      ALL Always Allow, "as openat";
    SYS_statx           ALL Always Allow, "as openat";
    SYS_statfs          EVENTS Always Allow, "free space";
    SYS_fstatfs         ALL Always Allow, "free space; whether a descriptor is a memory file";
    SYS_faccessat       ALL Always Allow, "the loader looks for files";
    SYS_faccessat2      ALL Always Allow, "as faccessat";
    SYS_readlinkat      ALL Always Allow, "links";
    SYS_getdents64      ALL Always Allow, "directories of its grants";
    SYS_getcwd          ALL Always Allow, "where it is";
    SYS_chdir           EVENTS Always Allow, "shells";
    SYS_fchdir          EVENTS Always Allow, "find, git";
    SYS_mkdirat         EVENTS Direct Allow, "files of writable grants";
    SYS_mkdirat         PROGRAM Mediated Notify, "as openat";
    SYS_unlinkat        EVENTS Direct Allow, "as mkdirat";
    SYS_unlinkat        PROGRAM Mediated Notify, "as openat";
    SYS_renameat        EVENTS Direct Allow, "as mkdirat";
    SYS_renameat        PROGRAM Mediated Notify, "as openat";
    SYS_renameat2       EVENTS Direct Allow, "as mkdirat";
    SYS_renameat2       PROGRAM Mediated Notify, "as openat";
    SYS_linkat          EVENTS Always Allow, "as mkdirat";
    SYS_symlinkat       EVENTS Always Allow, "as mkdirat";
    SYS_mknodat         PROGRAM Always RefuseIf(SET_ID_AT_2), "mkfifo; Landlock refuses devices and sockets";
    SYS_truncate        EVENTS Always Allow, "as mkdirat; Landlock from ABI 3 on covers it";
    SYS_umask           EVENTS Always Allow, "modes of new files";
    SYS_getxattr        PROGRAM OwnMounts Allow, "ls, cp; Landlock doesn't cover attributes";
    SYS_lgetxattr       PROGRAM OwnMounts Allow, "as getxattr";
    SYS_fgetxattr       PROGRAM OwnMounts Allow, "as getxattr";
    SYS_listxattr       PROGRAM OwnMounts Allow, "as getxattr";
    SYS_llistxattr      PROGRAM OwnMounts Allow, "as getxattr";
    SYS_flistxattr      PROGRAM OwnMounts Allow, "as getxattr";
    SYS_fchmod          PROGRAM OwnMounts RefuseIf(SET_ID_AT_1), "modes of its files; Landlock doesn't cover them, a read-only mount does";
    SYS_fchmodat        PROGRAM OwnMounts RefuseIf(SET_ID_AT_2), "as fchmod";
    SYS_fchmodat2       PROGRAM OwnMounts RefuseIf(SET_ID_AT_2), "as fchmod";
    SYS_fchown          PROGRAM OwnMounts Allow, "as fchmod";
    SYS_fchownat        PROGRAM OwnMounts Allow, "as fchmod";
    SYS_utimensat       PROGRAM OwnMounts Allow, "as fchmod";
    SYS_setxattr        PROGRAM OwnMounts Allow, "as fchmod";
    SYS_lsetxattr       PROGRAM OwnMounts Allow, "as fchmod";
    SYS_fsetxattr       PROGRAM OwnMounts Allow, "as fchmod";
    SYS_removexattr     PROGRAM OwnMounts Allow, "as fchmod";
    SYS_fremovexattr    PROGRAM OwnMounts Allow, "as fchmod";
    SYS_inotify_init1   PROGRAM OwnMounts Allow, "watching files; Landlock doesn't cover it";
    SYS_inotify_add_watch PROGRAM OwnMounts Allow, "as inotify_init1";
    SYS_inotify_rm_watch PROGRAM OwnMounts Allow, "as inotify_init1";

    // Sockets that it was given, and connected pairs.
    SYS_socketpair      ALL Always AllowIf(PAIRS), "pairs to its own children";
    SYS_sendto          ALL NoNetwork AllowIf(UNADDRESSED), "send on what is connected";
    SYS_recvfrom        ALL Always Allow, "recv";
    SYS_sendmsg         ALL Always Allow, "descriptors over the channel; no socket here takes an address";
    SYS_recvmsg         ALL Always Allow, "descriptors over the channel";
    SYS_sendmmsg        EVENTS Always Allow, "as sendmsg";
    SYS_recvmmsg        EVENTS Always Allow, "as recvmsg";
    SYS_shutdown        ALL Always Allow, "the end of a connection";
    SYS_getsockname     ALL Always Allow, "what a descriptor is";
    SYS_getpeername     ALL Always Allow, "what a descriptor is";
    SYS_getsockopt      ALL Always Allow, "what a descriptor is";
    SYS_setsockopt      ALL Always Allow, "buffers and timeouts";

    // The way out.
    SYS_socket          EVENTS Network AllowIf(INTERNET), "the internet; no other family";
    SYS_connect         EVENTS Network Allow, "the way out";
    SYS_bind            EVENTS Network Allow, "UDP from any port, for names; Landlock refuses TCP, and none can listen";
    SYS_sendto          EVENTS Network Allow, "UDP, for names";

    // A process that asks for one of these is attacking or misbuilt.
    SYS_ptrace          ALL Always Kill, "looking into others";
    SYS_bpf             ALL Always Kill, "code in the kernel";
    SYS_keyctl          ALL Always Kill, "keys of the user's session";
    SYS_add_key         ALL Always Kill, "as keyctl";
    SYS_request_key     ALL Always Kill, "as keyctl";
    SYS_mount           ALL Always Kill, "changing the tree of files";
    SYS_umount2         ALL Always Kill, "as mount";
    SYS_pivot_root      ALL Always Kill, "as mount";
    SYS_open_tree       ALL Always Kill, "as mount";
    SYS_move_mount      ALL Always Kill, "as mount";
    SYS_fsopen          ALL Always Kill, "as mount";
    SYS_fsconfig        ALL Always Kill, "as mount";
    SYS_fsmount         ALL Always Kill, "as mount";
    SYS_fspick          ALL Always Kill, "as mount";
    SYS_mount_setattr   ALL Always Kill, "as mount";
    SYS_io_uring_setup  OURS Always Kill, "calls that no filter sees";
    SYS_io_uring_enter  OURS Always Kill, "as io_uring_setup";
    SYS_io_uring_register OURS Always Kill, "as io_uring_setup";
    SYS_io_uring_setup  PROGRAM Always Absent, "run times try it and do without";
    SYS_userfaultfd     ALL Always Kill, "stopping the kernel half-way";
    SYS_perf_event_open ALL Always Kill, "measuring others";
};

/// Calls that only x86-64 has, besides newer ones that do the same.
#[cfg(target_arch = "x86_64")]
const OWN_CALLS: &[Entry] = entries! {
    SYS_arch_prctl      ALL Always Allow, "libc's start";
    SYS_fork            ALL Always Allow, "old programs; as clone";
    SYS_vfork           ALL Always Allow, "old programs; as clone";
    SYS_getpgrp         EVENTS Always Allow, "as getpgid";
    SYS_alarm           EVENTS Always Allow, "as setitimer";
    SYS_pause           EVENTS Always Allow, "waiting";
    SYS_time            ALL Always Allow, "as clock_gettime";
    SYS_dup2            ALL Always Allow, "as dup3";
    SYS_pipe            ALL Always Allow, "as pipe2";
    SYS_poll            ALL Always Allow, "as ppoll";
    SYS_select          ALL Always Allow, "as pselect6";
    SYS_epoll_create    ALL Always Allow, "as epoll_create1";
    SYS_epoll_wait      ALL Always Allow, "as epoll_pwait";
    SYS_eventfd         EVENTS Always Allow, "as eventfd2";
    SYS_open            ALL Direct RefuseIf(OPEN_REFUSED), "as openat";
    SYS_open            PROGRAM Mediated NotifyUnless(OPEN_REFUSED), "as openat";
    SYS_creat           EVENTS Direct RefuseIf(SET_ID_AT_1), "as openat";
    SYS_creat           PROGRAM Mediated NotifyUnless(SET_ID_AT_1), "as openat";
    SYS_stat            ALL Always Allow, "as newfstatat";
    SYS_lstat           ALL Always Allow, "as newfstatat";
    SYS_access          ALL Always Allow, "as faccessat";
    SYS_readlink        ALL Always Allow, "as readlinkat";
    SYS_getdents        EVENTS Always Allow, "as getdents64";
    SYS_mkdir           EVENTS Direct Allow, "as mkdirat";
    SYS_mkdir           PROGRAM Mediated Notify, "as openat";
    SYS_rmdir           EVENTS Direct Allow, "as mkdirat";
    SYS_rmdir           PROGRAM Mediated Notify, "as openat";
    SYS_unlink          EVENTS Direct Allow, "as mkdirat";
    SYS_unlink          PROGRAM Mediated Notify, "as openat";
    SYS_rename          EVENTS Direct Allow, "as mkdirat";
    SYS_rename          PROGRAM Mediated Notify, "as openat";
    SYS_link            EVENTS Always Allow, "as mkdirat";
    SYS_symlink         EVENTS Always Allow, "as mkdirat";
    SYS_mknod           PROGRAM Always RefuseIf(SET_ID_AT_1), "as mknodat";
    SYS_chmod           PROGRAM OwnMounts RefuseIf(SET_ID_AT_1), "as fchmod";
    SYS_chown           PROGRAM OwnMounts Allow, "as fchmod";
    SYS_lchown          PROGRAM OwnMounts Allow, "as fchmod";
    SYS_utime           PROGRAM OwnMounts Allow, "as fchmod";
    SYS_utimes          PROGRAM OwnMounts Allow, "as fchmod";
    SYS_futimesat       PROGRAM OwnMounts Allow, "as fchmod";
    SYS_inotify_init    PROGRAM OwnMounts Allow, "as inotify_init1";
};
#[cfg(not(target_arch = "x86_64"))]
const OWN_CALLS: &[Entry] = &[];

/// The whole table.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    COMMON.iter().chain(OWN_CALLS)
}
