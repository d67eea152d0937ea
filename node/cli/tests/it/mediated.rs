//! Trees with rules inside: real programs have what was decided, and nothing else, whatever they try.

use crate::place::{Call, Place, skip};
use crate::processes::Census;
use crate::started::Outcome;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::time::Duration;

const SECRET: &str = "SECRET-0815";

const ALLOW: &str = "version = 1\n[[rule]]\nid = \"read-folder\"\neffect = \"allow\"\n\
    principal = [\"session:run\", \"program\"]\naction = [\"fs::list\", \"fs::read\"]\n\
    when = { path = [\"./**\"] }\n";
const NO_SECRETS: &str = "[[rule]]\nid = \"no-secrets\"\neffect = \"deny\"\naction = [\"fs::*\"]\n\
    when = { path = [\"./secret/**\", \"/**/*.key\"] }\n";

/// A folder of which one part is closed.
fn folder_with_a_secret(rules: &str) -> Place {
    let place = Place::new();
    place.write("home/policy.toml", rules);
    place.write("work/a.txt", "open\n");
    place.write("work/sub/b.txt", "beneath\n");
    place.write("work/secret/s.txt", SECRET);
    place.write("work/sub/x.key", SECRET);
    symlink("secret/s.txt", place.path("work/alias")).unwrap();
    symlink("a.txt", place.path("work/good")).unwrap();
    symlink("nowhere", place.path("work/dangling")).unwrap();
    place
}

fn closed() -> Place {
    folder_with_a_secret(&[ALLOW, NO_SECRETS].concat())
}

fn python() -> bool {
    let status = Command::new("python3").args(["-c", ""]).stderr(Stdio::null()).status();
    let runs = status.is_ok_and(|status| status.success());
    if !runs {
        skip("python3 is not installed for this user");
    }
    runs
}

fn writing(place: &Place, words: &[&str]) -> Call {
    place.ioi(["run", "--write", ".", "--"].iter().chain(words))
}

/// The intents of the only receipt, which must verify: action, path, verdict.
fn decided(place: &Place) -> Vec<(String, String, String)> {
    let receipts = place.receipts();
    assert_eq!(receipts.len(), 1, "{receipts:?}");
    place.assert_verifies(&receipts[0]);
    let receipt: Value = serde_json::from_slice(&fs::read(&receipts[0]).unwrap()).unwrap();
    let intents = receipt["leaves"].as_array().unwrap().iter().filter(|leaf| leaf["kind"] == "intent");
    let opened =
        |leaf: &Value, key: &str| receipt["openings"][leaf["args"].as_str().unwrap()]["value"][key].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    intents.map(|leaf| (text(&leaf["action"]), text(&opened(leaf, "path")), text(&leaf["verdict"]))).collect()
}

#[track_caller]
fn assert_is_decided(place: &Place, action: &str, name: &str, verdict: &str) {
    let path = place.path("work").join(name).display().to_string();
    let wanted = (action.to_owned(), path, verdict.to_owned());
    let decided = decided(place);
    assert!(decided.contains(&wanted), "{wanted:?} is not among {decided:?}");
}

#[track_caller]
fn assert_no_secret(outcome: &Outcome) {
    assert!(!outcome.stdout.contains(SECRET), "the denied file was read: {outcome:?}");
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
}

#[test]
fn a_shell_reads_what_is_allowed_and_each_refusal_names_rule_and_line() {
    let place = closed();
    let script = "cat a.txt good sub/b.txt; ls; for f in secret/s.txt alias sub/x.key ./sub/../secret/s.txt; \
                  do cat $f 2>/dev/null || echo no; done; ls secret 2>/dev/null || echo no";
    let outcome = place.run(["sh", "-c", script]).outcome();
    let listed = "a.txt\nalias\ndangling\ngood\nsecret\nsub\n";
    assert_eq!(outcome.stdout, format!("open\nopen\nbeneath\n{listed}{}", "no\n".repeat(5)), "{outcome:?}");
    let line = format!("policy.toml:{}", ALLOW.lines().count() + 1);
    assert!(outcome.stderr.contains("no-secrets") && outcome.stderr.contains(&line), "{outcome:?}");
    assert!(outcome.stderr.contains("Decided file by file"), "{outcome:?}");
    for (action, name, verdict) in [
        ("fs::read", "a.txt", "allow"),
        ("fs::read", "sub/b.txt", "allow"),
        ("fs::read", "secret/s.txt", "deny"),
        ("fs::read", "sub/x.key", "deny"),
        ("fs::list", "secret", "deny"),
    ] {
        assert_is_decided(&place, action, name, verdict);
    }
    // Decided is what the names lead to: no link is in the log.
    assert!(decided(&place).iter().all(|(_, path, _)| !path.ends_with("alias") && !path.ends_with("good")));
    // Outside the sandbox the same script reads it.
    let outside = place.other("/bin/sh".as_ref()).arguments(["-c", script]).outcome();
    assert_eq!(outside.stdout.matches(SECRET).count(), 4, "{outside:?}");
}

#[test]
fn files_are_written_in_the_ways_that_were_asked_for_and_only_where_it_is_allowed() {
    let place = closed();
    place.write("work/long.txt", "0123456789");
    let script = "umask 027; echo one >new; echo two >>new; echo x >long.txt; echo y 1<>a.txt; \
                  (set -C; echo z >new) 2>/dev/null || echo kept; cat new long.txt a.txt; \
                  for f in secret/n sub/n.key secret/s.txt alias dangling missing/n; do \
                  echo bad 2>/dev/null >$f && echo BAD $f; done; true";
    let outcome = writing(&place, &["sh", "-c", script]).outcome();
    assert_eq!(outcome.stdout, "kept\none\ntwo\nx\ny\nen\n", "{outcome:?}");
    let read = |name: &str| fs::read_to_string(place.path("work").join(name)).unwrap();
    assert_eq!((read("new"), read("secret/s.txt")), ("one\ntwo\n".into(), SECRET.into()));
    let mode = fs::metadata(place.path("work/new")).unwrap().mode() & 0o7777;
    assert_eq!(mode, 0o640, "the program's own umask");
    for name in ["secret/n", "sub/n.key", "nowhere", "missing"] {
        assert!(!place.path("work").join(name).exists(), "{name}");
    }
    for (action, name, verdict) in [
        ("fs::write", "new", "allow"),
        ("fs::write", "long.txt", "allow"),
        ("fs::read", "a.txt", "allow"),
        ("fs::write", "a.txt", "allow"),
        ("fs::write", "secret/n", "deny"),
        ("fs::write", "secret/s.txt", "deny"),
    ] {
        assert_is_decided(&place, action, name, verdict);
    }
}

#[test]
fn without_write_nothing_is_written_whatever_a_rule_allows() {
    let all = ALLOW.replace("\"fs::read\"]", "\"fs::read\", \"fs::write\"]");
    let place = folder_with_a_secret(&[&all, NO_SECRETS].concat());
    let outcome =
        place.run(["sh", "-c", "echo x 2>/dev/null >new; echo x 2>/dev/null >a.txt; cat a.txt"]).outcome();
    assert_eq!(outcome.stdout, "open\n", "{outcome:?}");
    assert!(!place.path("work/new").exists());
    assert_eq!(fs::read_to_string(place.path("work/a.txt")).unwrap(), "open\n");
    // Nobody was even asked.
    assert!(decided(&place).iter().all(|(action, ..)| action != "fs::write"));
}

#[test]
fn python_walks_reads_and_writes() {
    if !python() {
        return;
    }
    let place = closed();
    let script = "import os, tempfile\n\
        seen = sorted(os.path.join(d, f) for d, _, fs in os.walk('.') for f in fs)\n\
        print(seen)\n\
        def read(p):\n\
        \ttry: return open(p).read()\n\
        \texcept PermissionError: return 'no'\n\
        print([read(p) for p in ('a.txt', 'secret/s.txt', 'sub/x.key', 'alias')])\n\
        d = os.open('sub', os.O_RDONLY)\n\
        print(os.read(os.open('b.txt', os.O_RDONLY, dir_fd=d), 99), os.listdir(d).sort())\n\
        os.fchdir(d); print(read('../a.txt'), read('../secret/s.txt'))\n\
        with open('new', 'x') as f: f.write('mine')\n\
        print(read('new')); tempfile.TemporaryFile().close()\n";
    let outcome = writing(&place, &["python3", "-c", script]).outcome();
    let expected = "['./a.txt', './alias', './dangling', './good', './sub/b.txt', './sub/x.key']\n\
        ['open\\n', 'no', 'no', 'no']\nb'beneath\\n' None\nopen\n no\nmine\n";
    assert_eq!((outcome.stdout.as_str(), outcome.code), (expected, Some(0)), "{outcome:?}");
}

#[test]
fn sizes_and_rates_are_kept_and_what_asks_is_denied() {
    let sized = ALLOW.replace("when = {", "when = { size_max = \"8 B\",");
    let place = folder_with_a_secret(&sized);
    place.write("work/large", "123456789");
    let outcome = place.run(["sh", "-c", "cat a.txt sub/b.txt large"]).outcome();
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("open\nbeneath\n", Some(1)), "{outcome:?}");
    assert!(outcome.stderr.contains("size_max"), "{outcome:?}");
    assert_is_decided(&place, "fs::read", "large", "deny");

    let rated = ALLOW.replace("when = {", "when = { rate = \"3/day\",");
    let place = folder_with_a_secret(&rated);
    let outcome = place.run(["cat", "a.txt", "a.txt", "a.txt", "a.txt", "a.txt"]).outcome();
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("open\nopen\nopen\n", Some(1)), "{outcome:?}");
    assert!(outcome.stderr.contains("rate"), "{outcome:?}");

    let asked = NO_SECRETS.replace("\"deny\"", "\"ask\"");
    let place = folder_with_a_secret(&[ALLOW, &asked].concat());
    let outcome = place.run(["cat", "a.txt", "secret/s.txt"]).outcome();
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("open\n", Some(1)), "{outcome:?}");
    assert!(outcome.stderr.contains("No approver is enrolled"), "{outcome:?}");
    assert_is_decided(&place, "fs::read", "secret/s.txt", "ask");
}

#[test]
fn a_label_comes_with_the_file_that_is_opened_and_not_with_the_tree() {
    let rules = "[[label]]\nname = \"private\"\npaths = [\"./secret/**\"]\n[[rule]]\nid = \"quiet\"\n\
        effect = \"deny\"\naction = [\"fs::write\"]\nwhen = { labels_any = [\"private\"] }\n";
    let place = folder_with_a_secret(&[ALLOW, rules].concat());
    let script = "echo x >one; cat secret/s.txt >/dev/null; echo x >two; cat one";
    let outcome = writing(&place, &["sh", "-c", script]).outcome();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "x\n"), "{outcome:?}");
    assert!(outcome.stderr.contains("fs::read of") && outcome.stderr.contains("by program"), "{outcome:?}");
    assert_is_decided(&place, "fs::write", "one", "allow");
    assert_is_decided(&place, "fs::write", "two", "deny");
}

#[test]
fn only_a_part_may_be_allowed_and_nothing_at_all_is_refused_at_the_start() {
    let part = ALLOW.replace("./**", "./sub/**");
    let place = folder_with_a_secret(&part);
    let outcome = place.run(["sh", "-c", "cat sub/b.txt a.txt"]).outcome();
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("beneath\n", Some(1)), "{outcome:?}");
    let place = folder_with_a_secret(&ALLOW.replace("./**", "/nowhere/**"));
    place.run(["touch", "started"]).outcome().assert_fails(125, &["no rule of", "on the whole tree"]);
    assert!(!place.path("work/started").exists());
}

#[test]
fn only_trees_with_rules_inside_are_mediated_and_each_is_named() {
    let place = closed();
    place.write("out/c.txt", "direct\n");
    place.write("home/policy.toml", [ALLOW, NO_SECRETS].concat().replace(", \"/**/*.key\"", ""));
    let words =
        ["--json", "run", "--write", "../out", "--", "sh", "-c", "cat a.txt >/dev/null; echo x >../out/d"];
    let outcome = place.ioi(words).outcome();
    let trees = outcome.event("receipt")["trees"].clone();
    let tree = |name: &str, access: &str, files: &str| serde_json::json!({"path": place.path(name).display().to_string(), "access": access, "files": files});
    assert_eq!(trees, serde_json::json!([tree("work", "read", "mediated"), tree("out", "write", "direct")]));
    let out = place.path("out").display().to_string();
    assert!(decided(&place).iter().all(|(_, path, _)| !path.starts_with(&out)));
    let receipt: Value = serde_json::from_slice(&fs::read(&place.receipts()[0]).unwrap()).unwrap();
    let notes = receipt["leaves"].to_string();
    let work = place.path("work").display().to_string();
    assert!(notes.contains(&format!("mediated read: {work}")), "{notes}");
    assert!(notes.contains(&format!("direct write: {out}")), "{notes}");
    let verified = place.ioi(["verify".as_ref(), place.receipts()[0].as_os_str()]).outcome();
    assert!(verified.stdout.contains("mediated: 1 tree"), "{verified:?}");
}

#[test]
fn links_modes_times_and_running_are_refused_in_a_mediated_tree() {
    let place = closed();
    fs::create_dir(place.path("out")).unwrap();
    fs::copy("/bin/true", place.path("work/tool")).unwrap();
    fs::set_permissions(place.path("work/tool"), PermissionsExt::from_mode(0o755)).unwrap();
    let before = |name: &str| fs::read(place.path("work").join(name)).unwrap();
    let tool = before("tool");
    let script = "./tool && echo RUN; ln a.txt ../out/l && echo LINK; ln secret/s.txt ../out/s && echo LINK; \
                  ln -s x link && echo SYMLINK; ln ../out/mine here && echo IN; \
                  chmod 777 a.txt && echo CHMOD; mkfifo f && echo FIFO; \
                  touch -d 2001-01-01 a.txt && echo TOUCHED; mv secret ../out/m && echo MOVED; \
                  mv secret/s.txt ../out/ && echo MOVED; mv secret open && echo MOVED; \
                  cat /proc/self/root/$PWD/secret/s.txt /proc/self/cwd/secret/s.txt; \
                  exec 5<a.txt; cat ../out/*; cat ../out/* /dev/fd/5 && echo READ; true";
    let run = ["run", "--write", ".", "--write", "../out", "--", "sh", "-c", script];
    let outcome = place.ioi(run).outcome();
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", Some(0)), "{outcome:?}");
    assert_eq!(before("tool"), tool);
    // A folder that can't be moved is copied, and so an empty one may be there; no file is.
    let left = fs::read_dir(place.path("out")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name == "m"), "something was linked or moved");
    assert_eq!(fs::read_to_string(place.path("work/secret/s.txt")).unwrap(), SECRET);
    let mode = fs::metadata(place.path("work/a.txt")).unwrap().mode() & 0o777;
    assert_ne!(mode, 0o777);
}

#[test]
fn names_are_removed_made_and_changed_where_every_part_of_it_is_allowed() {
    let place = closed();
    let script = "rm good; mkdir d d/e; echo 1 >d/f; mv d/f d/g; cat d/g; mv a.txt d/g; cat d/g; rmdir d/e d/; \
                  rmdir d 2>/dev/null || echo full; cp -r d copy; rm -r d; mkdir -p p/q; mv p moved; ls; \
                  no() { \"$@\" 2>/dev/null && echo BAD \"$@\"; }; no rm secret/s.txt; no rm -f sub/x.key; \
                  no mv secret/s.txt open.txt; no mv secret/s.txt sub/b.txt; no mv sub/b.txt sub/y.key; \
                  no mv sub/b.txt secret/b; no mkdir secret/n; no rmdir secret; no rm a/b; no mkdir sub; true";
    let outcome = writing(&place, &["sh", "-c", script]).outcome();
    let listed = "alias\ncopy\ndangling\nmoved\nsecret\nsub\n";
    assert_eq!(outcome.stdout, format!("1\nopen\nfull\n{listed}"), "{outcome:?}");
    let read = |name: &str| fs::read_to_string(place.path("work").join(name)).unwrap();
    assert_eq!((read("secret/s.txt"), read("sub/x.key")), (SECRET.into(), SECRET.into()));
    assert_eq!((read("sub/b.txt"), read("copy/g")), ("beneath\n".into(), "open\n".into()));
    assert!(place.path("work/moved/q").is_dir() && !place.path("work/secret/n").exists());
    for (action, name, verdict) in [
        ("fs::delete", "good", "allow"),
        ("fs::write", "d", "allow"),
        ("fs::delete", "a.txt", "allow"),
        ("fs::write", "d/g", "allow"),
        ("fs::delete", "secret/s.txt", "deny"),
        // To be had under another name, it would have to be readable under its own.
        ("fs::read", "secret/s.txt", "deny"),
        ("fs::write", "sub/y.key", "deny"),
        ("fs::write", "secret/n", "deny"),
    ] {
        assert_is_decided(&place, action, name, verdict);
    }
    // Where nothing may be written, nothing is removed or made either.
    let script = "rm -f sub/b.txt; mkdir x; mv sub/b.txt y; rmdir moved/q; true";
    let outcome = place.run(["sh", "-c", script]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(read("sub/b.txt") == "beneath\n" && place.path("work/moved/q").is_dir());
    assert!(!place.path("work/x").exists() && !place.path("work/y").exists());
}

#[test]
fn what_no_policy_opens_stays_closed_in_a_tree_that_is_written_file_by_file() {
    let place = closed();
    place.write("work/.git/hooks/sample", "mine");
    place.write("work/.git/config", "mine");
    let script = "echo x >plain; echo bad 2>/dev/null >.git/hooks/pre-commit; echo bad 2>/dev/null >.git/config; \
                  mv plain .git/hooks/post-commit 2>/dev/null; mkdir -p new; mv .git/hooks new/h 2>/dev/null; \
                  rm -f .git/hooks/sample 2>/dev/null; cat plain";
    let outcome = writing(&place, &["sh", "-c", script]).outcome();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "x\n"), "{outcome:?}");
    let names: Vec<_> =
        fs::read_dir(place.path("work/.git/hooks")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["sample"]);
    assert_eq!(fs::read_to_string(place.path("work/.git/config")).unwrap(), "mine");
}

#[test]
fn a_file_that_may_be_moved_and_not_read_is_not_read_under_another_name() {
    let no_reading = NO_SECRETS.replace("fs::*", "fs::read");
    let place = folder_with_a_secret(&[ALLOW, &no_reading].concat());
    let script = "mv secret/s.txt open.txt; cat open.txt; mv secret other; cat other/s.txt; \
                  cp secret/s.txt copy; cat copy; true";
    let outcome = writing(&place, &["sh", "-c", script]).outcome();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{outcome:?}");
    assert_eq!(fs::read_to_string(place.path("work/secret/s.txt")).unwrap(), SECRET);
}

/// Opens in a loop while another thread changes the path, or where its link leads. What was read is counted.
const RACE: &str = r#"
import ctypes, os, sys, threading
kind, good, deny, rounds = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode(), int(sys.argv[4])
libc = ctypes.CDLL(None, use_errno=True)
over = False
if kind == 'text':
    path = ctypes.create_string_buffer(good)
    def change():
        while not over:
            ctypes.memmove(path, deny, len(deny))
            ctypes.memmove(path, good, len(good))
else:
    folder = sys.argv[5].encode()
    path = ctypes.create_string_buffer(folder + b'/link')
    os.symlink(good, path.value)
    def change():
        while not over:
            for target in (deny, good):
                os.symlink(target, folder + b'/next'); os.rename(folder + b'/next', path.value)
thread = threading.Thread(target=change); thread.start()
seen = {}
for _ in range(rounds):
    fd = libc.open(path, 0)
    what = 'errno %d' % ctypes.get_errno() if fd < 0 else os.read(fd, 99).decode()
    if fd >= 0: os.close(fd)
    seen[what] = seen.get(what, 0) + 1
over = True; thread.join()
print(seen)
"#;

#[test]
fn a_path_or_link_that_changes_while_it_is_decided_never_opens_what_is_denied() {
    if !python() {
        return;
    }
    // The folder for writing is granted directly, since no rule speaks about it.
    let place = folder_with_a_secret(&[ALLOW, NO_SECRETS].concat().replace(", \"/**/*.key\"", ""));
    fs::create_dir(place.path("out")).unwrap();
    let script = place.write("work/race.py", RACE).display().to_string();
    // Names of the same length.
    let good = place.write("work/public/s.txt", "allowed").display().to_string();
    let deny = place.path("work/secret/s.txt").display().to_string();
    let out = place.path("out").display().to_string();
    for (kind, rounds) in [("text", "400"), ("link", "400")] {
        let words = ["run", "--write", "../out", "--", "python3", &script, kind, &good, &deny, rounds, &out];
        let outcome = place.ioi(words).outcome();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_no_secret(&outcome);
        assert!(
            outcome.stdout.contains("allowed") && outcome.stdout.contains("errno 13"),
            "{kind} {outcome:?}"
        );
    }
}

#[test]
fn bad_pointers_long_paths_and_descriptors_give_the_kernels_own_answers() {
    if !python() {
        return;
    }
    let place = closed();
    let script = "import ctypes, os, sys\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        def op(p, flags=0, at=-100):\n\
        \tfd = libc.openat(at, p, flags, 0o644)\n\
        \treturn ctypes.get_errno() if fd < 0 else (os.close(fd), 0)[1]\n\
        print([op(ctypes.c_void_p(a)) for a in (0, 1, 2**63, 2**64 - 1)])\n\
        here = os.getcwd().encode()\n\
        def long(n): return here + b'/.' * ((n - len(here) - 6) // 2) + b'/' * (1 + (n - len(here) - 6) % 2) + b'a.txt'\n\
        print([(len(long(n)), op(long(n))) for n in (4094, 4095, 4096, 4097)])\n\
        print([op(b'a.txt', 0, fd) for fd in (0, 77, -5)], op(b''), op(b'a.txt/'), op(b'a.txt', 0o200000))\n\
        print(op(b'sub', 1), op(b'good', 0o400000), op(b'a.txt', 0o300), op(b'sub', 0o100))\n";
    let inside = writing(&place, &["python3", "-c", script]).outcome();
    let outside = place.other("/usr/bin/env".as_ref()).arguments(["python3", "-c", script]).outcome();
    assert_eq!((inside.code, inside.stdout), (Some(0), outside.stdout), "{}", inside.stderr);
    let script = "import ctypes; libc = ctypes.CDLL(None)\n\
        print([fd for fd in range(3, 4096) if libc.fcntl(fd, 1) >= 0])\n";
    // One that can't be looked into any more has what it was granted, and of the tree no more than before.
    let hidden = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.prctl(4, 0, 0, 0, 0)\n\
        print([libc.open(p, 0) >= 0 for p in (b'/dev/null', b'secret/s.txt', b'sub/x.key')])\n";
    let outcome = place.run(["python3", "-c", hidden]).outcome();
    assert_eq!(outcome.stdout, "[True, False, False]\n", "{outcome:?}");
    // Of the listener nothing was inherited.
    assert_eq!(place.run(["python3", "-c", script]).outcome().stdout, "[]\n");
}

#[test]
fn a_flood_that_is_killed_in_the_middle_leaves_nothing() {
    let place = closed();
    let script = "i=0; while [ $i -lt 8 ]; do (while :; do cat a.txt secret/s.txt; done) >/dev/null 2>&1 & \
                  i=$((i+1)); done; sleep 1; cat a.txt; kill -KILL $$";
    let started = place.run(["sh", "-c", script]).start();
    let census = Census::of(started.pid());
    let outcome = started.outcome();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(137), "open\n"), "{outcome:?}");
    census.assert_nothing_is_left(&place, Duration::from_secs(10));
    let denied = decided(&place).iter().filter(|(_, _, verdict)| verdict == "deny").count();
    assert!(denied > 8, "{denied}");
}

#[test]
fn a_program_that_opens_without_end_ends_the_session_and_not_the_disk() {
    let place = closed();
    let call = place.run(["sh", "-c", "while :; do cat a.txt; done"]).env("IOI_TEST_BOUNDS", "records=60");
    let outcome = call.outcome();
    outcome.assert_fails(125, &["60 records"]);
    // What was had was had before that.
    assert!(outcome.stdout.lines().count() < 60 && outcome.stdout.starts_with("open\n"), "{outcome:?}");
}

#[test]
fn a_tree_that_lies_in_what_every_program_has_is_not_started() {
    let place = closed();
    let rules = [ALLOW, NO_SECRETS].concat().replace("./", "/usr/");
    place.write("home/policy.toml", rules.replacen("/usr/**", "/usr/**\", \"./**", 1));
    let outcome = place.ioi(["run", "--read", "/usr/share", "--", "true"]).outcome();
    outcome.assert_fails(125, &["which the program gets as a whole"]);
}

#[test]
fn a_descriptor_that_neither_reads_nor_writes_is_not_had_and_a_file_system_takes_no_other_requests() {
    if !python() {
        return;
    }
    // The access mode 3; flags of a file, a snapshot, verity, and comparing blocks; a lease on what may be read.
    let script = "import os, fcntl\n\
        def tried(what):\n\
        \ttry: return what() is None or 'done'\n\
        \texcept OSError as e: return e.errno\n\
        print([tried(lambda: os.open(p, 3)) for p in ('secret/s.txt', 'a.txt', '/etc/passwd')])\n\
        a = os.open('a.txt', os.O_RDONLY)\n\
        requests = (0x40086602, 0x50009417, 0x40806685, 0xC0189436, 0x401C5820)\n\
        print([tried(lambda: fcntl.ioctl(a, r, bytes(64))) for r in requests])\n\
        print(tried(lambda: fcntl.fcntl(a, 1024, 0)))\n";
    for place in [closed(), folder_with_a_secret(ALLOW)] {
        let outcome = place.run(["python3", "-c", script]).outcome();
        // EPERM is 1.
        assert_eq!(
            (outcome.stdout.as_str(), outcome.code),
            ("[1, 1, 1]\n[1, 1, 1, 1, 1]\n1\n", Some(0)),
            "{outcome:?}"
        );
    }
}
