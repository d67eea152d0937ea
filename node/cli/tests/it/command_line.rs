//! Command lines that mean nothing.

use crate::place::{Call, Place, program};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn a_command_line_that_means_nothing_is_2_and_starts_nothing() {
    let place = Place::new();
    let rows: &[&[&str]] = &[
        &[],
        &["aks"],
        &["ask"],
        &["ask", "docs", "q", "more"],
        &["ask", "--policy"],
        &["ask", "--policy", "a", "--policy", "b", "docs", "q"],
        &["ask", "--port", "0", "docs", "q"],
        &["run", "true"],
        &["run", "--"],
        &["run", "--memory", "0", "--", "true"],
        &["run", "--memory", "10GiBB", "--", "true"],
        &["run", "--memory", "99999999999GiB", "--", "true"],
        &["run", "--pids", "0", "--", "true"],
        &["run", "--pids", "-1", "--", "true"],
        &["run", "--pids", "65536", "--", "true"],
        &["verify"],
        &["policy"],
        &["policy", "show", "nothing"],
        &["help", "nothing"],
    ];
    for words in rows {
        let outcome = place.ioi(*words).outcome();
        // A program under `run` may end with 2 itself, so our own failures there are 125.
        let expected = if words.first() == Some(&"run") { 125 } else { 2 };
        assert_eq!(outcome.code, Some(expected), "{words:?}: {outcome:?}");
        assert!(!outcome.stderr.is_empty() || words.is_empty(), "{words:?} says nothing");
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    }
    assert_eq!(fs::read_dir(place.path("home")).unwrap().count(), 0);
}

#[test]
fn output_that_can_not_be_written_fails_the_command_and_a_reader_that_left_does_not() {
    let place = Place::new();
    let rows: &[(&[&str], u8)] = &[
        (&["policy", "show", "ask"], 5),
        (&["doctor"], 5),
        (&["help", "all"], 5),
        (&["--json", "doctor"], 5),
        // What failed already keeps its code.
        (&["--json", "policy", "check", "nowhere.toml"], 2),
    ];
    for (words, code) in rows {
        let mut command = std::process::Command::new(program("ioi"));
        command.args(*words).env("IOI_HOME", place.path("home")).current_dir(place.path("."));
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let lost = command.stdout(full).output().unwrap();
        let said = String::from_utf8(lost.stderr).unwrap();
        assert_eq!(lost.status.code(), Some((*code).into()), "{words:?}: {said}");
        assert!(said.contains("No space left on device"), "{words:?}: {said}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let unread = command.stdout(writer).output().unwrap();
        let expected = if *code == 5 { 0 } else { *code };
        assert_eq!(unread.status.code(), Some(expected.into()), "{words:?}");
    }
}

#[test]
fn an_argument_that_is_not_utf8_is_taken_as_a_path_and_refused_as_a_question() {
    let place = Place::new();
    let name = OsStr::from_bytes(b"d\xffcs");
    let folder = place.path(name);
    if fs::create_dir(&folder).is_err() {
        return crate::place::skip("this file system takes no such names");
    }
    fs::write(folder.join("a.md"), "The heron nests in the reeds.").unwrap();
    let ask = |question: &OsStr| {
        place.ioi([OsStr::new("--json"), "ask".as_ref(), folder.as_os_str(), question]).outcome()
    };
    let outcome = ask("Where does the heron nest?".as_ref());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    ask(name).assert_fails(2, &["not UTF-8"]);
}

#[test]
fn a_home_that_cannot_be_used_is_named() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    place.write("tmp/file", "");
    symlink("loop", place.path("tmp/loop")).unwrap();
    fs::create_dir(place.path("tmp/open")).unwrap();
    fs::create_dir(place.path("tmp/open/guardian")).unwrap();
    fs::set_permissions(place.path("tmp/open/guardian"), PermissionsExt::from_mode(0o777)).unwrap();
    let ask = || place.ask("heron?");
    ask().without_env("IOI_HOME").without_env("HOME").outcome().assert_fails(2, &["IOI_HOME"]);
    ask().env("IOI_HOME", "relative").outcome().assert_fails(2, &["relative"]);
    for (name, word) in [("tmp/file", "file"), ("tmp/file/x", "x"), ("tmp/loop", "loop"), ("tmp/open", "777")]
    {
        ask().env("IOI_HOME", place.path(name)).outcome().assert_fails(2, &[word, "IOI_HOME"]);
    }
    let words = ["/proc/x", "No such file or directory", "set IOI_HOME to a folder that you may write to"];
    ask().env("IOI_HOME", "/proc/x").outcome().assert_fails(2, &words);
    if crate::place::is_root() {
        return crate::place::skip("root may write anywhere");
    }
    fs::create_dir(place.path("tmp/closed")).unwrap();
    fs::set_permissions(place.path("tmp/closed"), PermissionsExt::from_mode(0o500)).unwrap();
    ask()
        .env("IOI_HOME", place.path("tmp/closed"))
        .outcome()
        .assert_fails(2, &["closed", "Permission denied", "IOI_HOME"]);
    ask()
        .env("IOI_HOME", place.path("tmp/closed/below"))
        .outcome()
        .assert_fails(2, &["closed", "Permission denied", "IOI_HOME"]);
}

#[test]
fn a_home_that_others_may_write_to_is_refused_by_name_and_nothing_in_it_is_trusted() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    // A run of its own before, so that there is a receipt and a key to trust.
    assert_eq!(place.ask("heron?").outcome().code, Some(0));
    let receipt = place.receipts().remove(0).display().to_string();
    let docs = place.path("docs").display().to_string();
    let rows: [(&[&str], i32); 7] = [
        (&["--json", "ask", &docs, "heron?"], 2),
        (&["--json", "run", "--", "touch", "touched"], 125),
        (&["--json", "demo"], 2),
        (&["--json", "verify", &receipt], 2),
        (&["--json", "policy", "check"], 2),
        (&["--json", "policy", "show", "ask"], 2),
        (&["--json", "policy", "explain", "fs::read", "path=./a.md"], 2),
    ];
    for mode in [0o777, 0o722, 0o720] {
        fs::set_permissions(place.path("home"), PermissionsExt::from_mode(mode)).unwrap();
        for (words, code) in rows {
            let outcome = place.ioi(words).outcome();
            let error = outcome.event("error");
            assert_eq!((outcome.code, &error["error"]), (Some(code), &"home".into()), "{mode:o} {outcome:?}");
            let message = error["message"].as_str().unwrap();
            let home = place.path("home").display().to_string();
            assert!(message.contains(&format!("{mode:o}")) && message.contains(&home), "{message}");
        }
    }
    assert_eq!(place.receipts().len(), 1, "something was started");
    fs::set_permissions(place.path("home"), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(place.ask("heron?").outcome().code, Some(0), "others may read");
}

#[test]
fn with_json_a_mistake_in_the_command_line_is_an_error_event_and_nothing_else() {
    let place = Place::new();
    let rows: &[(&[&str], i32, &str)] = &[
        (&["--json"], 2, "subcommand"),
        (&["--json", "aks"], 2, "'aks'"),
        (&["--json", "ask"], 2, "<FOLDER>"),
        (&["ask", "--json", "docs", "q", "more"], 2, "'more'"),
        (&["--json", "policy"], 2, "no command"),
        (&["policy", "check", "--json", "--rot"], 2, "--root"),
        (&["--json", "help", "nothing"], 2, "`nothing`"),
        (&["--json", "run", "--memory", "0", "--", "true"], 125, "16MiB"),
        (&["run", "--json", "--pids", "x", "--", "true"], 125, "'x'"),
    ];
    for (words, code, word) in rows {
        let outcome = place.ioi(*words).outcome();
        let [event] = &outcome.events()[..] else { panic!("{words:?}: {outcome:?}") };
        assert_eq!(outcome.code, Some(*code), "{words:?}: {outcome:?}");
        assert_eq!((&event["event"], &event["error"]), (&"error".into(), &"usage".into()), "{event}");
        assert_eq!(event["exit"], *code);
        let message = event["message"].as_str().unwrap();
        assert!(message.contains(word) && !message.contains("Usage"), "{words:?}: {message}");
    }
    // The program's own arguments are not ours.
    let outcome = place.ioi(["run", "--pids", "x", "--", "true", "--json"]).outcome();
    assert!(outcome.stdout.is_empty() && outcome.stderr.starts_with("error: "), "{outcome:?}");
}

#[test]
fn every_command_has_help_and_the_version_is_shown() {
    let place = Place::new();
    for command in ["ask", "run", "demo", "verify", "doctor", "policy"] {
        let outcome = place.ioi([command, "--help"]).outcome();
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.contains(&format!("Usage: ioi {command}")), "{outcome:?}");
    }
    assert_eq!(place.ioi(["--version"]).outcome().stdout, format!("ioi {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn doctor_shows_every_property_and_starts_nothing() {
    let place = Place::new();
    let outcome = place.ioi(["doctor"]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for property in ["no-network", "no-foreign-sockets", "files-confined", "no-peeking", "dies-as-a-whole"] {
        assert!(outcome.stdout.contains(property), "{outcome:?}");
    }
    assert_eq!(fs::read_dir(place.path("home")).unwrap().count(), 0);
}

#[test]
fn doctor_reports_on_the_kernel_without_our_programs_and_then_ends_with_5() {
    let place = Place::new();
    let outcome = place.ioi(["doctor"]).env("IOI_BIN_DIR", place.path("docs")).outcome();
    outcome.assert_fails(5, &["files-confined", "ioi-init is missing", "install IOI again"]);
}

#[test]
fn doctor_in_json_says_of_each_property_either_what_holds_it_or_what_is_missing() {
    let place = Place::new();
    let here = place.ioi(["--json", "doctor"]);
    let bare = place.ioi(["--json", "doctor"]).without_env("IOI_HOME").without_env("HOME");
    let mut without = place.other(&program("ioi-without-namespaces"));
    without =
        without.arguments(["--".as_ref(), program("ioi").as_os_str(), "--json".as_ref(), "doctor".as_ref()]);
    for call in [here, bare, without] {
        let doctor = call.outcome().event("doctor");
        let properties = doctor["properties"].as_array().unwrap();
        assert_eq!(properties.len(), 7, "{doctor}");
        for property in properties {
            let keys: Vec<_> = property.as_object().unwrap().keys().map(String::as_str).collect();
            match property["holds"].as_bool().unwrap() {
                true => assert_eq!(keys, ["holds", "layers", "name"]),
                false => assert_eq!(keys, ["holds", "missing", "name", "remedy"]),
            }
        }
        assert_eq!(doctor["programs"]["holds"], true);
        assert!(doctor["home"]["path"].is_string() != doctor["home"]["missing"].is_string(), "{doctor}");
        assert!(doctor["usable"].is_boolean() && doctor["landlock_abi"].is_u64(), "{doctor}");
    }
}

#[test]
fn doctor_reports_on_the_kernel_without_a_home_and_then_ends_with_2() {
    let place = Place::new();
    let without = |call: Call| call.without_env("IOI_HOME").without_env("HOME").outcome();
    let outcome = without(place.ioi(["doctor"]));
    outcome.assert_fails(2, &["neither IOI_HOME nor HOME is set; set IOI_HOME"]);
    assert!(outcome.stdout.contains("no-network") && outcome.stdout.contains("no place"), "{outcome:?}");
    let outcome = without(place.ioi(["--json", "doctor"]));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(outcome.event("doctor")["home"]["missing"], outcome.event("error")["message"]);
    // As for other commands, what lies in a folder that others may write to is not trusted.
    fs::set_permissions(place.path("home"), PermissionsExt::from_mode(0o777)).unwrap();
    place.ioi(["doctor"]).outcome().assert_fails(2, &["777"]);
}

#[test]
fn the_command_to_type_next_is_shown_as_the_user_started_this_one() {
    let place = Place::new();
    for (called_as, shown) in [("cargo ioi", "cargo ioi"), ("sudo ioi", "ioi"), ("", "ioi")] {
        let mut call = place.run(["sh", "-c", "echo \"got $IOI_CALLED_AS.\""]);
        call = call.env("IOI_CALLED_AS", called_as);
        let outcome = call.outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "got .\n"), "{outcome:?}");
        let next = outcome.stderr.lines().last().unwrap();
        assert!(next.starts_with(&format!("{shown} verify /")), "{outcome:?}");
        let wrong = place.ioi(["help", "nothing"]).env("IOI_CALLED_AS", called_as).outcome();
        assert!(wrong.stderr.contains(&format!("`{shown} help all` lists them")), "{wrong:?}");
    }
}
