//! A test child that does what it is told and nothing wrong.
//!
//! `print WORDS…`, `exit CODE`, `die SIGNAL` (by raising it), `cat` (standard input to standard output),
//! `which` (the mark in its own file), `environment`, `descriptors` (the numbers of those that are open), `identity`,
//! `privileges` (capabilities, those in the bounding set, no_new_privs, the mode of seccomp), `write PATH TEXT`,
//! `sleep`, `until-term` (sleeps; on SIGTERM it prints `term` and returns 7).
#![allow(clippy::print_stdout)]

use std::io::{Read, Write};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["print", words @ ..] => println!("{}", words.join(" ")),
        ["exit", code] => std::process::exit(code.parse().expect("a number")),
        ["die", signal] => raise(signal.parse().expect("a number")),
        ["cat"] => copy_input(),
        ["which"] => println!("{}", String::from_utf8_lossy(&mark())),
        ["environment"] => std::env::vars().for_each(|(name, value)| println!("{name}={value}")),
        ["descriptors"] => (0..4096).filter(|fd| is_open(*fd)).for_each(|fd| println!("{fd}")),
        ["privileges"] => println!("{}", privileges()),
        ["identity"] => println!("{}", identity()),
        ["write", path, text] => std::fs::write(path, text).expect("a granted place"),
        ["sleep"] => loop {
            std::thread::sleep(std::time::Duration::from_secs(60));
        },
        ["until-term"] => until_term(),
        other => panic!("unknown request {other:?}"),
    }
}

/// A test changes it in a copy of this file, to tell the two apart.
static MARK: [u8; 16] = *b"IOI-MARK-decided";

fn mark() -> [u8; 16] {
    // Volatile, or the compiler would print another copy of it.
    // SAFETY: it points to initialised memory that lives as long as the program.
    unsafe { std::ptr::read_volatile(&raw const MARK) }
}

fn copy_input() {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).expect("readable input");
    std::io::stdout().write_all(&text).expect("writable output");
}

fn is_open(fd: i32) -> bool {
    // SAFETY: asks for the flags of a number; takes no pointer.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

fn raise(signal: i32) {
    // SAFETY: takes no pointer.
    unsafe { libc::raise(signal) };
}

fn identity() -> String {
    // SAFETY: these take no arguments and can't fail.
    unsafe { format!("{} {} {} {}", libc::getuid(), libc::geteuid(), libc::getgid(), libc::getegid()) }
}

fn privileges() -> String {
    let header = [0x2008_0522u32, 0];
    let mut sets = [u32::MAX; 6];
    // SAFETY: both have the layout of version 3 of the interface; the rest takes numbers.
    unsafe {
        libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr());
        let bounding = (0..64).filter(|c| libc::prctl(libc::PR_CAPBSET_READ, *c) == 1).count();
        let no_new = libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
        let mode = libc::prctl(libc::PR_GET_SECCOMP);
        format!("{:x} {bounding} {no_new} {mode}", sets.iter().fold(0, |all, set| all | set))
    }
}

/// Waits for the signal by a blocked mask, so that no handler is needed.
fn until_term() {
    // SAFETY: the set is initialised before it is read.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        println!("ready");
        let mut signal = 0;
        libc::sigwait(&raw const set, &raw mut signal);
    }
    println!("term");
    std::process::exit(7);
}
