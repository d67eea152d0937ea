//! What a program under `ioi run` can reach: each refusal beside the same command outside, which succeeds.

use crate::place::{Place, is_root, skip};
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

const CANARY: &str = "CANARY-4711";

#[test]
fn no_listener_of_the_machine_hears_the_program() {
    let place = Place::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(place.path("work/socket")).unwrap();
    tcp.set_nonblocking(true).unwrap();
    unix.set_nonblocking(true).unwrap();
    let port = tcp.local_addr().unwrap().port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
    if !std::path::Path::new("/bin/bash").exists() {
        return skip("bash is not installed");
    }
    let outside = place.other("/bin/bash".as_ref()).arguments(["-c", &connect]).outcome();
    assert_eq!(outside.stdout, "connected\n", "{outside:?}");
    assert!(tcp.accept().is_ok(), "the listener works");
    let inside = place.run(["/bin/bash", "-c", &connect]).outcome();
    assert_ne!(inside.code, Some(0), "{inside:?}");
    assert_eq!(tcp.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "the listener heard something");
    // The socket lies in the granted folder all the same.
    let script = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('socket'); print('connected')";
    let outside = place.other("/usr/bin/env".as_ref()).arguments(["python3", "-c", script]).outcome();
    if outside.stdout != "connected\n" {
        return skip("python3 is not installed for this user");
    }
    assert!(unix.accept().is_ok(), "the listener works");
    let inside = place.run(["python3", "-c", script]).outcome();
    assert_eq!(inside.code, Some(1), "{inside:?}");
    assert_eq!(unix.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "the listener heard something");
}

#[test]
fn writing_works_where_it_was_granted_and_nowhere_else() {
    let place = Place::new();
    fs::create_dir(place.path("out")).unwrap();
    place.write("work/mine.txt", "mine");
    let script = "echo new >../out/new; cat mine.txt; echo x >created; echo x >mine.txt; rm mine.txt; \
                  echo x >../docs/created; echo x >\"$HOME/created\"; true";
    let outcome = place.ioi(["run", "--write", "../out", "--", "sh", "-c", script]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "mine");
    assert_eq!(fs::read_to_string(place.path("out/new")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(place.path("work/mine.txt")).unwrap(), "mine");
    for name in ["work/created", "docs/created", "user/created"] {
        assert!(!place.path(name).exists(), "{name}");
    }
    // Outside the sandbox the same script writes everywhere: nothing but the sandbox stopped it.
    place.other("/bin/sh".as_ref()).arguments(["-c", script]).outcome();
    assert!(place.path("docs/created").exists() && !place.path("work/mine.txt").exists());
}

#[test]
fn a_secret_outside_the_folder_is_not_read_and_tmp_is_private() {
    let place = Place::new();
    let key = place.write("user/.ssh/id_ed25519", CANARY).display().to_string();
    let shared = place.write("tmp/shared", CANARY).display().to_string();
    fs::write(place.path("work/inside"), "inside").unwrap();
    std::os::unix::fs::symlink(&key, place.path("work/link")).unwrap();
    for path in [&key, &shared, "link", "../user/.ssh/id_ed25519", "/proc/1/environ", "/etc/shadow"] {
        let outcome = place.run(["cat", "inside", path]).outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), "inside"), "{path}: {outcome:?}");
    }
    let outcome = place
        .run(["sh", "-c", "cd \"${TMPDIR:-/tmp}\" && echo mine >e2e-private && cat e2e-private"])
        .outcome();
    assert_eq!(outcome.stdout, "mine\n", "{outcome:?}");
    assert!(!std::path::Path::new("/tmp/e2e-private").exists());
    assert_eq!(fs::read_dir(place.path("tmp")).unwrap().count(), 1, "only what was there before");
}

#[test]
fn a_protected_place_is_granted_to_nobody() {
    let place = Place::new();
    place.write("user/.ssh/id_ed25519", CANARY);
    let home = place.path("home");
    fs::create_dir_all(home.join("guardian/keys")).unwrap();
    std::os::unix::fs::symlink(&home, place.path("work/alias")).unwrap();
    fs::create_dir(place.path("work/folder")).unwrap();
    let key_folder = home.join("guardian/keys");
    for folder in [
        "../user/.ssh",           // a key store
        "../user",                // what holds one
        "../home",                // our own keys and logs
        "..",                     // what holds them
        "alias",                  // by another name
        "folder/../../user/.ssh", // by a detour
        key_folder.to_str().unwrap(),
    ] {
        for flag in ["--write", "--read"] {
            let outcome = place.ioi(["run", flag, folder, "--", "touch", "started"]).outcome();
            outcome.assert_fails(125, &["no policy opens"]);
        }
    }
    let inside_home = place.run(["true"]);
    let mut call = inside_home;
    call.command.current_dir(&home);
    call.outcome().assert_fails(125, &["no policy opens"]);
    assert!(!place.path("work/started").exists());
    // Where the refusal was a decision of the session, its receipt says so.
    place.receipts().iter().for_each(|receipt| place.assert_verifies(receipt));
}

#[test]
fn a_limit_on_processes_holds() {
    if !is_root() {
        return skip("without control groups all processes of the user are counted together");
    }
    let place = Place::new();
    let script = "i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done 2>/dev/null; echo all";
    let bounded = place.ioi(["run", "--pids", "20", "--", "sh", "-c", script]).outcome();
    assert!(!bounded.stdout.contains("all"), "{bounded:?}");
    let unbounded = place.run(["sh", "-c", script]).outcome();
    assert_eq!(unbounded.stdout, "all\n", "{unbounded:?}");
}

#[test]
fn no_file_with_a_set_id_bit_is_left_behind() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    fs::create_dir(place.path("out")).unwrap();
    let script =
        "cp /bin/true ../out/a; chmod 4755 ../out/a; chmod 2755 ../out/a; chmod u+s ../out/a; ls ../out";
    let outcome = place.ioi(["run", "--write", "../out", "--", "sh", "-c", script]).outcome();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "a\n"), "{outcome:?}");
    let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o6000;
    assert_eq!(mode("out/a"), 0);
    // Outside the sandbox the same script sets the bit.
    place.other("/bin/sh".as_ref()).arguments(["-c", script]).outcome();
    assert_ne!(mode("out/a"), 0);
}

#[test]
fn a_receipt_goes_through_no_link_and_into_no_folder_of_the_program() {
    let place = Place::new();
    fs::create_dir(place.path("out")).unwrap();
    let victim = place.write("user/victim", "mine");
    let inside =
        place.ioi(["run", "--write", "../out", "--receipt", "../out/r.json", "--", "true"]).outcome();
    inside.assert_fails(125, &["the program may write there"]);
    std::os::unix::fs::symlink(&victim, place.path("work/r.json")).unwrap();
    let outcome = place.ioi(["run", "--receipt", "r.json", "--", "true"]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert!(fs::symlink_metadata(place.path("work/r.json")).unwrap().is_file());
    place.assert_verifies(&place.path("work/r.json"));
}

#[test]
fn a_folder_with_git_hooks_is_not_given_for_writing() {
    let place = Place::new();
    fs::create_dir_all(place.path("out/project/.git/hooks")).unwrap();
    let outcome = place.ioi(["run", "--write", "../out", "--", "true"]).outcome();
    outcome.assert_fails(125, &[".git/hooks", "protected"]);
}

#[test]
fn a_folder_beside_the_program_is_not_granted_with_it() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.write("other/secret", CANARY);
    let tool = place.write("work/tool", "#!/bin/sh\ncat ../other/secret\n");
    fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).unwrap();
    let outcome = place.run(["./tool"]).outcome();
    assert!(outcome.code != Some(0) && !outcome.stdout.contains(CANARY), "{outcome:?}");
    assert!(place.other(&tool).outcome().stdout.contains(CANARY), "outside it is read");
}
