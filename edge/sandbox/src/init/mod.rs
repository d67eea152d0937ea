//! The small init that stands between the supervisor and a sandboxed program.
//!
//! ```text
//! with namespaces                             without
//! supervisor                                  supervisor
//! └─ ioi-init      waits, passes signals on   └─ ioi-init   child subreaper, outside the Landlock domain
//!    └─ pid 1      reaps; its end ends all       └─ program
//!       └─ program
//! ```
//!
//! It has one thread, so it may fork and go on in the child as it likes. It trusts the supervisor and
//! nothing that comes from the program. When its socket to the supervisor ends it kills every descendant;
//! it has no parent-death signal, because that fires when a *thread* of the supervisor ends.

mod devices;
mod executed;
mod guard;
mod landlock;
mod namespaces;
mod root;
mod serve;
mod target;

use crate::plan::Tier;
use crate::wire::{self, Ended, Job, Report};
use crate::{cgroup, filter, sys, tmp};
use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What was being done when it failed.
#[derive(Debug)]
pub(crate) struct Failure {
    step: String,
    error: io::Error,
}

/// Adds to an error what was being done.
pub(crate) trait During<T> {
    fn during(self, step: impl Display) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, step: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure { step: step.to_string(), error: error.into() })
    }
}

/// The job and its descriptors.
pub(crate) struct Setup {
    job: Job,
    report: Reporter,
    /// Standard input, output and error, then one for each of `job.descriptors`.
    program: Vec<OwnedFd>,
    /// The entrances of the control groups.
    groups: Vec<OwnedFd>,
    /// Where the listener goes, if anything is mediated.
    listener: Option<OwnedFd>,
}

/// Runs the init. It expects the socket to the supervisor as standard input.
pub fn run() -> i32 {
    if sys::close_from(3).is_err() {
        return 1;
    }
    let control = UnixStream::from(sys::take_inherited(0));
    let Ok(setup) = receive(&control) else {
        eprintln!("ioi-init is started by a supervisor of IOI, not by hand.");
        return 2;
    };
    let left = Left::of(&setup.job);
    let outcome = supervise(&control, setup);
    left.remove();
    // The supervisor may be gone; then nobody needs to know.
    let _ = outcome.map(|ended| wire::send_line(&mut &control, &ended));
    0
}

/// Becomes `program`, under a filter that refuses new namespaces as a strict container does: an error for
/// `unshare`, `setns` and `clone` with their flags, and no `clone3`. Returns only if that failed.
pub fn exec_without_namespaces(program: &OsStr, arguments: impl Iterator<Item = OsString>) -> io::Error {
    use std::os::unix::process::CommandExt;
    let refused = sys::set_no_new_privs().and_then(|()| sys::install_filter(&filter::without_namespaces()));
    match refused {
        Ok(()) => std::process::Command::new(program).args(arguments).exec(),
        Err(error) => error,
    }
}

fn supervise(control: &UnixStream, setup: Setup) -> Option<Ended> {
    let report = setup.report.clone();
    let result = match setup.job.plan.tier {
        Tier::Namespaces => namespaces::run(control, setup),
        Tier::NoNamespaces => guard::run(control, setup),
    };
    match result {
        Ok(ended) => ended,
        Err(failure) => {
            report.failed(&failure);
            None
        }
    }
}

/// The report pipe, shared by the steps of setting up. Its end tells the supervisor that the program runs,
/// so a process that stays closes it for all its steps at once.
#[derive(Clone)]
pub(crate) struct Reporter(Rc<RefCell<Option<File>>>);

impl Reporter {
    fn new(pipe: OwnedFd) -> Self {
        Self(Rc::new(RefCell::new(Some(File::from(pipe)))))
    }

    pub(crate) fn send(&self, report: &Report) -> io::Result<()> {
        match &mut *self.0.borrow_mut() {
            Some(pipe) => wire::send_line(pipe, report),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Reports a failure. If the supervisor is gone there is nobody to tell.
    pub(crate) fn failed(&self, failure: &Failure) {
        let _ = self.send(&Report::Failed { step: failure.step.clone(), error: failure.error.to_string() });
    }

    pub(crate) fn close(&self) {
        self.0.borrow_mut().take();
    }
}

fn receive(control: &UnixStream) -> io::Result<Setup> {
    let (job, mut descriptors) = wire::receive_job(control)?;
    let mediated = usize::from(!job.mediated.is_empty());
    if descriptors.len() != 4 + job.descriptors.len() + job.groups.len() + mediated {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let out_of_the_way = |fd: OwnedFd| sys::copy_above(fd.as_fd(), target::OUT_OF_THE_WAY);
    let listener = if mediated == 1 { descriptors.pop().map(out_of_the_way).transpose()? } else { None };
    let groups = descriptors.split_off(4 + job.descriptors.len());
    // Out of the way, so that no descriptor of the program takes its number before exec.
    let report = Reporter::new(out_of_the_way(descriptors.remove(0))?);
    Ok(Setup { job, report, program: descriptors, groups, listener })
}

/// What is to be removed when all is over.
struct Left {
    groups: Vec<PathBuf>,
    tmp: Option<PathBuf>,
}

impl Left {
    fn of(job: &Job) -> Self {
        let groups = job.groups.iter().map(|g| PathBuf::from(&g.0)).collect();
        Self { groups, tmp: job.private_tmp.as_ref().map(|p| PathBuf::from(&p.0)) }
    }

    fn remove(&self) {
        // What stays, the supervisor tries again.
        self.groups.iter().for_each(|group| drop(cgroup::remove(group)));
        self.tmp.iter().for_each(|path| tmp::remove(path));
    }

    fn stop_forks(groups: &[impl AsRef<Path>]) {
        groups.iter().for_each(|group| cgroup::stop_forks(group.as_ref()));
    }
}
