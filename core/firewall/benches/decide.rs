//! Decisions per policy size and the time to compile it. Prints median, p99 and spread.
//!
//! `cargo bench -p ioi-firewall`

use ioi_firewall::{Call, Context, Facts, Object, ObjectKind, Policy, RateState, Source};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

const CHAIN: [&str; 2] = ["session:ask", "plugin:files"];
const BATCHES: usize = 7;
const CALLS: usize = 20_000;

fn context() -> Context {
    Context {
        roots: vec![b"/home/eve/docs".to_vec()],
        home: Some(b"/home/eve".to_vec()),
        protected: Vec::new(),
    }
}

/// Rules for the same action and principals with paths of their own; one in ten denies a name anywhere.
fn text(rules: usize) -> String {
    let mut text = String::from("version = 1\n");
    for number in 0..rules {
        let (effect, path) = match number % 10 {
            9 if number < 1000 => ("deny", format!("/**/*.secret{number}")),
            9 => ("deny", format!("./d{number}/secret")),
            _ => ("allow", format!("./d{number}/**")),
        };
        let _ = writeln!(
            text,
            "[[rule]]\nid = \"r{number}\"\neffect = \"{effect}\"\nprincipal = [\"session:ask\", \"plugin:files\"]\n\
             action = [\"fs::read\", \"fs::list\"]\nwhen = {{ path = [\"{path}\"], size_max = \"64 MiB\" }}\n"
        );
    }
    text
}

fn compile(text: &str) -> Policy {
    let compiled = Policy::compile(&Source::new("policy.toml", text), &context());
    compiled.unwrap_or_else(|errors| panic!("{}", errors[0]))
}

/// Nanoseconds of single calls, sorted.
fn measure(policy: &Policy, path: impl Fn(usize) -> String) -> Vec<u64> {
    let calls: Vec<Call> = (0..64).map(|n| Call::file(CHAIN, "fs::read", path(n).as_bytes())).collect();
    let object = Object { kind: ObjectKind::File, size: 1000, device: 1, inode: 2 };
    let mut rates = RateState::new();
    let mut times = Vec::with_capacity(CALLS);
    for number in 0..CALLS {
        let facts = Facts { time_ms: number as u64, object: Some(object), ..Facts::default() };
        let start = Instant::now();
        black_box(policy.decide(black_box(&calls[number % calls.len()]), &facts, &mut rates));
        times.push(start.elapsed().as_nanos() as u64);
    }
    times.sort_unstable();
    times
}

/// The median of each figure over the batches, and the least and greatest.
fn report(name: &str, policy: &Policy, path: impl Fn(usize) -> String) {
    let batches: Vec<Vec<u64>> = (0..BATCHES).map(|_| measure(policy, &path)).collect();
    let figure = |at: usize| {
        let mut all: Vec<u64> = batches.iter().map(|times| times[at]).collect();
        all.sort_unstable();
        (all[BATCHES / 2], all[0], all[BATCHES - 1])
    };
    let show = |(middle, least, most): (u64, u64, u64)| {
        format!("{:>7.2} µs ({:.2}–{:.2})", middle as f64 / 1e3, least as f64 / 1e3, most as f64 / 1e3)
    };
    println_all(&format!(
        "{name:<44} median {}  p99 {}",
        show(figure(CALLS / 2)),
        show(figure(CALLS * 99 / 100))
    ));
}

#[allow(clippy::print_stdout)]
fn println_all(line: &str) {
    println!("{line}");
}

fn main() {
    println_all(&format!(
        "{BATCHES} batches of {CALLS} calls, a chain of 2; the middle batch (least–greatest)"
    ));
    for rules in [1, 100, 1_000, 10_000] {
        let text = text(rules);
        let mut times: Vec<u128> = Vec::new();
        for _ in 0..3 {
            let start = Instant::now();
            black_box(compile(black_box(&text)));
            times.push(start.elapsed().as_millis());
        }
        times.sort_unstable();
        println_all(&format!(
            "{rules} rules, {} KiB: compile {} ms ({}–{})",
            text.len() / 1024,
            times[1],
            times[0],
            times[2]
        ));
        let policy = compile(&text);
        report(&format!("{rules} rules, allowed"), &policy, |n| {
            format!("/home/eve/docs/d{}/a/b.md", n * 10 % rules)
        });
        report(&format!("{rules} rules, refused by default"), &policy, |n| {
            format!("/home/eve/other/{n}/b.md")
        });
        report(&format!("{rules} rules, protected"), &policy, |n| format!("/home/eve/.ssh/id{n}"));
    }
}
