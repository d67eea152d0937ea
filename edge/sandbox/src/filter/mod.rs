//! The seccomp filter: from the table of system calls to instructions for the kernel.
//!
//! The program first refuses foreign system call tables, then finds the call's number by binary search over
//! ranges of numbers with the same rule, so that no call costs more than about ten comparisons. (A call that
//! is allowed whatever its arguments costs even less: the kernel finds that out once and keeps a bitmap.)

mod table;

use crate::SyscallSet;
use libc::sock_filter;
use table::{Entry, Rule, Test, When, entries};

/// What the filter depends on, besides the set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    pub(crate) syscalls: SyscallSet,
    /// The process is the way out.
    pub(crate) network: bool,
    /// Mounts are read-only where they should be, and the process numbers are its own.
    pub(crate) namespaces: bool,
    /// Something else keeps signals inside.
    pub(crate) signals_scoped: bool,
    /// Opens go to a listener.
    pub(crate) mediated: bool,
}

/// The audit number of this architecture (linux/audit.h).
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;
/// From here on x86-64 takes numbers for the x32 table. No table is this long.
const FOREIGN_TABLE: u32 = 0x4000_0000;

/// Offsets into `struct seccomp_data`.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
const fn offset_low(argument: u8) -> u32 {
    16 + 8 * argument as u32
}

const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_ANY_BIT: u16 = 0x45;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;

const fn errno(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | number as u32
}
const REFUSE: u32 = errno(libc::EPERM);
const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;

/// The instructions for these surroundings.
pub(crate) fn program(surroundings: Surroundings) -> Vec<sock_filter> {
    let mut code = vec![
        load(OFFSET_ARCHITECTURE),
        branch(JUMP_IF_EQUAL, ARCHITECTURE, 1, 0),
        give(KILL),
        load(OFFSET_NUMBER),
        branch(JUMP_IF_AT_LEAST, FOREIGN_TABLE, 0, 1),
        give(KILL),
    ];
    code.extend(search(&ranges(surroundings)));
    code
}

/// A filter that allows everything but new namespaces, as a container might.
pub(crate) fn without_namespaces() -> Vec<sock_filter> {
    let (refused, absent) = ([libc::SYS_unshare, libc::SYS_setns], [libc::SYS_clone3]);
    let rule_of = |number: i64| match number {
        libc::SYS_clone => Rule::RefuseIf(table::CLONE_NAMESPACES),
        n if refused.contains(&n) => Rule::Refuse,
        n if absent.contains(&n) => Rule::Absent,
        _ => Rule::Allow,
    };
    let ranges: Vec<Range> = (0..512).map(|n| Range { first: n, rule: rule_of(n.into()) }).collect();
    let mut code = vec![load(OFFSET_NUMBER)];
    code.extend(search(&joined(ranges)));
    code
}

/// The same ranges without borders between equal rules.
fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.dedup_by(|later, earlier| later.rule == earlier.rule);
    ranges
}

/// The rule from `first` on, until the next range.
#[derive(Clone, Copy)]
struct Range {
    first: u32,
    rule: Rule,
}

fn applies(entry: &Entry, s: Surroundings) -> bool {
    let listed = match s.syscalls {
        SyscallSet::Native => entry.sets.native,
        SyscallSet::Tokio => entry.sets.tokio,
        SyscallSet::Program => entry.sets.program,
    };
    listed
        && match entry.when {
            When::Always => true,
            When::Network => s.network,
            When::NoNetwork => !s.network,
            When::Namespaces => s.namespaces,
            When::OwnMounts => s.namespaces && !s.mediated,
            When::Mediated => s.mediated,
            When::Direct => !s.mediated,
            When::SignalsScoped => s.signals_scoped,
        }
}

/// The listed calls in order of their numbers, with refusal in between, equal neighbours joined.
fn ranges(surroundings: Surroundings) -> Vec<Range> {
    let mut listed: Vec<&Entry> = entries().filter(|e| applies(e, surroundings)).collect();
    listed.sort_by_key(|entry| entry.number);
    let mut ranges = vec![Range { first: 0, rule: Rule::Refuse }];
    for entry in listed {
        let first = entry.number as u32;
        let after = ranges.pop_if(|last| last.first == first).is_some();
        assert!(after || ranges.last().is_none_or(|r| r.first < first), "{} is listed twice", entry.name);
        ranges.push(Range { first, rule: entry.rule });
        ranges.push(Range { first: first + 1, rule: Rule::Refuse });
    }
    joined(ranges)
}

/// A binary search. Every leaf returns, so a part never runs into the next.
fn search(ranges: &[Range]) -> Vec<sock_filter> {
    if let [only] = ranges {
        return decide(only.rule);
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let (below, above) = (search(low), search(high));
    // A conditional jump reaches 255 instructions, a plain one any number.
    let mut code = vec![branch(JUMP_IF_AT_LEAST, high[0].first, 0, 1), jump(below.len())];
    code.extend(below);
    code.extend(above);
    code
}

fn decide(rule: Rule) -> Vec<sock_filter> {
    match rule {
        Rule::Allow => vec![give(ALLOW)],
        Rule::Refuse => vec![give(REFUSE)],
        Rule::Absent => vec![give(errno(libc::ENOSYS))],
        Rule::Kill => vec![give(KILL)],
        Rule::AllowIf(cases) => any_of(cases, ALLOW, REFUSE),
        Rule::RefuseIf(cases) => any_of(cases, REFUSE, ALLOW),
        Rule::Notify => vec![give(NOTIFY)],
        Rule::NotifyUnless(cases) => any_of(cases, REFUSE, NOTIFY),
    }
}

/// `then` if every test of one of the cases holds, else `otherwise`.
fn any_of(cases: &[&[Test]], then: u32, otherwise: u32) -> Vec<sock_filter> {
    let mut code = Vec::new();
    for case in cases {
        let mut block = vec![give(then)];
        for test in case.iter().rev() {
            block = [test_or_skip(*test, block.len()), block].concat();
        }
        code.extend(block);
    }
    code.push(give(otherwise));
    code
}

/// Code that goes on if the test holds and else jumps over the `rest` instructions that follow.
fn test_or_skip(test: Test, rest: usize) -> Vec<sock_filter> {
    let skip = u8::try_from(rest).expect("the cases in the table are short");
    match test {
        Test::Equals { argument, mask, value } => {
            vec![load(offset_low(argument)), branch(AND, mask, 0, 0), branch(JUMP_IF_EQUAL, value, 0, skip)]
        }
        Test::AnyBit { argument, mask } => {
            vec![load(offset_low(argument)), branch(JUMP_IF_ANY_BIT, mask, 0, skip)]
        }
        Test::Differs { argument, value } => {
            vec![load(offset_low(argument)), branch(JUMP_IF_EQUAL, value, skip, 0)]
        }
        Test::Null { argument } => vec![
            load(offset_low(argument)),
            branch(JUMP_IF_EQUAL, 0, 0, skip + 2),
            load(offset_low(argument) + 4),
            branch(JUMP_IF_EQUAL, 0, 0, skip),
        ],
    }
}

fn load(offset: u32) -> sock_filter {
    branch(LOAD, offset, 0, 0)
}

fn give(action: u32) -> sock_filter {
    branch(RETURN, action, 0, 0)
}

fn jump(over: usize) -> sock_filter {
    branch(JUMP, u32::try_from(over).expect("a filter has at most 4096 instructions"), 0, 0)
}

fn branch(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

#[cfg(test)]
mod tests;
