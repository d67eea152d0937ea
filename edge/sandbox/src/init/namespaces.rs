//! The init where namespaces work. It stays outside; its child is pid 1 inside.

use super::executed::{Gate, Proc};
use super::{During, Failure, Setup, root, serve, target};
use crate::sys::{self, Fork};
use crate::wire::{self, Ended, Report};
use crate::{Layer, Plan};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Makes the namespaces, starts pid 1 and waits for it.
pub(super) fn run(control: &UnixStream, setup: Setup) -> Result<Option<Ended>, Failure> {
    let signals = serve::listen().during("blocking signals")?;
    if !setup.job.plan.terminal {
        rustix::process::setsid().during("leaving the caller's session")?;
    }
    enter(&setup.job.plan)?;
    let (inside, theirs) = UnixStream::pair().during("making a socket pair for pid 1")?;
    let pid = match sys::fork().during("starting pid 1")? {
        Fork::Child => {
            drop(inside);
            first_process(setup, theirs)
        }
        Fork::Parent(pid) => pid,
    };
    drop(theirs);
    setup.report.send(&Report::Started { pid }).during("reporting")?;
    setup.report.close();
    drop(setup);
    sys::hide_self();
    let first = Pid::from_raw(pid).expect("a pid isn't 0");
    // The last words of pid 1 are in `inside`; its exit status says nothing.
    let done = serve::until_end(first, control, &signals, |signal| {
        let _ = u8::try_from(signal).map(|byte| (&inside).write_all(&[byte]));
    });
    if !matches!(done, Ok(Some(_))) {
        let _ = kill_process(first, Signal::KILL);
        // The kernel lets pid 1 be collected only when every other process of the namespace is gone.
        let _ = waitpid(Some(first), WaitOptions::empty());
    }
    Ok(last_words(inside))
}

fn last_words(mut inside: UnixStream) -> Option<Ended> {
    let mut text = Vec::new();
    // What came before a reset still counts.
    let _ = inside.read_to_end(&mut text);
    wire::lines(&text).ok()?.pop()
}

/// Leaves the supervisor's namespaces. The mount namespace is pid 1's own affair, since changing its root
/// would change ours too.
fn enter(plan: &Plan) -> Result<(), Failure> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let kinds = [
        (Layer::UserNamespace, libc::CLONE_NEWUSER),
        (Layer::PidNamespace, libc::CLONE_NEWPID),
        (Layer::NetNamespace, libc::CLONE_NEWNET),
        (Layer::IpcNamespace, libc::CLONE_NEWIPC),
        (Layer::UtsNamespace, libc::CLONE_NEWUTS),
    ];
    let flags = kinds.iter().filter(|(layer, _)| plan.uses(*layer)).fold(0, |all, (_, flag)| all | flag);
    sys::unshare(flags).during("making namespaces")?;
    if plan.uses(Layer::UserNamespace) {
        fs::write("/proc/self/setgroups", "deny").during("denying setgroups")?;
        fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")).during("mapping the uid")?;
        fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")).during("mapping the gid")?;
    }
    Ok(())
}

/// Pid 1 of the sandbox. When it ends, the kernel kills every process inside.
fn first_process(setup: Setup, control: UnixStream) -> ! {
    let report = setup.report.clone();
    match build_and_serve(setup, &control) {
        // The other end may be gone; then nobody needs to know.
        Ok(ended) => drop(ended.map(|ended| wire::send_line(&mut &control, &ended))),
        Err(failure) => report.failed(&failure),
    }
    sys::exit_now(0)
}

fn build_and_serve(setup: Setup, control: &UnixStream) -> Result<Option<Ended>, Failure> {
    let signals = serve::listen().during("blocking signals")?;
    sys::unshare(libc::CLONE_NEWNS).during("making a mount namespace")?;
    let proc = Proc::open();
    root::build(&setup.job)?;
    sys::set_host_name("sandbox").during("naming the host")?;
    let gate = Gate::new(proc)?;
    let pid = match sys::fork().during("starting the program's process")? {
        Fork::Child => target::become_program(setup, target::Parent::First, gate),
        Fork::Parent(pid) => pid,
    };
    let child = Pid::from_raw(pid).expect("a pid isn't 0");
    let executable = Path::new(&setup.job.executable.0);
    if let Some(ended) = gate.follow(child, executable, setup.job.measured.as_ref())? {
        return Ok(Some(ended));
    }
    let other_uid = setup.job.identity.is_some();
    setup.report.close();
    drop(setup);
    sys::hide_self();
    if !other_uid {
        // Without another uid no capability is needed to signal the child.
        sys::drop_capabilities().during("dropping the capabilities of pid 1")?;
    }
    serve::until_end(child, control, &signals, |signal| serve::signal(child, signal))
        .map_err(|error: io::Error| Failure { step: "waiting".into(), error })
}
