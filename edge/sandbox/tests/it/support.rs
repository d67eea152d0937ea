//! How the tests start things.

use ioi_sandbox::*;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Where `surroundings` put copies of the programs, for a user who can't reach the build directory.
pub(crate) const PROGRAMS_VARIABLE: &str = "IOI_TEST_PROGRAMS";

/// A program of this package by name.
pub(crate) fn program(name: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_ioi-init")).parent().expect("a directory");
    let path = match std::env::var_os(PROGRAMS_VARIABLE) {
        Some(directory) => Path::new(&directory).join(name),
        None if ["harmless", "hostile", "opens"].contains(&name) => built.join("examples").join(name),
        None => built.join(name),
    };
    assert!(path.exists(), "{} isn't built; run the tests with `cargo test -p ioi-sandbox`", path.display());
    path
}

/// Copies a program by another process. This one forks all the time, and a fork that still holds a
/// descriptor for writing keeps the copy from being executed (`ETXTBSY`).
pub(crate) fn copy_program(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let copied = std::process::Command::new("cp").arg(from.as_ref()).arg(to.as_ref()).status().unwrap();
    assert!(copied.success());
}

/// The kernel, probed once.
pub(crate) fn kernel() -> &'static Kernel {
    static KERNEL: OnceLock<Kernel> = OnceLock::new();
    KERNEL.get_or_init(Kernel::probe)
}

/// The kernel in each tier that it has.
pub(crate) fn tiers() -> Vec<(Tier, Kernel)> {
    let bare = (Tier::NoNamespaces, kernel().without(&Layer::NAMESPACES));
    match has_namespaces() {
        true => vec![(Tier::Namespaces, kernel().clone()), bare],
        false => vec![bare],
    }
}

pub(crate) fn has_namespaces() -> bool {
    kernel().has(Layer::MountNamespace).is_ok()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// True where control groups can be made.
pub(crate) fn has_groups() -> bool {
    kernel().has(Layer::CgroupV1).is_ok() || kernel().has(Layer::CgroupV2).is_ok()
}

/// A profile of one of our test programs, with what a native binary needs.
pub(crate) fn profile(name: &str, arguments: &[&str]) -> Profile {
    let mut profile = Profile::new(name, program(name));
    profile.argv = std::iter::once(name).chain(arguments.iter().copied()).map(Into::into).collect();
    profile.grants = system_grants();
    profile
}

/// What a program said and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) stdout: String,
    pub(crate) exit: Exit,
    pub(crate) enforced: Enforced,
}

/// Runs a profile to its end, with `more` descriptors.
pub(crate) fn run_with(
    kernel: &Kernel,
    profile: &Profile,
    more: Vec<(OwnedFd, i32)>,
    stdin: Stream,
) -> Outcome {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let streams = Streams { stdin, stdout: Stream::Descriptor(writer), stderr: Stream::Inherit };
    let mut sandboxed = spawn(kernel, profile, &program("ioi-init"), more, streams).unwrap();
    let exit = wait(&mut sandboxed);
    let (stdout, ended) = read_for(reader, Duration::from_secs(10));
    assert!(ended, "no process is left that could write");
    Outcome { stdout, exit, enforced: sandboxed.enforced().clone() }
}

pub(crate) fn run(kernel: &Kernel, profile: &Profile) -> Outcome {
    run_with(kernel, profile, Vec::new(), Stream::Null)
}

/// Waits, but not for ever: a sandbox that hangs must fail its test.
pub(crate) fn wait(sandboxed: &mut Sandboxed) -> Exit {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if let Some(exit) = sandboxed.try_wait().unwrap() {
            return exit;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("the sandbox hangs");
}

/// What is written to a pipe, and whether all its writers were gone before the time was up.
pub(crate) fn read_for(pipe: OwnedFd, within: Duration) -> (String, bool) {
    let deadline = Instant::now() + within;
    let (mut file, mut text, mut buffer) = (File::from(pipe), Vec::new(), [0; 4096]);
    let ended = loop {
        if !wait_readable(&file, deadline) {
            break false;
        }
        match file.read(&mut buffer).unwrap() {
            0 => break true,
            count => text.extend_from_slice(&buffer[..count]),
        }
    };
    (String::from_utf8(text).unwrap(), ended)
}

pub(crate) fn wait_readable(fd: &impl AsFd, deadline: Instant) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let left = deadline.saturating_duration_since(Instant::now());
    let limit = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&limit)).unwrap() > 0
}

pub(crate) fn pipe() -> (OwnedFd, OwnedFd) {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap()
}
