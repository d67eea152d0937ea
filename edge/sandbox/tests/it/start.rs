//! What a program finds when it starts: what it was given, and nothing else.

use crate::support::*;
use ioi_sandbox::*;
use std::fs;

#[test]
fn it_finds_the_given_environment_and_descriptors_and_no_other() {
    let leaked = fs::File::open("/dev/zero").unwrap();
    // A descriptor that a careless library left open over exec.
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    for (_, kernel) in tiers() {
        let mut environment = profile("harmless", &["environment"]);
        environment.environment = vec![("A".into(), "1".into()), ("B".into(), "x y".into())];
        assert_eq!(run(&kernel, &environment).stdout, "A=1\nB=x y\n");

        let (_theirs, ours) = pipe();
        let (_theirs, more) = pipe();
        let given = vec![(ours, 9), (more, 3)];
        let outcome = run_with(&kernel, &profile("harmless", &["descriptors"]), given, Stream::Null);
        assert_eq!(outcome.stdout, "0\n1\n2\n3\n9\n");
    }
}

#[test]
fn standard_input_reaches_it() {
    use std::io::Write;
    for (_, kernel) in tiers() {
        let (reader, writer) = pipe();
        fs::File::from(writer).write_all(b"hello").unwrap();
        let outcome =
            run_with(&kernel, &profile("harmless", &["cat"]), Vec::new(), Stream::Descriptor(reader));
        assert_eq!(outcome.stdout, "hello");
    }
}

#[test]
fn its_exit_code_and_signal_are_passed_on() {
    for (_, kernel) in tiers() {
        let returned = run(&kernel, &profile("harmless", &["exit", "42"])).exit;
        assert_eq!((returned.code, returned.signal, returned.shell_code()), (Some(42), None, 42));
        let died = run(&kernel, &profile("harmless", &["die", "6"])).exit;
        assert_eq!((died.code, died.signal, died.shell_code()), (None, Some(6), 134));
    }
}

#[test]
fn a_signal_for_it_reaches_it() {
    for (_, kernel) in tiers() {
        let mut profile = profile("harmless", &["until-term"]);
        profile.syscalls = SyscallSet::Tokio;
        let (reader, writer) = pipe();
        let streams = Streams { stdout: Stream::Descriptor(writer), ..Streams::default() };
        let mut sandboxed = spawn(&kernel, &profile, &program("ioi-init"), Vec::new(), streams).unwrap();
        assert!(wait_readable(&reader, std::time::Instant::now() + std::time::Duration::from_secs(10)));
        assert_eq!(sandboxed.try_wait().unwrap(), None);
        sandboxed.terminate(libc::SIGTERM);
        assert_eq!(wait(&mut sandboxed).code, Some(7));
        assert_eq!(read_for(reader, std::time::Duration::from_secs(2)).0, "ready\nterm\n");
    }
}

#[test]
fn only_with_a_terminal_does_it_share_the_callers_process_group() {
    let group_of = |pid: u32| {
        let pid = rustix::process::Pid::from_raw(pid as i32);
        rustix::process::getpgid(pid).unwrap()
    };
    for (_, kernel) in tiers() {
        for terminal in [false, true] {
            let mut profile = profile("harmless", &["sleep"]);
            profile.terminal = terminal;
            let sandboxed =
                spawn(&kernel, &profile, &program("ioi-init"), Vec::new(), Streams::default()).unwrap();
            // Where Landlock can't keep signals inside, a shared group would be a way out.
            let shared = terminal && kernel.landlock_abi() >= 6;
            assert_eq!(sandboxed.enforced().terminal, shared);
            assert_eq!(group_of(sandboxed.pid()) == group_of(std::process::id()), shared);
        }
    }
}

#[test]
fn a_failed_exec_says_nothing_on_the_programs_descriptors() {
    for (_, kernel) in tiers() {
        let mut not_a_program = profile("harmless", &["print", "x"]);
        not_a_program.executable = "/etc/passwd".into();
        let (readers, writers): (Vec<_>, Vec<_>) = (3..20).map(|_| pipe()).unzip();
        let given = writers.into_iter().zip(3..).collect();
        let refused = spawn(&kernel, &not_a_program, &program("ioi-init"), given, Streams::default());
        assert!(matches!(refused, Err(SpawnError::NotExecuted { .. })), "{refused:?}");
        for reader in readers {
            assert_eq!(read_for(reader, std::time::Duration::from_secs(5)), (String::new(), true));
        }
    }
}

#[test]
fn a_writable_grant_can_be_written_and_a_readable_one_cannot() {
    for (_, kernel) in tiers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let text = path.to_str().unwrap();
        for (access, wanted) in [(Access::Read, false), (Access::ReadWrite, true)] {
            let mut profile = profile("hostile", &["write", text]);
            profile.syscalls = SyscallSet::Tokio;
            profile.grants.push(Grant::new(directory.path(), access));
            let outcome = run(&kernel, &profile);
            assert_eq!((path.exists(), outcome.stdout.is_empty()), (wanted, !wanted));
        }
    }
}

#[test]
fn what_it_wrote_it_cannot_run() {
    for (_, kernel) in tiers() {
        for (access, wanted) in [(Access::ReadWrite, ""), (Access::ReadWriteExecute, "GOT x\n")] {
            let directory = tempfile::tempdir().unwrap();
            let copy = directory.path().join("copy");
            copy_program(program("harmless"), &copy);
            let mut profile = profile("hostile", &["exec", copy.to_str().unwrap(), "print", "x"]);
            profile.syscalls = SyscallSet::Program;
            profile.grants.push(Grant::new(directory.path(), access));
            assert_eq!(run(&kernel, &profile).stdout, wanted);
        }
    }
}

#[test]
fn a_grant_within_a_grant_and_a_link_to_one_are_found() {
    for (_, kernel) in tiers() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("real/inner")).unwrap();
        std::os::unix::fs::symlink("real", directory.path().join("link")).unwrap();
        let inner = directory.path().join("link/inner");
        let file = inner.join("file");
        let mut profile = profile("hostile", &["write", file.to_str().unwrap()]);
        profile.syscalls = SyscallSet::Tokio;
        profile.grants.push(Grant::new(directory.path(), Access::Read));
        profile.grants.push(Grant::new(&inner, Access::ReadWrite));
        assert_eq!(run(&kernel, &profile).stdout, "GOT file\n");
        assert!(directory.path().join("real/inner/file").exists());
    }
}

#[test]
fn its_tmp_is_its_own_and_gone_with_it() {
    for (tier, kernel) in tiers() {
        let own = format!("/tmp/ioi-test-own-{}", std::process::id());
        let mut profile = profile("hostile", &["write", &own]);
        profile.syscalls = SyscallSet::Tokio;
        profile.private_tmp_bytes = Some(1 << 20);
        let outcome = run(&kernel, &profile);
        // Without a mount namespace the directory has another name.
        assert_eq!(outcome.stdout, if tier == Tier::Namespaces { "GOT file\n" } else { "" });
        assert!(!std::path::Path::new(&own).exists());

        profile.executable = program("harmless");
        profile.argv = vec!["harmless".into(), "environment".into()];
        let stdout = run(&kernel, &profile).stdout;
        let named = stdout.trim().strip_prefix("TMPDIR=").map(std::path::Path::new);
        assert_eq!(named.is_some(), tier == Tier::NoNamespaces);
        assert!(named.is_none_or(|path| !path.exists()));
    }
}

#[test]
fn root_gives_it_another_uid() {
    for (_, kernel) in tiers() {
        let mut profile = profile("harmless", &["identity"]);
        profile.syscalls = SyscallSet::Tokio;
        profile.identity = Identity::Uid(65534, 65533);
        match is_root() {
            true => {
                let outcome = run(&kernel, &profile);
                assert_eq!(outcome.stdout, "65534 65534 65533 65533\n");
                assert_eq!((outcome.enforced.uid, outcome.enforced.gid), (65534, 65533));
            }
            false => {
                let refused = spawn(&kernel, &profile, &program("ioi-init"), Vec::new(), Streams::default());
                assert!(refused.is_err());
            }
        }
    }
}

#[test]
fn it_has_no_privilege_and_can_get_none() {
    for (tier, kernel) in tiers() {
        let mut profile = profile("harmless", &["privileges"]);
        profile.syscalls = SyscallSet::Tokio;
        let stdout = run(&kernel, &profile).stdout;
        let values: Vec<&str> = stdout.split_whitespace().collect();
        assert_eq!((values[0], values[2], values[3]), ("0", "1", "2"), "{tier:?} {stdout}");
        // An ordinary user can't change the bounding set, and can gain nothing from it either.
        assert!(values[1] == "0" || (!is_root() && tier == Tier::NoNamespaces), "{tier:?} {stdout}");
    }
}

#[test]
fn what_cannot_be_started_is_named() {
    for (_, kernel) in tiers() {
        let mut absent = profile("harmless", &["print", "x"]);
        absent.grants.push(Grant::new("/no/such/place", Access::Read));
        let mut elsewhere = profile("harmless", &["print", "x"]);
        elsewhere.working_directory = "/no/such/directory".into();
        let cases = [(absent, "/no/such/place"), (elsewhere, "/no/such/directory")];
        for (profile, name) in cases {
            let refused = spawn(&kernel, &profile, &program("ioi-init"), Vec::new(), Streams::default());
            match refused {
                Err(SpawnError::Setup { step, .. }) => assert!(step.contains(name), "{step}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_profile_that_means_nothing_is_refused() {
    let good = profile("harmless", &["print", "x"]);
    let mut relative = good.clone();
    relative.executable = "harmless".into();
    let null = || fs::File::open("/dev/null").unwrap().into();
    let cases = [
        (relative, vec![]),
        (good.clone(), vec![(null(), 2)]),
        (good.clone(), vec![(null(), 300)]),
        (good, vec![(null(), 5), (null(), 5)]),
    ];
    for (profile, given) in cases {
        let refused = spawn(kernel(), &profile, &program("ioi-init"), given, Streams::default());
        assert!(matches!(refused, Err(SpawnError::Profile { .. })), "{refused:?}");
    }
}

#[test]
fn a_missing_init_is_an_error() {
    let profile = profile("harmless", &["print", "x"]);
    let refused = spawn(kernel(), &profile, "/no/such/init".as_ref(), Vec::new(), Streams::default());
    assert!(matches!(refused, Err(SpawnError::Prepare { .. })), "{refused:?}");
}

#[test]
fn the_network_of_the_way_out_is_the_internet_and_nothing_else() {
    for (_, kernel) in tiers() {
        let stage = crate::stage::Stage::set();
        let address = stage.tcp.local_addr().unwrap().to_string();
        let attempt = |words: &[&str]| {
            let mut profile = profile("hostile", words);
            profile.syscalls = SyscallSet::Tokio;
            profile.network = true;
            run(&kernel, &profile)
        };
        assert_eq!(attempt(&["tcp", &address]).stdout, "GOT through\n");
        assert!(stage.tcp.accept().is_ok());
        for words in
            [&["unix", &stage.text("socket")][..], &["abstract", &stage.name], &["netlink"], &["vsock"]]
        {
            assert_eq!(attempt(words).stdout, "", "{words:?}");
        }
    }
}
