//! Unmodified programs run as usual, inside.

use crate::support::*;
use ioi_sandbox::*;
use std::path::{Path, PathBuf};

/// Where a program really is, if it is installed: where a version manager's shim leads, the installation.
fn installed(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&paths).map(|d| d.join(name)).filter(|p| p.is_file());
    found.filter_map(|p| p.canonicalize().ok()).find(|p| p.starts_with("/usr") || p.starts_with("/bin"))
}

fn run_program(kernel: &Kernel, path: &Path, arguments: &[&str], directory: Option<&Path>) -> Outcome {
    let mut profile = Profile::new("program", path);
    profile.argv = std::iter::once(path.into()).chain(arguments.iter().map(Into::into)).collect();
    profile.grants = program_grants();
    profile.environment = vec![
        ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
        ("HOME".into(), "/tmp".into()),
        // The machine's git settings may hold tokens and aren't granted; git takes that for an error.
        ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
    ];
    profile.syscalls = SyscallSet::Program;
    profile.private_tmp_bytes = Some(16 << 20);
    profile.limits.pids = Some(100);
    if let Some(directory) = directory {
        profile.grants.push(Grant::new(directory, Access::ReadWriteExecute));
        profile.working_directory = directory.into();
    }
    run(kernel, &profile)
}

fn check(name: &str, arguments: &[&str], wanted: &str) {
    check_in(tiers(), name, arguments, wanted);
}

fn check_in(tiers: Vec<(Tier, Kernel)>, name: &str, arguments: &[&str], wanted: &str) {
    let Some(path) = installed(name) else {
        eprintln!("skipped: no {name} beneath /usr");
        return;
    };
    for (tier, kernel) in tiers {
        let directory = tempfile::tempdir().unwrap();
        let outcome = run_program(&kernel, &path, arguments, Some(directory.path()));
        assert_eq!((outcome.stdout.as_str(), outcome.exit.code), (wanted, Some(0)), "{tier:?} {outcome:?}");
    }
}

#[test]
fn a_shell_with_pipes_jobs_and_substitution_works() {
    let script = "set -e; echo a b | tr a-z A-Z; x=$(echo sub); echo $x; (exit 3) || echo $?; \
                  sleep 0.01 & wait $!; trap 'echo trapped' USR1; kill -USR1 $$; \
                  echo text > file; cat < file; rm file; sleep 60 & kill $!";
    check("bash", &["-c", script], "A B\nsub\n3\ntrapped\ntext\n");
    check("dash", &["-c", "echo one | cat; echo $((2 + 3))"], "one\n5\n");
}

#[test]
fn python_with_threads_processes_and_files_works() {
    let script = "import threading, subprocess, tempfile, json, ssl, sqlite3, asyncio, hashlib, os\n\
                  t = threading.Thread(target=lambda: None); t.start(); t.join()\n\
                  print(subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout.strip())\n\
                  f = tempfile.NamedTemporaryFile(); f.write(b'x'); f.flush()\n\
                  c = sqlite3.connect('db'); c.execute('create table t(a)'); c.commit()\n\
                  asyncio.run(asyncio.sleep(0.001))\n\
                  print(sorted(os.listdir('.')))\n";
    check("python3", &["-c", script], "child\n['db']\n");
}

#[test]
fn python_gets_an_error_for_a_socket_and_goes_on() {
    let script = "import socket\ntry: socket.socket()\nexcept PermissionError: print('refused')\n";
    check("python3", &["-c", script], "refused\n");
}

#[test]
fn node_with_timers_workers_and_children_works() {
    let script = "const {execFileSync} = require('child_process'), fs = require('fs');\
                  const {Worker} = require('worker_threads');\
                  fs.writeFileSync('f', 'text');\
                  console.log(execFileSync('echo', ['child']).toString().trim(), fs.readFileSync('f', 'utf8'));\
                  new Worker('require(\"worker_threads\").parentPort.postMessage(7)', {eval: true})\
                  .on('message', m => setTimeout(() => console.log(m), 1));";
    check("node", &["-e", script], "child text\n7\n");
}

#[test]
fn git_commits_and_shows_where_it_may_change_modes() {
    let script = "set -e; git init -q .; git config user.email a@b; git config user.name a; echo x > f; \
                  git add f; git commit -qm one; git log --format=%s; git status --short";
    // Outside a mount namespace no mode can be changed, since Landlock doesn't say whose; git needs to.
    let with_mounts = tiers().into_iter().filter(|(tier, _)| *tier == Tier::Namespaces).collect();
    check_in(with_mounts, "bash", &["-c", script], "one\n");
}

#[test]
fn a_go_program_with_goroutines_and_children_works() {
    let Some(go) = ["/usr/local/go/bin/go", "/usr/bin/go"].into_iter().find(|p| Path::new(p).exists()) else {
        eprintln!("skipped: no go");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("main.go");
    std::fs::write(&source, GO).unwrap();
    let built = std::process::Command::new(go)
        .args(["build", "-o", "program", "main.go"])
        .current_dir(directory.path())
        .envs([("GOCACHE", directory.path().join("cache")), ("GOPATH", directory.path().join("path"))])
        .env("GO111MODULE", "off")
        .status();
    assert!(built.unwrap().success());
    for (_, kernel) in tiers() {
        let program = directory.path().join("program");
        let outcome = run_program(&kernel, &program, &[], Some(directory.path()));
        assert_eq!(outcome.stdout, "4950 child\n", "{outcome:?}");
    }
}

const GO: &str = r#"package main
import ("fmt"; "os/exec"; "strings"; "time"; "sync")
func main() {
	var group sync.WaitGroup; results := make(chan int, 100)
	for i := 0; i < 100; i++ { group.Add(1); go func(i int) { time.Sleep(time.Millisecond); results <- i; group.Done() }(i) }
	group.Wait(); sum := 0; for i := 0; i < 100; i++ { sum += <-results }
	out, err := exec.Command("echo", "child").Output(); if err != nil { panic(err) }
	fmt.Println(sum, strings.TrimSpace(string(out)))
}
"#;
