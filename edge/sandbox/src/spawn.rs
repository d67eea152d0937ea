//! Starting a sandbox: from a profile to a running program whose enforced properties are known.

use crate::cgroup::Group;
use crate::kernel::Kernel;
use crate::plan::{self, Missing, Plan};
use crate::sys;
use crate::tmp::PrivateTmp;
use crate::wire::{self, Bytes, Job, Report};
use crate::{Access, Enforced, Grant, Identity, Layer, Listener, Profile, Sandboxed, SyscallSet};
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The numbers below which a program's descriptors must lie.
const DESCRIPTOR_NUMBER_MAX: i32 = 255;
/// How long setting up may take before it counts as stuck. It takes milliseconds.
const SETUP_TIMEOUT: Duration = Duration::from_secs(20);
/// A test that switches layers off must name them in this variable, joined by commas.
const WEAKENED_VARIABLE: &str = "IOI_TEST_WITHOUT_LAYERS";

/// Where one standard stream of the program leads.
#[derive(Debug, Default)]
pub enum Stream {
    /// `/dev/null`.
    #[default]
    Null,
    /// Where the caller's own leads.
    Inherit,
    /// This descriptor.
    Descriptor(OwnedFd),
}

/// The three standard streams.
#[derive(Debug, Default)]
pub struct Streams {
    /// Standard input.
    pub stdin: Stream,
    /// Standard output.
    pub stdout: Stream,
    /// Standard error.
    pub stderr: Stream,
}

impl Streams {
    /// The caller's own three.
    pub fn inherit() -> Self {
        Self { stdin: Stream::Inherit, stdout: Stream::Inherit, stderr: Stream::Inherit }
    }
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// A required property can't be met here.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The profile can't mean anything.
    #[error("the sandbox profile {name:?} can't be used: {why}")]
    Profile {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A step of setting up failed on the supervisor's side.
    #[error("the sandbox couldn't be prepared: {step}: {source}")]
    Prepare {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A step failed inside: a layer that was planned can't be set up.
    #[error("the sandbox couldn't be set up: {step}: {error}")]
    Setup {
        /// What was being done.
        step: String,
        /// What the system said.
        error: String,
    },
    /// The sandbox was ready, and the kernel would not execute the program's file.
    #[error("the program can't be executed: {error}")]
    NotExecuted {
        /// What the system said.
        error: String,
    },
    /// The init ended, or was killed, before the program ran.
    #[error("ioi-init ended before the program ran")]
    InitDied,
    /// Layers were to be switched off without the test's consent.
    #[error("the layer {0} can be switched off only by a test that names it in {WEAKENED_VARIABLE}")]
    NotATest(String),
}

/// Starts the program of `profile` in a sandbox, with `init` (the path of `ioi-init`) above it.
///
/// `descriptors` are given to the program at the numbers named, from 3 on; no other descriptor of the
/// caller is. Returns when the program has been executed with every planned layer in force. May be called
/// from any thread, and that thread may end before the program does.
///
/// # Errors
/// Nothing runs then, and nothing is left behind: see [`SpawnError`].
pub fn spawn(
    kernel: &Kernel,
    profile: &Profile,
    init: &Path,
    descriptors: Vec<(OwnedFd, i32)>,
    streams: Streams,
) -> Result<Sandboxed, SpawnError> {
    let plan = plan::plan(kernel, profile)?;
    start(kernel, profile, plan, init, descriptors, streams)
}

/// Like [`spawn`], but with `layers` switched off, to show in a test that an attempt succeeds without them.
/// The properties they give aren't required then; [`Enforced::weakened`] names the layers.
///
/// # Errors
/// As [`spawn`]; and [`SpawnError::NotATest`] unless the environment variable `IOI_TEST_WITHOUT_LAYERS`
/// names each of them; names are joined by commas.
pub fn spawn_weakened(
    kernel: &Kernel,
    profile: &Profile,
    init: &Path,
    descriptors: Vec<(OwnedFd, i32)>,
    streams: Streams,
    layers: &[Layer],
) -> Result<Sandboxed, SpawnError> {
    let named = std::env::var(WEAKENED_VARIABLE).unwrap_or_default();
    if let Some(unnamed) = layers.iter().find(|layer| !named.split(',').any(|name| name == layer.name())) {
        return Err(SpawnError::NotATest(unnamed.name().into()));
    }
    let plan = plan::draft(&kernel.without(layers), profile, layers);
    start(kernel, profile, plan, init, descriptors, streams)
}

fn start(
    kernel: &Kernel,
    profile: &Profile,
    plan: Plan,
    init: &Path,
    descriptors: Vec<(OwnedFd, i32)>,
    streams: Streams,
) -> Result<Sandboxed, SpawnError> {
    check(profile, &descriptors)?;
    let group =
        Group::create(&kernel.groups, &plan.layers, &profile.limits).map_err(at("making a cgroup"))?;
    let tmp = PrivateTmp::create(profile, &plan).map_err(at("making a private /tmp"))?;
    let job = job(profile, plan, &descriptors, &group, tmp.as_ref());

    let (report, report_theirs) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|e| at("making a pipe")(e.into()))?;
    let mut passed = vec![report_theirs];
    passed.extend(streams.open().map_err(at("opening the standard streams"))?);
    passed.extend(descriptors.into_iter().map(|(fd, _)| fd));
    passed.extend(group.entrances().map_err(at("opening a cgroup"))?);
    let listening = match profile.mediated.is_empty() {
        true => None,
        false => {
            let (ours, theirs) = UnixStream::pair().map_err(at("making a socket pair"))?;
            passed.push(theirs.into());
            Some(ours)
        }
    };

    let (control, control_theirs) = UnixStream::pair().map_err(at("making a socket pair"))?;
    let child = start_init(init, control_theirs).map_err(at("starting ioi-init"))?;
    let mut sandboxed = Sandboxed::new(child, control, group, tmp).map_err(at("opening a pidfd"))?;
    wire::send_job(sandboxed.control(), &job, &passed).map_err(|error| failed_send(error, &mut sandboxed))?;
    drop(passed);
    let enforced = wait_for_exec(report, &mut sandboxed)?;
    sandboxed.set_enforced(enforced);
    if let Some(from) = listening {
        // It was sent before the exec, which is over. Without it nothing runs on.
        let listener = wire::receive_descriptor(&from).map_err(at("receiving the listener"))?;
        sandboxed.set_listener(Listener::new(listener));
    }
    Ok(sandboxed)
}

fn at(step: &'static str) -> impl Fn(io::Error) -> SpawnError {
    move |source| SpawnError::Prepare { step, source }
}

/// A broken pipe here means that the init is gone; anything else is the profile's fault.
fn failed_send(error: io::Error, sandboxed: &mut Sandboxed) -> SpawnError {
    sandboxed.kill();
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => SpawnError::InitDied,
        _ => at("sending the profile")(error),
    }
}

/// The init has nothing of ours but the socket and, for its own panics, standard error.
fn start_init(init: &Path, control: UnixStream) -> io::Result<Child> {
    let mut command = Command::new(init);
    command.env_clear().current_dir("/").stdin(OwnedFd::from(control)).stdout(Stdio::null());
    command.spawn()
}

fn check(profile: &Profile, descriptors: &[(OwnedFd, i32)]) -> Result<(), SpawnError> {
    let wrong = |why: String| Err(SpawnError::Profile { name: profile.name.clone(), why });
    let mut numbers: Vec<i32> = descriptors.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    if let Some(number) = numbers.iter().find(|n| !(3..=DESCRIPTOR_NUMBER_MAX).contains(*n)) {
        return wrong(format!("descriptor number {number} isn't between 3 and {DESCRIPTOR_NUMBER_MAX}"));
    }
    if let Some(pair) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
        return wrong(format!("descriptor number {} is given twice", pair[0]));
    }
    if numbers.len() > wire::DESCRIPTORS_MAX {
        return wrong(format!("{} descriptors are more than {}", numbers.len(), wire::DESCRIPTORS_MAX));
    }
    if !profile.mediated.is_empty() {
        if profile.syscalls != SyscallSet::Program {
            return wrong("only an unmodified program's files can be mediated".into());
        }
        if matches!(profile.identity, Identity::Uid(..)) {
            return wrong("files are opened with the caller's uid, so the program must have it".into());
        }
        if !sys::reads_children() {
            return Err(plan::cannot_read_paths().into());
        }
    }
    let paths = profile.grants.iter().chain(&profile.mediated).map(|grant| grant.path.as_path());
    let mut paths = paths.chain([profile.executable.as_path(), profile.working_directory.as_path()]);
    if let Some(path) = paths.find(|path| !path.is_absolute()) {
        return wrong(format!("the path {} isn't absolute", path.display()));
    }
    if matches!(profile.identity, Identity::Uid(..)) && !rustix::process::geteuid().is_root() {
        return wrong("only root can give it another uid".into());
    }
    Ok(())
}

fn job(
    profile: &Profile,
    plan: Plan,
    descriptors: &[(OwnedFd, i32)],
    group: &Group,
    tmp: Option<&PrivateTmp>,
) -> Job {
    let argv = match profile.argv.is_empty() {
        true => vec![Bytes::from(&profile.executable)],
        false => profile.argv.iter().map(Bytes::from).collect(),
    };
    Job {
        plan,
        executable: Bytes::from(&profile.executable),
        measured: profile.measured,
        argv,
        environment: profile.environment.iter().map(|(k, v)| (Bytes::from(k), Bytes::from(v))).collect(),
        working_directory: Bytes::from(&profile.working_directory),
        grants: granted(&profile.grants),
        mediated: granted(&profile.mediated),
        syscalls: profile.syscalls,
        network: profile.network,
        identity: match profile.identity {
            Identity::Caller => None,
            Identity::Uid(uid, gid) => Some((uid, gid)),
        },
        memory_bytes: profile.limits.memory_bytes,
        pids: profile.limits.pids,
        files: profile.limits.files,
        private_tmp_bytes: profile.private_tmp_bytes,
        private_tmp: tmp.map(|tmp| Bytes::from(tmp.path())),
        descriptors: descriptors.iter().map(|(_, number)| *number).collect(),
        groups: group.directories().iter().map(Bytes::from).collect(),
    }
}

fn granted(grants: &[Grant]) -> Vec<(Bytes, Access)> {
    grants.iter().map(|grant| (Bytes::from(&grant.path), grant.access)).collect()
}

impl Streams {
    fn open(self) -> io::Result<[OwnedFd; 3]> {
        let [stdin, stdout, stderr] = [self.stdin, self.stdout, self.stderr];
        Ok([
            stdin.open(|| io::stdin().as_fd().try_clone_to_owned())?,
            stdout.open(|| io::stdout().as_fd().try_clone_to_owned())?,
            stderr.open(|| io::stderr().as_fd().try_clone_to_owned())?,
        ])
    }
}

impl Stream {
    fn open(self, own: impl FnOnce() -> io::Result<OwnedFd>) -> io::Result<OwnedFd> {
        match self {
            Self::Null => OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from),
            Self::Inherit => own(),
            Self::Descriptor(fd) => Ok(fd),
        }
    }
}

/// Reads reports until the pipe ends, which exec does. Every failure leaves nothing running.
fn wait_for_exec(report: OwnedFd, sandboxed: &mut Sandboxed) -> Result<Enforced, SpawnError> {
    let result = read_reports(report, sandboxed);
    if result.is_err() {
        sandboxed.kill();
    }
    result
}

fn read_reports(report: OwnedFd, sandboxed: &mut Sandboxed) -> Result<Enforced, SpawnError> {
    let text = read_until_end(report).map_err(at("waiting for the program to start"))?;
    let reports = wire::lines::<Report>(&text).map_err(at("reading the init's report"))?;
    let mut ready = None;
    for report in reports {
        match report {
            Report::Started { pid } => sandboxed.set_first(pid),
            Report::Ready(enforced) => ready = Some(enforced),
            Report::Failed { step, error } => return Err(SpawnError::Setup { step, error }),
            Report::NotExecuted { error } => return Err(SpawnError::NotExecuted { error }),
        }
    }
    ready.ok_or(SpawnError::InitDied)
}

/// Everything that is written to the pipe until all its writers are gone, within [`SETUP_TIMEOUT`].
fn read_until_end(pipe: OwnedFd) -> io::Result<Vec<u8>> {
    const REPORT_BYTES_MAX: usize = 1 << 20;
    let deadline = Instant::now() + SETUP_TIMEOUT;
    let (mut pipe, mut text, mut buffer) = (std::fs::File::from(pipe), Vec::new(), [0; 4096]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if !crate::sandboxed::readable(pipe.as_fd(), Some(left))? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(text),
            Ok(count) if text.len() + count <= REPORT_BYTES_MAX => text.extend_from_slice(&buffer[..count]),
            Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
