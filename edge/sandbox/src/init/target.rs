//! The last steps of the process that becomes the program, each one harder to take back than the one before.

use super::executed::{self, Gate};
use super::{During, Failure, Setup, landlock};
use crate::filter::{self, Surroundings};
use crate::plan::Tier;
use crate::wire::{self, Job, Report};
use crate::{Enforced, Layer, SyscallSet, process, sys};
use rustix::process::Pid;
use std::ffi::CString;
use std::io;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Descriptors are moved out of the way of those that the program is to find, which are all lower.
pub(super) const OUT_OF_THE_WAY: i32 = 256;

/// Who forked this process.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Parent {
    /// Pid 1 of its namespace, with which it dies.
    First,
    /// The init outside the Landlock domain, by its number.
    Guard(Pid),
}

/// Becomes the program, or reports why it can't.
pub(super) fn become_program(setup: Setup, parent: Parent, gate: Gate) -> ! {
    let report = setup.report.clone();
    if let Err(failure) = prepare_and_exec(setup, parent, gate) {
        report.failed(&failure);
    }
    sys::exit_now(127)
}

/// Returns only if something failed.
fn prepare_and_exec(setup: Setup, parent: Parent, gate: Gate) -> Result<(), Failure> {
    let Setup { job, report, program, groups, listener } = setup;
    let seen = gate.pass().during("waiting for the init")?;
    for group in groups {
        std::fs::File::from(group).write_all(b"0").during("entering a cgroup")?;
    }
    if !job.plan.terminal {
        rustix::process::setsid().during("leaving the session")?;
    }
    let strings = Strings::of(&job)?;
    set_limits(&job)?;
    let identity = take_identity(&job)?;
    sys::drop_capabilities().during("dropping capabilities")?;
    // After the changes of credentials, which would take it back.
    if let Parent::Guard(init) = parent {
        die_with(init).during("dying with the init")?;
    }
    sys::set_no_new_privs().during("giving up new privileges")?;
    std::env::set_current_dir(Path::new(&job.working_directory.0))
        .during(format_args!("entering {}", Path::new(&job.working_directory.0).display()))?;
    if job.plan.uses(Layer::Landlock) {
        landlock::confine(&job)?;
    }
    let executable = Path::new(&job.executable.0);
    if let (false, Some(measured)) = (seen, &job.measured) {
        executed::check_before(executable, measured)?;
    }
    let enforced = Enforced { exec_seen: seen, ..Enforced::of(&job.plan, identity.0, identity.1) };
    report.send(&Report::Ready(enforced)).during("reporting")?;
    install_descriptors(&program, &job.descriptors).during("placing descriptors")?;
    if let Some(files) = job.files {
        // Not earlier: the steps before need a few of their own.
        sys::limit(libc::RLIMIT_NOFILE, files).during("limiting descriptors")?;
    }
    sys::reset_signals();
    if job.plan.uses(Layer::Seccomp) {
        install_filter(&job, listener.as_ref()).during("installing the filter")?;
    }
    let error = sys::exec(&strings.executable, &strings.argv, &strings.environment);
    report.send(&Report::NotExecuted { error: error.to_string() }).during("reporting")
}

/// The last thing before exec. Where files are mediated the listener goes to the supervisor, past the init, and
/// this process's own descriptors of both are closed by exec.
fn install_filter(job: &Job, listener: Option<&OwnedFd>) -> io::Result<()> {
    let program = filter::program(surroundings(job));
    match listener {
        None => sys::install_filter(&program),
        Some(to) => wire::send_descriptor(to, sys::install_filter_with_listener(&program)?),
    }
}

/// Asks for a signal at the init's end, which may have come before.
fn die_with(init: Pid) -> io::Result<()> {
    sys::die_with_parent()?;
    match rustix::process::getppid() {
        Some(parent) if parent == init => Ok(()),
        _ => Err(io::Error::other("the init is gone")),
    }
}

fn surroundings(job: &Job) -> Surroundings {
    Surroundings {
        syscalls: job.syscalls,
        network: job.network,
        namespaces: job.plan.tier == Tier::Namespaces,
        signals_scoped: job.plan.signals_scoped,
        mediated: !job.mediated.is_empty(),
    }
}

/// Where the program finds its private `/tmp`, if that isn't `/tmp`.
pub(super) fn private_tmp(job: &Job) -> Option<&Path> {
    let apart = job.plan.tier == Tier::Namespaces && job.private_tmp_bytes.is_some() && lies_in_tmp(job);
    job.private_tmp.as_ref().map(|path| Path::new(&path.0)).or(apart.then(|| Path::new(MEMORY)))
}

/// In a private root `/tmp` would be above a mediated tree that lies in it, and Landlock grants what is beneath
/// with what is above.
pub(super) fn lies_in_tmp(job: &Job) -> bool {
    job.mediated.iter().any(|(path, _)| Path::new(&path.0).starts_with("/tmp"))
}

/// The memory of a private root that every program has.
pub(super) const MEMORY: &str = "/dev/shm";

/// What exec takes.
struct Strings {
    executable: CString,
    argv: Vec<CString>,
    environment: Vec<CString>,
}

impl Strings {
    fn of(job: &Job) -> Result<Self, Failure> {
        let whole = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from).during("reading the profile");
        let pair = |key: &[u8], value: &[u8]| whole(&[key, b"=", value].concat());
        let environment = job.environment.iter().map(|(k, v)| pair(k.0.as_bytes(), v.0.as_bytes()));
        let tmp = private_tmp(job).map(|path| pair(b"TMPDIR", path.as_os_str().as_bytes()));
        Ok(Self {
            executable: whole(job.executable.0.as_bytes())?,
            argv: job.argv.iter().map(|a| whole(a.0.as_bytes())).collect::<Result<_, _>>()?,
            environment: environment.chain(tmp).collect::<Result<_, _>>()?,
        })
    }
}

/// Resource limits. No core is ever written: it would hold what the process knows.
fn set_limits(job: &Job) -> Result<(), Failure> {
    sys::limit(libc::RLIMIT_CORE, 0).during("limiting cores")?;
    // Where a group counts them together, limits for each process would only get in the way.
    let needed =
        job.plan.uses(Layer::Rlimits) && !job.plan.uses(Layer::CgroupV1) && !job.plan.uses(Layer::CgroupV2);
    if let (true, Some(bytes)) = (needed, job.memory_bytes) {
        sys::limit(libc::RLIMIT_DATA, bytes).during("limiting memory")?;
    }
    // Outside a user namespace all that the user runs is counted together. The node's own processes, which
    // fork nothing, must not lose their threads to a neighbour that does.
    let alone = job.plan.uses(Layer::UserNamespace) || job.syscalls != SyscallSet::Tokio;
    if let (true, Some(pids)) = (needed && alone, job.pids) {
        sys::limit(libc::RLIMIT_NPROC, u64::from(pids) + processes_of_user(job))
            .during("limiting processes")?;
    }
    Ok(())
}

/// How many the kernel counts already. In a user namespace those are the inits alone; outside one, all that
/// the user runs.
fn processes_of_user(job: &Job) -> u64 {
    const INITS: u64 = 2;
    if job.plan.uses(Layer::UserNamespace) {
        return INITS;
    }
    let uid = job.identity.map_or_else(|| rustix::process::getuid().as_raw(), |(uid, _)| uid);
    process::all().filter(|p| p.uid == uid).map(|p| p.threads).sum()
}

/// Takes the program's uid and gid, and says which they are.
fn take_identity(job: &Job) -> Result<(u32, u32), Failure> {
    if let Some((uid, gid)) = job.identity {
        sys::become_user(uid, gid).during(format_args!("becoming uid {uid}"))?;
    }
    Ok((rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()))
}

/// Puts the standard streams at 0, 1 and 2 and the others at their numbers. All else is closed by exec.
fn install_descriptors(program: &[OwnedFd], numbers: &[i32]) -> io::Result<()> {
    let moved: Result<Vec<OwnedFd>, _> =
        program.iter().map(|fd| sys::copy_above(fd.as_fd(), OUT_OF_THE_WAY)).collect();
    let moved = moved?;
    sys::close_at_exec_from(0)?;
    for (fd, number) in moved.iter().zip((0..3).chain(numbers.iter().copied())) {
        sys::put_at(fd.as_fd(), number)?;
        assert_ne!(fd.as_raw_fd(), number, "moved above all numbers");
    }
    Ok(())
}
