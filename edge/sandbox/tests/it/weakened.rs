//! With its layers switched off each attempt has its effect: so the layers named are what stands against
//! it, and the tests that see no effect can see one. Run by `attacks_succeed_without_their_layers`, in a
//! process whose environment consents.

use crate::attempts::{ATTEMPTS, prepare, terminal};
use crate::stage::Stage;
use crate::support::*;
use ioi_sandbox::*;
use std::os::fd::OwnedFd;
use std::time::Duration;

fn run_weakened(profile: &Profile, given: Vec<(OwnedFd, i32)>, stdin: Stream, layers: &[Layer]) -> Outcome {
    let (reader, writer) = pipe();
    let streams = Streams { stdin, stdout: Stream::Descriptor(writer), stderr: Stream::Inherit };
    let init = program("ioi-init");
    let mut sandboxed = spawn_weakened(kernel(), profile, &init, given, streams, layers).unwrap();
    let exit = wait(&mut sandboxed);
    let (stdout, _) = read_for(reader, Duration::from_millis(500));
    Outcome { stdout, exit, enforced: sandboxed.enforced().clone() }
}

/// What an attempt needs beside the absence of our layers.
fn machine_allows(name: &str) -> bool {
    let setting = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_string();
    match name {
        "unshare" | "clone-namespace" | "clone3" => has_namespaces(),
        "io-uring" => setting("/proc/sys/kernel/io_uring_disabled") == "0",
        "type-into-terminal" => setting("/proc/sys/dev/tty/legacy_tiocsti") == "1",
        "process-vm-readv" | "proc-mem" | "ptrace" | "pidfd-getfd" => {
            // Root without capabilities can't touch root with them: that is shown as an ordinary user.
            !is_root() && ["", "0"].contains(&setting("/proc/sys/kernel/yama/ptrace_scope").as_str())
        }
        "renice" => !is_root(),
        _ => true,
    }
}

#[test]
#[ignore = "needs an environment that consents"]
fn every_attempt_has_its_effect_without_its_layers() {
    for attempt in ATTEMPTS.iter().filter(|a| !a.layers.is_empty() && machine_allows(a.name)) {
        let mut stage = Stage::set();
        if attempt.name == "exec" {
            copy_program(program("harmless"), stage.path("program"));
        }
        let (profile, given) = prepare(attempt, &stage, SyscallSet::Program);
        let outcome = run_weakened(&profile, given, Stream::Null, attempt.layers);
        assert_eq!(outcome.enforced.weakened, attempt.layers);
        assert!((attempt.effect)(&mut stage, &outcome), "{}: {outcome:?}", attempt.name);
    }
}

#[test]
#[ignore = "needs an environment that consents"]
fn typing_into_the_terminal_works_without_seccomp() {
    if machine_allows("type-into-terminal") {
        let (_master, slave) = terminal();
        let profile = profile("hostile", &["type-into-terminal"]);
        let outcome = run_weakened(&profile, Vec::new(), Stream::Descriptor(slave), &[Layer::Seccomp]);
        assert_eq!(outcome.stdout, "GOT typed\n", "{outcome:?}");
    }
}

#[test]
#[ignore = "needs an environment that consents"]
fn limits_are_passed_without_their_layers() {
    let layers = [Layer::CgroupV1, Layer::CgroupV2, Layer::Rlimits];
    let mut forks = profile("hostile", &["fork", "60"]);
    forks.limits.pids = Some(20);
    assert_eq!(run_weakened(&forks, Vec::new(), Stream::Null, &layers).stdout, "GOT 60\n");
    for kind in ["allocate", "allocate-shared"] {
        let mut memory = profile("hostile", &[kind, &(96 << 20).to_string()]);
        memory.limits.memory_bytes = Some(32 << 20);
        assert_eq!(run_weakened(&memory, Vec::new(), Stream::Null, &layers).stdout, "GOT memory\n");
    }
}

#[test]
#[ignore = "needs an environment that consents"]
fn a_process_outlives_its_sandbox_without_the_layers_that_kill_it() {
    let mut profile = profile("hostile", &["survive"]);
    profile.syscalls = SyscallSet::Program;
    let layers = [Layer::PidNamespace, Layer::Subreaper, Layer::CgroupV1, Layer::CgroupV2];
    let outcome = run_weakened(&profile, Vec::new(), Stream::Null, &layers);
    let pid = outcome.stdout.lines().find_map(|line| line.strip_prefix("PID ")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    // If it were gone, the signal would find nobody.
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_layer_is_not_switched_off_without_consent() {
    let profile = profile("harmless", &["print", "x"]);
    let (init, streams) = (program("ioi-init"), Streams::default());
    let layers = [Layer::IpcNamespace];
    let refused = spawn_weakened(kernel(), &profile, &init, Vec::new(), streams, &layers);
    assert!(matches!(refused, Err(SpawnError::NotATest(_))), "{refused:?}");
}

#[test]
fn attacks_succeed_without_their_layers() {
    let layers = Layer::ALL.iter().filter(|l| **l != Layer::IpcNamespace).map(|l| l.name());
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["weakened::", "--ignored", "--test-threads=1"])
        .env("IOI_TEST_WITHOUT_LAYERS", layers.collect::<Vec<_>>().join(","))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("4 passed"), "{text}");
}
