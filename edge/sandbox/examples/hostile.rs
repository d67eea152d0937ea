//! A test child that tries to get out. Each attempt is named by the first argument; when it succeeds, the
//! effect can be seen from outside, and `GOT …` is on standard output. Refusals are silent.
#![allow(clippy::print_stdout)]

use std::ffi::CString;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let got = match words.as_slice() {
        ["read", path] => std::fs::read_to_string(path).ok(),
        ["write", path] => std::fs::write(path, "was here").ok().map(|()| "file".into()),
        ["truncate", path] => truncate(path),
        ["chmod", path] => change_mode(path),
        ["list", path] => list(path),
        ["tcp", address] => send_tcp(address),
        ["udp", address] => send_udp(address),
        ["unix", path] => std::os::unix::net::UnixStream::connect(path).ok().and_then(greet),
        ["abstract", name] => send_abstract(name),
        ["datagram-pair", path] => send_datagram(path),
        ["netlink"] => socket(libc::AF_NETLINK),
        ["vsock"] => socket(libc::AF_VSOCK),
        ["process-vm-readv", pid, address] => read_memory(number(pid), number(address)),
        ["proc-mem", pid, address] => read_proc_memory(pid, number(address)),
        ["ptrace", pid] => attach(number(pid)),
        ["pidfd-getfd", pid, fd] => steal_descriptor(number(pid), number(fd)),
        ["prlimit", pid] => limit_other(number(pid)),
        ["renice", pid] => renice(number(pid)),
        ["kill", pid] => kill(number(pid)),
        ["set-owner", pid] => signal_by_owner(number(pid)),
        ["fork", count] => Some(fork_many(number(count))),
        ["allocate", bytes] => allocate(number(bytes), libc::MAP_PRIVATE),
        ["allocate-shared", bytes] => allocate(number(bytes), libc::MAP_SHARED),
        ["unshare"] => unshare(),
        ["clone-namespace"] => clone_namespace(),
        ["clone3"] => clone3_namespace(),
        ["setns", pid] => enter_namespace(number(pid)),
        ["survive"] => survive(),
        ["survive-and-stay"] => survive().map(|_| stay()),
        ["kill-parent"] => kill_parent(),
        ["survive-forking"] => survive_forking(),
        ["memfd"] => memfd(),
        ["reopen", fd] => reopen(fd),
        ["io-uring"] => io_uring(),
        ["x32"] => raw(libc::SYS_getpid | 0x4000_0000, [0, 0]),
        ["ia32"] => ia32(),
        ["bpf"] => raw(libc::SYS_bpf, [0, 0]),
        ["keyctl"] => raw(libc::SYS_keyctl, [0, 0]),
        ["mount", path] => mount(path),
        ["userfaultfd"] => raw(libc::SYS_userfaultfd, [1, 0]),
        ["type-into-terminal"] => type_into_terminal(),
        ["received-directory", name] => through_directory(name),
        ["exec", program, rest @ ..] => exec(program, rest),
        other => panic!("unknown attempt {other:?}"),
    };
    if let Some(got) = got {
        println!("GOT {got}");
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a number")
}

fn text(path: &str) -> CString {
    CString::new(path).expect("no NUL in it")
}

fn done(result: i64, what: &str) -> Option<String> {
    (result >= 0).then(|| what.into())
}

fn raw(call: i64, arguments: [u64; 2]) -> Option<String> {
    // SAFETY: null pointers and small numbers, which the kernel refuses or takes as they are.
    done(unsafe { libc::syscall(call, arguments[0], arguments[1], 0, 0, 0, 0) }, "call")
}

fn truncate(path: &str) -> Option<String> {
    // SAFETY: the path ends with NUL.
    done(unsafe { libc::truncate(text(path).as_ptr(), 0) }.into(), "truncated")
}

fn change_mode(path: &str) -> Option<String> {
    // SAFETY: the path ends with NUL.
    done(unsafe { libc::chmod(text(path).as_ptr(), 0o777) }.into(), "mode")
}

fn list(path: &str) -> Option<String> {
    let names = std::fs::read_dir(path).ok()?.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    Some(names.collect::<Vec<_>>().join(" "))
}

fn greet(mut to: impl Write) -> Option<String> {
    to.write_all(b"hello").ok().map(|()| "through".into())
}

fn send_tcp(address: &str) -> Option<String> {
    let address = address.parse().expect("an address");
    std::net::TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok().and_then(greet)
}

fn send_udp(address: &str) -> Option<String> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").ok()?;
    socket.send_to(b"hello", address).ok().map(|_| "through".into())
}

fn send_abstract(name: &str) -> Option<String> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).expect("a short name");
    std::os::unix::net::UnixStream::connect_addr(&address).ok().and_then(greet)
}

/// A datagram pair is connected, but can send to any address with `sendmsg`.
fn send_datagram(path: &str) -> Option<String> {
    let (socket, _other) = std::os::unix::net::UnixDatagram::pair().ok()?;
    socket.send_to(b"hello", path).ok().map(|_| "through".into())
}

fn socket(family: i32) -> Option<String> {
    // SAFETY: takes no pointer.
    done(unsafe { libc::socket(family, libc::SOCK_DGRAM, 0) }.into(), "socket")
}

fn read_memory(pid: i32, address: usize) -> Option<String> {
    let mut bytes = [0u8; 16];
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: address as *mut _, iov_len: bytes.len() };
    // SAFETY: `local` is as long as said; the kernel checks the remote address.
    let read = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    (read == 16).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn read_proc_memory(pid: &str, address: u64) -> Option<String> {
    use std::os::unix::fs::FileExt;
    let mut bytes = [0; 16];
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    memory.read_exact_at(&mut bytes, address).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn attach(pid: i32) -> Option<String> {
    // SAFETY: PTRACE_SEIZE takes no pointer, and doesn't stop the other.
    done(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) }, "attached")
}

fn steal_descriptor(pid: i32, fd: i32) -> Option<String> {
    // SAFETY: the calls take no pointers; the descriptor is ours once given.
    unsafe {
        let pidfd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        let stolen = libc::syscall(libc::SYS_pidfd_getfd, pidfd, fd, 0);
        if stolen < 0 {
            return None;
        }
        let mut content = String::new();
        std::fs::File::from_raw_fd(stolen as i32).read_to_string(&mut content).ok()?;
        Some(content)
    }
}

fn limit_other(pid: i32) -> Option<String> {
    let limit = libc::rlimit { rlim_cur: 3, rlim_max: 3 };
    // SAFETY: `limit` outlives the call; the old limit isn't asked for.
    let result = unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut()) };
    done(result.into(), "limited")
}

fn renice(pid: u32) -> Option<String> {
    // SAFETY: takes no pointer.
    done(unsafe { libc::setpriority(libc::PRIO_PROCESS, pid, 19) }.into(), "reniced")
}

fn kill(pid: i32) -> Option<String> {
    // SAFETY: takes no pointer.
    done(unsafe { libc::kill(pid, libc::SIGKILL) }.into(), "killed")
}

/// Has the kernel send a signal for us, when a pipe of ours becomes readable.
fn signal_by_owner(pid: i32) -> Option<String> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for two; the rest takes numbers.
    unsafe {
        libc::pipe(ends.as_mut_ptr());
        if libc::fcntl(ends[0], libc::F_SETOWN, pid) < 0 || libc::fcntl(ends[0], 10, libc::SIGKILL) < 0 {
            return None;
        }
        libc::fcntl(ends[0], libc::F_SETFL, libc::O_ASYNC);
        done(libc::write(ends[1], c"x".as_ptr().cast(), 1) as i64, "signalled")
    }
}

/// Says how many processes it could start.
fn fork_many(wanted: u32) -> String {
    let mut started = 0;
    for _ in 0..wanted {
        // SAFETY: one thread; the child only sleeps.
        match unsafe { libc::fork() } {
            0 => loop {
                std::thread::sleep(Duration::from_secs(60));
            },
            pid if pid > 0 => started += 1,
            _ => {}
        }
    }
    started.to_string()
}

fn allocate(bytes: usize, how: i32) -> Option<String> {
    let (access, how) = (libc::PROT_READ | libc::PROT_WRITE, how | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, as long as said, written page by page within its bounds.
    unsafe {
        let start = libc::mmap(std::ptr::null_mut(), bytes, access, how, -1, 0);
        if start == libc::MAP_FAILED {
            return None;
        }
        (0..bytes).step_by(4096).for_each(|offset| start.cast::<u8>().add(offset).write_volatile(1));
    }
    Some("memory".into())
}

fn unshare() -> Option<String> {
    // SAFETY: takes no pointer.
    done(unsafe { libc::unshare(libc::CLONE_NEWUSER) }.into(), "namespace")
}

fn clone_namespace() -> Option<String> {
    let flags = (libc::CLONE_NEWUSER | libc::SIGCHLD) as u64;
    // SAFETY: without CLONE_VM and without a stack this is a fork; the child leaves at once.
    unsafe {
        match libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) {
            0 => libc::_exit(0),
            result => done(result, "namespace"),
        }
    }
}

fn clone3_namespace() -> Option<String> {
    let arguments: [u64; 11] = [libc::CLONE_NEWUSER as u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0, 0, 0, 0];
    // SAFETY: the arguments are as large as said; without a stack this is a fork, and the child leaves.
    unsafe {
        match libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size_of_val(&arguments)) {
            0 => libc::_exit(0),
            result => done(result, "namespace"),
        }
    }
}

fn enter_namespace(pid: i32) -> Option<String> {
    // SAFETY: the calls take no pointers.
    unsafe {
        let pidfd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        let pidfd = if pidfd < 0 { 0 } else { pidfd as i32 };
        done(libc::setns(pidfd, libc::CLONE_NEWUTS).into(), "namespace")
    }
}

/// Leaves session, group and parent, tells its number, and stays with standard output open.
fn survive() -> Option<String> {
    // SAFETY: one thread; the children only sleep or leave.
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                println!("PID {}", std::process::id());
                loop {
                    std::thread::sleep(Duration::from_secs(60));
                }
            }
            libc::_exit(0);
        }
        libc::wait(std::ptr::null_mut());
    }
    Some("survivor".into())
}

fn stay() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// The init is the parent; in a pid namespace it has the number 1.
fn kill_parent() -> Option<String> {
    // SAFETY: takes no argument.
    let parent = unsafe { libc::getppid() };
    let sent = kill(parent);
    std::thread::sleep(Duration::from_millis(50));
    // Pid 1 of a namespace takes no signal from inside, though sending it seems to work.
    sent.filter(|_| parent != 1)
}

/// As `survive`, but each process is gone at once and leaves a child in its place; for half a minute, so that
/// a sandbox that fails to stop it does no harm for longer.
fn survive_forking() -> Option<String> {
    let end = Instant::now() + Duration::from_secs(30);
    // SAFETY: one thread; a child goes on in this loop.
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            while Instant::now() < end {
                if libc::fork() != 0 {
                    libc::_exit(0);
                }
            }
            libc::_exit(0);
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    Some("survivor".into())
}

fn memfd() -> Option<String> {
    // SAFETY: the name ends with NUL.
    done(unsafe { libc::memfd_create(c"x".as_ptr(), 0) }.into(), "memfd")
}

/// Opens a descriptor for reading once more, for writing.
fn reopen(fd: &str) -> Option<String> {
    let again = std::fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{fd}"));
    again.ok().and_then(greet)
}

fn io_uring() -> Option<String> {
    let mut parameters = MaybeUninit::<[u8; 120]>::zeroed();
    // SAFETY: the parameters are as large as the kernel's structure.
    done(unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()) }, "ring")
}

#[cfg(target_arch = "x86_64")]
fn ia32() -> Option<String> {
    const GETPID: i64 = 20;
    let mut result = GETPID;
    // SAFETY: getpid takes nothing and changes only the result's register; r8 to r11 may be lost.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("rax") result, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    done(result, "call")
}

#[cfg(not(target_arch = "x86_64"))]
fn ia32() -> Option<String> {
    None
}

fn mount(path: &str) -> Option<String> {
    let none = c"none".as_ptr();
    // SAFETY: all strings end with NUL.
    let result = unsafe { libc::mount(none, text(path).as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null()) };
    done(result.into(), "mounted")
}

/// Makes the terminal on standard input its own, puts a key into it and reads it back.
fn type_into_terminal() -> Option<String> {
    // SAFETY: the byte outlives the call.
    unsafe {
        libc::ioctl(0, libc::TIOCSCTTY, 0);
        if libc::ioctl(0, libc::TIOCSTI, c"x\n".as_ptr()) < 0 {
            return None;
        }
    }
    Some("typed".into())
}

/// Takes a directory from the socket at descriptor 3, and reads a file in it.
fn through_directory(name: &str) -> Option<String> {
    let directory = receive_descriptor(3)?;
    // SAFETY: the name ends with NUL; the descriptor is ours once given.
    let file = unsafe {
        let file = libc::openat(directory.as_raw_fd(), text(name).as_ptr(), libc::O_RDONLY);
        if file < 0 {
            return None;
        }
        std::fs::File::from_raw_fd(file)
    };
    std::io::read_to_string(file).ok()
}

fn receive_descriptor(socket: i32) -> Option<OwnedFd> {
    let (mut byte, mut control) = ([0u8; 1], [0u64; 8]);
    let mut data = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: the message points to live buffers of the sizes given, and the descriptor is read only from a
    // control message that the kernel wrote.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut data;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control);
        if libc::recvmsg(socket, &raw mut message, 0) < 1 {
            return None;
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() {
            return None;
        }
        Some(OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<i32>().read_unaligned()))
    }
}

fn exec(program: &str, rest: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(rest).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().into())
}
