//! The table of attempts: how each is made, how its effect shows, and which layers stand against it.

use crate::stage::{CANARY, Stage};
use crate::support::{Outcome, profile, run_with, tiers};
use ioi_sandbox::Layer::{self, *};
use ioi_sandbox::*;
use std::os::fd::OwnedFd;

/// One attempt.
pub(crate) struct Attempt {
    pub(crate) name: &'static str,
    /// What follows the name on the command line.
    pub(crate) arguments: fn(&Stage) -> Vec<String>,
    /// True if it had its effect.
    pub(crate) effect: fn(&mut Stage, &Outcome) -> bool,
    /// With these switched off it has its effect. Empty where something else stands against it too (a
    /// missing capability) or the machine may lack what it takes.
    pub(crate) layers: &'static [Layer],
}

const fn attempt(
    name: &'static str,
    arguments: fn(&Stage) -> Vec<String>,
    effect: fn(&mut Stage, &Outcome) -> bool,
    layers: &'static [Layer],
) -> Attempt {
    Attempt { name, arguments, effect, layers }
}

const FILES: &[Layer] = &[MountNamespace, Landlock];
const PROCESSES: &[Layer] = &[MountNamespace, Landlock, Seccomp];

pub(crate) const ATTEMPTS: &[Attempt] = &[
    attempt("read", |s| vec![s.text("canary")], saw_canary, FILES),
    attempt("list", |s| vec![s.text("")], |_, o| o.stdout.contains("canary"), FILES),
    attempt("write", |s| vec![s.text("new")], |s, _| s.path("new").exists(), FILES),
    attempt("write", |s| vec![s.text("canary")], canary_changed, FILES),
    attempt("truncate", |s| vec![s.text("canary")], canary_changed, FILES),
    attempt("chmod", |s| vec![s.text("canary")], mode_changed, PROCESSES),
    attempt(
        "tcp",
        |s| vec![s.tcp.local_addr().unwrap().to_string()],
        |s, _| s.tcp.accept().is_ok(),
        &[NetNamespace, Landlock, Seccomp],
    ),
    attempt(
        "udp",
        |s| vec![s.udp.local_addr().unwrap().to_string()],
        |s, _| s.udp.recv(&mut [0; 8]).is_ok(),
        &[NetNamespace, Seccomp],
    ),
    attempt("unix", |s| vec![s.text("socket")], |s, _| s.unix.accept().is_ok(), &[MountNamespace, Seccomp]),
    attempt(
        "abstract",
        |s| vec![s.name.clone()],
        |s, _| s.named.accept().is_ok(),
        &[NetNamespace, Landlock, Seccomp],
    ),
    attempt(
        "datagram-pair",
        |s| vec![s.text("datagrams")],
        |s, _| s.datagram.recv(&mut [0; 8]).is_ok(),
        &[MountNamespace, Seccomp],
    ),
    attempt("netlink", |_| vec![], said_got, &[Seccomp]),
    attempt("vsock", |_| vec![], said_got, &[]),
    attempt("process-vm-readv", our_memory, saw_canary, PROCESSES),
    attempt("proc-mem", our_memory, saw_canary, PROCESSES),
    attempt("ptrace", victim, said_got, PROCESSES),
    attempt("pidfd-getfd", |s| vec![s.victim.id().to_string(), "0".into()], said_got, PROCESSES),
    attempt("prlimit", victim, victim_limited, &[MountNamespace, Seccomp]),
    attempt("renice", victim, victim_reniced, &[MountNamespace, Seccomp]),
    attempt("kill", victim, |s, o| s.victim_died(o), PROCESSES),
    attempt("set-owner", victim, |s, o| s.victim_died(o), PROCESSES),
    attempt("unshare", |_| vec![], said_got, &[Seccomp]),
    attempt("clone-namespace", |_| vec![], said_got, &[Seccomp]),
    attempt("clone3", |_| vec![], said_got, &[Seccomp]),
    attempt("setns", victim, said_got, &[]),
    attempt("memfd", |_| vec![], said_got, &[Seccomp]),
    attempt("reopen", |_| vec!["3".into()], canary_changed, FILES),
    attempt("io-uring", |_| vec![], said_got, &[Seccomp]),
    attempt("mount", |s| vec![s.text("")], said_got, &[]),
    attempt("received-directory", |_| vec!["canary".into()], saw_canary, &[Landlock]),
    attempt("exec", |s| vec![s.text("program"), "print".into(), CANARY.into()], saw_canary, FILES),
];

fn said_got(_: &mut Stage, outcome: &Outcome) -> bool {
    outcome.stdout.contains("GOT")
}

fn saw_canary(_: &mut Stage, outcome: &Outcome) -> bool {
    outcome.stdout.contains(CANARY)
}

fn canary_changed(stage: &mut Stage, _: &Outcome) -> bool {
    std::fs::read_to_string(stage.path("canary")).unwrap() != CANARY
}

fn mode_changed(stage: &mut Stage, _: &Outcome) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(stage.path("canary")).unwrap().permissions().mode() & 0o777 == 0o777
}

fn our_memory(stage: &Stage) -> Vec<String> {
    vec![std::process::id().to_string(), (stage.memory.as_ptr() as usize).to_string()]
}

fn victim(stage: &Stage) -> Vec<String> {
    vec![stage.victim.id().to_string()]
}

fn victim_limited(stage: &mut Stage, _: &Outcome) -> bool {
    let limits = stage.victim_file("limits");
    let line = limits.lines().find(|l| l.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3) == Some("3")
}

fn victim_reniced(stage: &mut Stage, _: &Outcome) -> bool {
    let stat = stage.victim_file("stat");
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16) == Some("19")
}

/// The profile that makes an attempt, and the descriptors it needs.
pub(crate) fn prepare(attempt: &Attempt, stage: &Stage, set: SyscallSet) -> (Profile, Vec<(OwnedFd, i32)>) {
    let arguments = (attempt.arguments)(stage);
    let words: Vec<&str> =
        std::iter::once(attempt.name).chain(arguments.iter().map(String::as_str)).collect();
    let mut profile = profile("hostile", &words);
    profile.syscalls = set;
    let given = match attempt.name {
        "reopen" => vec![(std::fs::File::open(stage.path("canary")).unwrap().into(), 3)],
        "received-directory" => vec![(stage.directory_on_a_socket(), 3)],
        _ => Vec::new(),
    };
    (profile, given)
}

#[test]
fn no_attempt_has_its_effect() {
    for (tier, kernel) in tiers() {
        for set in [SyscallSet::Native, SyscallSet::Tokio, SyscallSet::Program] {
            for attempt in ATTEMPTS {
                let mut stage = Stage::set();
                let (profile, given) = prepare(attempt, &stage, set);
                let outcome = run_with(&kernel, &profile, given, Stream::Null);
                assert_eq!(outcome.enforced.tier, tier);
                let effect = (attempt.effect)(&mut stage, &outcome);
                assert!(!effect, "{} {tier:?} {set:?}: {outcome:?}", attempt.name);
            }
        }
    }
}

#[test]
fn calls_that_only_attackers_make_end_the_process() {
    for (tier, kernel) in tiers() {
        for arguments in [
            &["ptrace", "1"][..],
            &["bpf"],
            &["keyctl"],
            &["mount", "/"],
            &["userfaultfd"],
            &["ia32"],
            &["x32"],
            &["io-uring"],
        ] {
            let outcome = crate::support::run(&kernel, &profile("hostile", arguments));
            assert_eq!(outcome.exit.signal, Some(libc::SIGSYS), "{tier:?} {arguments:?} {outcome:?}");
        }
    }
}

#[test]
fn typing_into_the_terminal_is_refused() {
    for (_, kernel) in tiers() {
        for set in [SyscallSet::Native, SyscallSet::Tokio, SyscallSet::Program] {
            let mut profile = profile("hostile", &["type-into-terminal"]);
            profile.syscalls = set;
            let (_master, slave) = terminal();
            let outcome = run_with(&kernel, &profile, Vec::new(), Stream::Descriptor(slave));
            assert_eq!(outcome.stdout, "");
        }
    }
}

/// A pseudo-terminal: its master and its slave.
pub(crate) fn terminal() -> (OwnedFd, OwnedFd) {
    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave =
        rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    (master, slave)
}

#[test]
fn a_set_user_id_program_gives_nothing() {
    use std::os::unix::fs::PermissionsExt;
    if !crate::support::is_root() {
        return;
    }
    for (_, kernel) in tiers() {
        let stage = Stage::set();
        crate::support::copy_program(crate::support::program("harmless"), stage.path("program"));
        let mode = std::fs::Permissions::from_mode(0o4755);
        std::fs::set_permissions(stage.path("program"), mode).unwrap();
        std::fs::set_permissions(stage.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut profile = profile("hostile", &["exec", &stage.text("program"), "identity"]);
        profile.syscalls = SyscallSet::Program;
        profile.identity = Identity::Uid(65534, 65534);
        profile.grants.push(Grant::new(stage.path(""), Access::ReadExecute));
        let outcome = crate::support::run(&kernel, &profile);
        assert_eq!(outcome.stdout.trim(), "GOT 65534 65534 65534 65534", "{outcome:?}");
    }
}
