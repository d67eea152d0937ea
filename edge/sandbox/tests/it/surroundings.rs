//! All of these tests again: as an ordinary user, and where the machine refuses namespaces.

use crate::support::*;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Set in the runs below, so that they don't start themselves.
const VARIABLE: &str = "IOI_TEST_SURROUNDINGS";

fn copy_programs(to: &Path) {
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["ioi-init", "ioi-without-namespaces", "harmless", "hostile", "opens"] {
        copy_program(program(name), to.join(name));
    }
    copy_program(std::env::current_exe().unwrap(), to.join("tests"));
}

fn run_all(programs: &Path, user: bool, without_namespaces: bool) {
    let tests = programs.join("tests");
    let mut command = match without_namespaces {
        true => Command::new(programs.join("ioi-without-namespaces")),
        false => Command::new(&tests),
    };
    if without_namespaces {
        command.arg("--").arg(&tests);
    }
    if user {
        command.uid(65534).gid(65534);
    }
    command.env(VARIABLE, "inner").env(PROGRAMS_VARIABLE, programs).current_dir("/");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let surroundings = format!("user: {user}, without namespaces: {without_namespaces}");
    assert!(output.status.success(), "{surroundings}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn all_of_it_holds_for_every_user_with_and_without_namespaces() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let programs = tempfile::tempdir().unwrap();
    copy_programs(programs.path());
    run_all(programs.path(), false, true);
    if is_root() {
        run_all(programs.path(), true, false);
        run_all(programs.path(), true, true);
    }
}

#[test]
fn a_machine_that_refuses_namespaces_is_noticed() {
    if std::env::var_os(VARIABLE).is_none() {
        let output = Command::new(program("ioi-without-namespaces"))
            .arg("--")
            .arg(std::env::current_exe().unwrap())
            .args(["surroundings::namespaces_are_refused_here", "--exact", "--ignored"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}

#[test]
#[ignore = "holds only beneath ioi-without-namespaces"]
fn namespaces_are_refused_here() {
    assert!(!has_namespaces());
}
