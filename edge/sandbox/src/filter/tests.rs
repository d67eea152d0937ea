use super::*;

const SETS: [SyscallSet; 3] = [SyscallSet::Native, SyscallSet::Tokio, SyscallSet::Program];

/// What the kernel hands to a filter.
#[derive(Clone, Copy)]
struct Call {
    number: u32,
    architecture: u32,
    arguments: [u64; 6],
}

fn call(number: i64, arguments: [u64; 6]) -> Call {
    Call { number: number as u32, architecture: ARCHITECTURE, arguments }
}

/// Runs a filter as the kernel does (bpf(4), linux/seccomp.h): the oracle for what was assembled.
fn run(code: &[sock_filter], call: Call) -> u32 {
    let word = |offset: u32| match offset {
        0 => call.number,
        4 => call.architecture,
        _ => {
            let (index, high) = ((offset - 16) / 8, (offset - 16) % 8);
            (call.arguments[index as usize] >> (8 * high)) as u32
        }
    };
    let (mut at, mut accumulator) = (0, 0u32);
    loop {
        let sock_filter { code: operation, jt, jf, k } = code[at];
        at += 1;
        let chosen = |yes: bool| usize::from(if yes { jt } else { jf });
        match operation {
            0x20 => accumulator = word(k),
            0x54 => accumulator &= k,
            0x05 => at += k as usize,
            0x15 => at += chosen(accumulator == k),
            0x35 => at += chosen(accumulator >= k),
            0x45 => at += chosen(accumulator & k != 0),
            0x06 => return k,
            other => panic!("unknown instruction {other:#x}"),
        }
    }
}

fn every_surroundings() -> impl Iterator<Item = Surroundings> {
    let flags = (0..16).map(|bits| [1, 2, 4, 8].map(|bit| bits & bit != 0));
    flags.flat_map(|[network, namespaces, signals_scoped, mediated]| {
        SETS.map(|syscalls| Surroundings { syscalls, network, namespaces, signals_scoped, mediated })
    })
}

/// The rule for a call, read from the table directly.
fn expected(surroundings: Surroundings, call: Call) -> u32 {
    let holds = |test: &Test| match *test {
        Test::Equals { argument, mask, value } => call.arguments[argument as usize] as u32 & mask == value,
        Test::AnyBit { argument, mask } => call.arguments[argument as usize] as u32 & mask != 0,
        Test::Differs { argument, value } => call.arguments[argument as usize] as u32 != value,
        Test::Null { argument } => call.arguments[argument as usize] == 0,
    };
    let any = |cases: &[&[Test]]| cases.iter().any(|case| case.iter().all(holds));
    let entry = entries().find(|e| e.number == i64::from(call.number) && applies(e, surroundings));
    match entry.map_or(Rule::Refuse, |e| e.rule) {
        Rule::Allow => ALLOW,
        Rule::Refuse => REFUSE,
        Rule::Absent => errno(libc::ENOSYS),
        Rule::Kill => KILL,
        Rule::AllowIf(cases) => {
            if any(cases) {
                ALLOW
            } else {
                REFUSE
            }
        }
        Rule::RefuseIf(cases) => {
            if any(cases) {
                REFUSE
            } else {
                ALLOW
            }
        }
        Rule::Notify => NOTIFY,
        Rule::NotifyUnless(cases) => {
            if any(cases) {
                REFUSE
            } else {
                NOTIFY
            }
        }
    }
}

/// Argument lists that make each test in the table hold, and others that nearly do.
fn argument_lists() -> Vec<[u64; 6]> {
    let mut values = vec![0, 1, 2, 3, 5, 10, 16, u64::MAX, u64::from(u32::MAX), 1 << 32, 0x8_0000, 0x800];
    values.extend([
        0x1000,
        0x1000_0000,
        0x0002_0000,
        0x5412,
        0x541C,
        0x8902,
        0x5401,
        0x5413,
        0x5412 | 1 << 40,
        0x4004_9409,
        0x4020_940D,
        0x8008_6601,
        0x4008_6602,
        1024,
    ]);
    let mut lists = Vec::new();
    for first in &values {
        for second in &values {
            lists.push([*first, *second, *first, *second, *first, *second]);
            lists.push([*first, *second, 0, 0, 0, 0]);
        }
    }
    lists
}

#[test]
fn the_assembled_filter_decides_as_the_table_says() {
    let lists = argument_lists();
    for surroundings in every_surroundings() {
        let code = program(surroundings);
        assert!(code.len() < 4096, "{} instructions", code.len());
        let conditional = |number: i64| {
            let entry = entries().find(|e| e.number == number && applies(e, surroundings));
            entry.is_some_and(|e| matches!(e.rule, Rule::AllowIf(_) | Rule::RefuseIf(_)))
        };
        for number in 0..700 {
            let count = if conditional(number) { lists.len() } else { 2 };
            for arguments in &lists[..count] {
                let call = call(number, *arguments);
                let (got, wanted) = (run(&code, call), expected(surroundings, call));
                assert_eq!(got, wanted, "{surroundings:?} {number} {arguments:x?}");
            }
        }
    }
}

#[test]
fn calls_of_foreign_tables_end_the_process() {
    for surroundings in every_surroundings() {
        let code = program(surroundings);
        for number in 0..600 {
            let foreign = Call { architecture: 0x4000_0003, ..call(number, [0; 6]) };
            assert_eq!(run(&code, foreign), KILL);
            assert_eq!(run(&code, call(number | 0x4000_0000, [0; 6])), KILL);
        }
        assert_eq!(run(&code, call(-1, [0; 6])), KILL);
    }
}

#[test]
fn no_set_allows_what_would_reach_beyond_the_sandbox() {
    let never = [
        call(libc::SYS_unshare, [0; 6]),
        call(libc::SYS_setns, [0; 6]),
        call(libc::SYS_clone3, [0; 6]),
        call(libc::SYS_clone, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]),
        call(libc::SYS_clone, [libc::CLONE_NEWNS as u64 | 1 << 40, 0, 0, 0, 0, 0]),
        call(libc::SYS_pidfd_getfd, [0; 6]),
        call(libc::SYS_open_by_handle_at, [0; 6]),
        call(libc::SYS_process_vm_readv, [0; 6]),
        call(libc::SYS_process_vm_writev, [0; 6]),
        call(libc::SYS_memfd_create, [0; 6]),
        call(libc::SYS_memfd_secret, [0; 6]),
        call(libc::SYS_execveat, [3, 0, 0, 0, libc::AT_EMPTY_PATH as u64, 0]),
        call(libc::SYS_ioctl, [0, libc::TIOCSTI, 0, 0, 0, 0]),
        call(libc::SYS_ioctl, [0, libc::TIOCSTI | 1 << 32, 0, 0, 0, 0]),
        call(libc::SYS_ioctl, [0, libc::TIOCLINUX, 0, 0, 0, 0]),
        call(libc::SYS_socket, [libc::AF_UNIX as u64, libc::SOCK_STREAM as u64, 0, 0, 0, 0]),
        call(libc::SYS_socket, [libc::AF_INET as u64, libc::SOCK_RAW as u64, 0, 0, 0, 0]),
        call(libc::SYS_socket, [libc::AF_NETLINK as u64, libc::SOCK_DGRAM as u64, 0, 0, 0, 0]),
        call(libc::SYS_socketpair, [libc::AF_UNIX as u64, libc::SOCK_DGRAM as u64, 0, 0, 0, 0]),
        call(libc::SYS_listen, [0; 6]),
        call(libc::SYS_accept, [0; 6]),
        call(libc::SYS_accept4, [0; 6]),
        call(libc::SYS_prlimit64, [1, 0, 1, 0, 0, 0]),
        call(libc::SYS_chroot, [0; 6]),
        call(libc::SYS_shmget, [0; 6]),
        call(libc::SYS_mq_open, [0; 6]),
        call(libc::SYS_fanotify_init, [0; 6]),
    ];
    for surroundings in every_surroundings() {
        let code = program(surroundings);
        for call in never {
            assert_ne!(run(&code, call), ALLOW, "{surroundings:?} {} {:x?}", call.number, call.arguments);
        }
        if !surroundings.network {
            for number in [libc::SYS_socket, libc::SYS_connect, libc::SYS_bind] {
                assert_eq!(run(&code, call(number, [2, 1, 0, 0, 0, 0])), REFUSE);
            }
            assert_eq!(run(&code, call(libc::SYS_sendto, [3, 0, 0, 0, 1 << 32, 0])), REFUSE);
            assert_eq!(run(&code, call(libc::SYS_sendto, [3, 1, 1, 0, 0, 0])), ALLOW);
        }
    }
}

#[test]
fn plugins_and_landlocked_programs_cannot_change_what_landlock_does_not_cover() {
    let changes = [
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_fsetxattr,
        libc::SYS_fremovexattr,
        libc::SYS_utimensat,
        libc::SYS_inotify_add_watch,
    ];
    for surroundings in every_surroundings() {
        let program_of_its_own = surroundings.syscalls == SyscallSet::Program && surroundings.namespaces;
        let may = program_of_its_own && !surroundings.mediated;
        for number in changes {
            let action = run(&program(surroundings), call(number, [0; 6]));
            assert_eq!(action, if may { ALLOW } else { REFUSE }, "{surroundings:?} {number}");
        }
    }
}

#[test]
fn where_files_are_mediated_no_open_or_change_of_names_goes_past_the_listener() {
    let numbers = |names: &[&str]| -> Vec<i64> {
        entries().filter(|e| names.contains(&e.name)).map(|e| e.number).collect()
    };
    let opens = numbers(&["SYS_open", "SYS_openat", "SYS_creat"]);
    let changes = ["SYS_unlink", "SYS_unlinkat", "SYS_rmdir", "SYS_mkdir", "SYS_mkdirat", "SYS_rename"];
    let changes = numbers(&[&changes[..], &["SYS_renameat", "SYS_renameat2"]].concat());
    let others = [libc::SYS_openat2, libc::SYS_open_by_handle_at, libc::SYS_io_uring_setup];
    for surroundings in every_surroundings().filter(|s| s.mediated) {
        let code = program(surroundings);
        let is_program = surroundings.syscalls == SyscallSet::Program;
        for &number in &opens {
            let wanted = if is_program { NOTIFY } else { REFUSE };
            assert_eq!(run(&code, call(number, [0; 6])), wanted, "{surroundings:?} {number}");
            // Set-id bits are refused before anybody is asked.
            let set_id = call(number, [0, 0o4755, 0o4755 | 0o100, 0o4755, 0, 0]);
            assert_eq!(run(&code, set_id), REFUSE, "{surroundings:?} {number}");
        }
        for &number in &changes {
            let wanted = if is_program { NOTIFY } else { REFUSE };
            assert_eq!(run(&code, call(number, [0; 6])), wanted, "{surroundings:?} {number}");
        }
        for number in others {
            let action = run(&code, call(number, [0; 6]));
            assert!(![ALLOW, NOTIFY].contains(&action), "{surroundings:?} {number} {action:x}");
        }
    }
    for surroundings in every_surroundings().filter(|s| !s.mediated) {
        let code = program(surroundings);
        // Nobody listens: an open that was handed over would fail.
        assert!((0..700).all(|number| run(&code, call(number, [0; 6])) != NOTIFY));
    }
}

#[test]
fn a_call_costs_few_comparisons() {
    for surroundings in every_surroundings() {
        let ranges = ranges(surroundings).len();
        // The depth of the search tree is the logarithm of the ranges; each level costs two instructions.
        assert!(ranges <= 256, "{ranges} ranges");
    }
}

#[test]
fn the_machine_without_namespaces_refuses_them_and_nothing_else() {
    let code = without_namespaces();
    let namespace = [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0];
    assert_eq!(run(&code, call(libc::SYS_unshare, [0; 6])), REFUSE);
    assert_eq!(run(&code, call(libc::SYS_setns, [0; 6])), REFUSE);
    assert_eq!(run(&code, call(libc::SYS_clone, namespace)), REFUSE);
    assert_eq!(run(&code, call(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0])), ALLOW);
    assert_eq!(run(&code, call(libc::SYS_clone3, [0; 6])), errno(libc::ENOSYS));
    let others = (0..700)
        .filter(|n| ![libc::SYS_unshare, libc::SYS_setns, libc::SYS_clone, libc::SYS_clone3].contains(n));
    others.for_each(|number| assert_eq!(run(&code, call(number, namespace)), ALLOW));
}
