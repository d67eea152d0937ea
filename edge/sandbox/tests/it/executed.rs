//! What runs is the file whose bytes were looked at, whoever replaces it in between.

use crate::support::*;
use ioi_sandbox::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

fn measured(path: &Path) -> Measured {
    Measured::read(path, |_| Ok(())).unwrap().1
}

/// A folder that every uid can look into, with two programs that say which they are.
struct Programs {
    folder: tempfile::TempDir,
}

impl Programs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let programs = Self { folder };
        copy_program(program("harmless"), programs.path("decided"));
        let mut bytes = fs::read(program("harmless")).unwrap();
        let mark = b"IOI-MARK-decided";
        let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap();
        bytes[at..at + mark.len()].copy_from_slice(b"IOI-MARK-another");
        programs.write("other", &bytes);
        programs
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let written = self.path("written");
        fs::write(&written, bytes).unwrap();
        fs::set_permissions(&written, fs::Permissions::from_mode(0o755)).unwrap();
        copy_program(&written, self.path(name));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn profile(&self, executable: &Path, measured: Measured) -> Profile {
        let mut profile = Profile::new("harmless", executable);
        profile.argv = vec!["harmless".into(), "which".into()];
        profile.grants = system_grants();
        profile.grants.push(Grant::new(self.folder.path(), Access::ReadExecute));
        profile.measured = Some(measured);
        profile
    }
}

/// The output, or the error of the start.
fn run(kernel: &Kernel, profile: &Profile) -> Result<(String, Enforced), SpawnError> {
    let (reader, writer) = pipe();
    let streams = Streams { stdout: Stream::Descriptor(writer), ..Streams::default() };
    let mut sandboxed = spawn(kernel, profile, &program("ioi-init"), Vec::new(), streams)?;
    wait(&mut sandboxed);
    let (said, _) = read_for(reader, std::time::Duration::from_secs(10));
    Ok((said, sandboxed.enforced().clone()))
}

fn assert_changed(outcome: Result<(String, Enforced), SpawnError>) {
    match outcome {
        Err(SpawnError::Setup { error, .. }) => assert!(error.contains("changed or replaced"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_measured_file_runs_and_is_seen_at_its_exec() {
    let programs = Programs::new();
    let path = programs.path("decided");
    for (_, kernel) in tiers() {
        let (said, enforced) = run(&kernel, &programs.profile(&path, measured(&path))).unwrap();
        assert_eq!(said, "IOI-MARK-decided\n");
        let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
        if ["", "0", "1"].contains(&scope.trim()) {
            assert!(enforced.exec_seen, "{:?}", enforced.tier);
        }
    }
}

#[test]
fn a_file_that_was_replaced_or_rewritten_does_not_run() {
    for (_, kernel) in tiers() {
        let programs = Programs::new();
        let path = programs.path("decided");
        let profile = programs.profile(&path, measured(&path));
        fs::rename(programs.path("other"), &path).unwrap();
        assert_changed(run(&kernel, &profile));

        let programs = Programs::new();
        let path = programs.path("decided");
        let profile = programs.profile(&path, measured(&path));
        let bytes = fs::read(&path).unwrap();
        programs.write("decided", &bytes);
        assert_changed(run(&kernel, &profile));
    }
}

#[test]
fn a_script_that_was_replaced_does_not_run() {
    for (_, kernel) in tiers() {
        let programs = Programs::new();
        let path = programs.path("script");
        let write = |text: &str| programs.write("script", format!("#!/bin/sh\necho {text}\n").as_bytes());
        write("one");
        let mut profile = programs.profile(&path, measured(&path));
        profile.grants = program_grants();
        profile.grants.push(Grant::new(programs.folder.path(), Access::ReadExecute));
        profile.syscalls = SyscallSet::Program;
        assert_eq!(run(&kernel, &profile).unwrap().0, "one\n");
        write("two");
        assert_changed(run(&kernel, &profile));
    }
}

/// A name that leads to the decided program and to another one in turn, as fast as it can be changed: it is
/// looked at where it is executed, so that no moment is left in between.
#[test]
fn no_swap_between_the_look_and_the_exec_lets_another_file_run() {
    let programs = Programs::new();
    let name = programs.path("name");
    symlink(programs.path("decided"), &name).unwrap();
    let (decided, other) = (programs.path("decided"), programs.path("other"));
    let measured = measured(&decided);
    let stop = AtomicBool::new(false);
    let (mut ran, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let next = programs.path("next");
            for target in [&other, &decided].into_iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                symlink(target, &next).unwrap();
                fs::rename(&next, &name).unwrap();
            }
        });
        for (_, kernel) in tiers() {
            for _ in 0..150 {
                match run(&kernel, &programs.profile(&name, measured)) {
                    Ok((said, _)) => {
                        assert_eq!(said, "IOI-MARK-decided\n");
                        ran += 1;
                    }
                    Err(SpawnError::Setup { .. }) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(ran > 0 && refused > 0, "{ran} ran, {refused} were refused: nothing was swapped");
}
