//! Whatever dies, nothing is left.

use crate::support::*;
use ioi_sandbox::*;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Both tiers, with control groups and without: what a group would kill must die without one too.
fn kernels() -> Vec<Kernel> {
    let groups = [Layer::CgroupV1, Layer::CgroupV2];
    tiers().into_iter().flat_map(|(_, kernel)| [kernel.without(&groups), kernel]).collect()
}

/// A sandbox that says so and stays, with a process that left its session and group, and the pipe that all
/// its processes hold open.
fn stays(kernel: &Kernel) -> (Sandboxed, OwnedFd) {
    // The program stays after its survivor is there: it reads from a terminal that never says anything.
    let mut profile = profile("hostile", &["survive-and-stay"]);
    profile.syscalls = SyscallSet::Program;
    let (reader, writer) = pipe();
    let streams = Streams { stdout: Stream::Descriptor(writer), ..Streams::default() };
    let sandboxed = spawn(kernel, &profile, &program("ioi-init"), Vec::new(), streams).unwrap();
    assert!(wait_readable(&reader, Instant::now() + Duration::from_secs(10)));
    (sandboxed, reader)
}

fn all_gone(pipe: OwnedFd) {
    assert!(read_for(pipe, Duration::from_secs(5)).1, "a process is left");
}

#[test]
fn no_process_outlives_the_program() {
    for kernel in kernels() {
        for attempt in ["survive", "survive-forking"] {
            let mut profile = profile("hostile", &[attempt]);
            profile.syscalls = SyscallSet::Program;
            profile.limits.pids = Some(40);
            // `run` reads until every process that could write is gone.
            assert!(run(&kernel, &profile).stdout.contains("GOT survivor"));
        }
    }
}

#[test]
fn killing_it_leaves_nothing() {
    for kernel in kernels() {
        let (mut sandboxed, pipe) = stays(&kernel);
        assert_eq!(sandboxed.kill().signal, Some(libc::SIGKILL));
        all_gone(pipe);
    }
}

#[test]
fn dropping_it_leaves_nothing() {
    for kernel in kernels() {
        let (sandboxed, pipe) = stays(&kernel);
        drop(sandboxed);
        all_gone(pipe);
    }
}

/// In a process of its own: one that inherits orphans would also kill what other tests expect to be dead.
#[test]
fn a_killed_init_leaves_nothing() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["death::a_killed_init_leaves_nothing_to_its_heir", "--exact", "--ignored"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "changes the whole process"]
fn a_killed_init_leaves_nothing_to_its_heir() {
    adopt_orphans().unwrap();
    for kernel in kernels() {
        let (mut sandboxed, pipe) = stays(&kernel);
        let init = rustix::process::Pid::from_raw(sandboxed.pid() as i32).unwrap();
        rustix::process::kill_process(init, rustix::process::Signal::KILL).unwrap();
        assert_eq!(wait(&mut sandboxed).signal, Some(libc::SIGKILL));
        all_gone(pipe);
    }
}

#[test]
fn a_killed_first_process_leaves_nothing() {
    for kernel in kernels() {
        let (mut sandboxed, pipe) = stays(&kernel);
        kill_children_of(sandboxed.pid());
        wait(&mut sandboxed);
        all_gone(pipe);
    }
}

/// Kills pid 1 of the namespace, or the program where there is none.
fn kill_children_of(pid: u32) {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    assert!(!children.is_empty());
    for child in children.split_whitespace() {
        let child = rustix::process::Pid::from_raw(child.parse().unwrap()).unwrap();
        // One of them may be an orphan that ends by itself just now.
        let _ = rustix::process::kill_process(child, rustix::process::Signal::KILL);
    }
}

#[test]
fn a_killed_supervisor_leaves_nothing() {
    for (tier, _) in tiers() {
        let (reader, writer) = pipe();
        let mut supervisor = supervisor(tier, writer);
        assert!(wait_readable(&reader, Instant::now() + Duration::from_secs(20)), "it didn't start");
        let pid = supervisor.id();
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        all_gone(reader);
        groups_are_gone(pid);
    }
}

/// The init removes the groups when all processes are gone.
fn groups_are_gone(supervisor: u32) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        let name = format!("ioi-{supervisor}-");
        let left = ["memory", "pids", "cpu"].iter().any(|controller| {
            let groups =
                std::fs::read_dir(format!("/sys/fs/cgroup/{controller}")).into_iter().flatten().flatten();
            groups.into_iter().any(|g| g.file_name().to_string_lossy().starts_with(&name))
        });
        if !left {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("a control group is left");
}

/// Another process that runs `the_supervisor_to_be_killed`.
fn supervisor(tier: Tier, stdout: OwnedFd) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["death::the_supervisor_to_be_killed", "--exact", "--ignored", "--nocapture"])
        .env("IOI_TEST_TIER", format!("{tier:?}"))
        .stdout(std::process::Stdio::null())
        .stdin(stdout)
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "runs until it is killed"]
fn the_supervisor_to_be_killed() {
    let wanted = std::env::var("IOI_TEST_TIER").unwrap();
    let (_, kernel) = tiers().into_iter().find(|(tier, _)| format!("{tier:?}") == wanted).unwrap();
    let mut profile = profile("hostile", &["survive-and-stay"]);
    profile.syscalls = SyscallSet::Program;
    profile.limits = Limits { memory_bytes: Some(64 << 20), pids: Some(50), ..Limits::default() };
    // The pipe came as standard input, since the test harness writes to standard output.
    let streams = Streams {
        stdout: Stream::Descriptor(std::io::stdin().as_fd().try_clone_to_owned().unwrap()),
        ..Streams::default()
    };
    let _sandboxed = spawn(&kernel, &profile, &program("ioi-init"), Vec::new(), streams).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn the_program_cannot_kill_its_init() {
    for (tier, kernel) in tiers() {
        for set in [SyscallSet::Tokio, SyscallSet::Program] {
            let mut profile = profile("hostile", &["kill-parent"]);
            profile.syscalls = set;
            let outcome = run(&kernel, &profile);
            assert_eq!((outcome.exit.code, outcome.stdout.as_str()), (Some(0), ""), "{tier:?}");
        }
    }
}

#[test]
fn the_thread_that_started_it_may_end() {
    for (_, kernel) in tiers() {
        let (mut sandboxed, pipe) = std::thread::spawn(move || stays(&kernel)).join().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(sandboxed.try_wait().unwrap(), None);
        sandboxed.kill();
        all_gone(pipe);
    }
}

#[test]
fn groups_of_a_dead_supervisor_are_cleaned_and_those_of_a_live_one_are_not() {
    if kernel().has(Layer::CgroupV1).is_err() {
        return;
    }
    let mut profile = profile("hostile", &["survive-and-stay"]);
    profile.syscalls = SyscallSet::Program;
    profile.limits.pids = Some(20);
    let live = spawn(kernel(), &profile, &program("ioi-init"), Vec::new(), Streams::default()).unwrap();
    // No process has this number (it is one above the greatest), so its supervisor is gone.
    let dead = format!("/sys/fs/cgroup/pids/ioi-4194305-{}-0", std::process::id());
    let dead = std::path::Path::new(&dead);
    std::fs::create_dir(dead).unwrap();
    clean_stale_groups(kernel());
    assert!(!dead.exists());
    let own = format!("ioi-{}-", std::process::id());
    let groups = std::fs::read_dir("/sys/fs/cgroup/pids").unwrap().flatten();
    assert!(groups.into_iter().any(|g| g.file_name().to_string_lossy().starts_with(&own)));
    drop(live);
}
