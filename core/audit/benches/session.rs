//! How long it takes to record a session and to verify its receipt.
//!
//! `cargo bench -p ioi-audit`: 200,000 decisions with their outcomes, five runs, smallest and largest time.
//! With IOI_BENCH_RECEIPT=FILE the receipt is left there, for timing `verify.py`.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use ioi_audit::{Chain, Closing, Entry, Open, ReceiptWriter, Status, Trust, recover, verify};
use ioi_canon::Map;
use ioi_crypto::SecretKey;
use ioi_crypto::statement::{Body, Statement};
use ioi_firewall::{Call, Context, ENGINE_VERSION, Facts, Object, ObjectKind, Policy, RateState, Source};
use ioi_merkle::{Sha256Tree, root};
use ioi_types::{BootId, LogId, SessionId};
use std::time::{Duration, Instant};

const DECISIONS: u64 = 200_000;
const RUNS: usize = 5;
const POLICY: &str = "version = 1\n[[rule]]\nid = \"read\"\neffect = \"allow\"\naction = [\"fs::read\"]\nwhen = { path = [\"./**\"] }\n";

fn main() {
    let mut times: Vec<(&str, Vec<Duration>)> = Vec::new();
    let mut bytes = 0;
    for _ in 0..RUNS {
        let mut measured =
            |name: &'static str, time: Duration| match times.iter_mut().find(|(known, _)| *known == name) {
                Some((_, all)) => all.push(time),
                None => times.push((name, vec![time])),
            };
        bytes = run(&mut measured);
    }
    println!(
        "{DECISIONS} decisions and their outcomes, receipt of {:.1} MB, {RUNS} runs",
        bytes as f64 / 1e6
    );
    for (name, all) in &mut times {
        all.sort();
        let per_leaf = |time: Duration| time.as_secs_f64() * 1e6 / (2 * DECISIONS) as f64;
        let (least, most) = (all[0], all[RUNS - 1]);
        println!(
            "{name:28} {:.2} – {:.2} s, {:.2} – {:.2} µs a leaf",
            least.as_secs_f64(),
            most.as_secs_f64(),
            per_leaf(least),
            per_leaf(most)
        );
    }
}

fn run(measured: &mut impl FnMut(&'static str, Duration)) -> usize {
    let context = Context { roots: vec![b"/srv/project".to_vec()], ..Context::default() };
    let source = Source::new("policy.toml", POLICY);
    let policy = Policy::compile(&source, &context).expect("a policy that compiles");
    let mut rates = RateState::new();
    let decided: Vec<_> = (0..DECISIONS)
        .map(|number| {
            let path = format!("/srv/project/docs/folder-{}/document-{number}.html", number / 100);
            let call = Call::file(["session:ask", "plugin:files"], "fs::read", path.as_bytes());
            let object = Object { kind: ObjectKind::File, size: 4096, device: 2049, inode: number };
            let facts = Facts { time_ms: number, object: Some(object), ..Facts::default() };
            let decision = policy.decide(&call, &facts, &mut rates);
            (call, facts, decision)
        })
        .collect();

    let start = Instant::now();
    let open = Open {
        log: LogId([1; 16]),
        boot: BootId([2; 16]),
        command: "ask".into(),
        policy: policy.hash(),
        engine: ENGINE_VERSION.into(),
        sandboxed: true,
        processes: vec![],
    };
    let (mut chain, first) = Chain::open(SessionId([3; 8]), open, 0).expect("an open record");
    let mut entries: Vec<Entry> = vec![first];
    for (number, (call, facts, decision)) in (0..).zip(&decided) {
        let (intent, salt) = (chain.seq_next(), u128::to_le_bytes(number));
        entries.push(chain.intent(call, facts, decision, facts.time_ms, salt).expect("an intent"));
        entries.push(chain.outcome(intent, Status::Ok, vec![], facts.time_ms).expect("an outcome"));
    }
    let closing = Closing { task: Map::new(), answer: None, citations: vec![], policy: source, context };
    entries.push(chain.close(closing, DECISIONS, || [7; 16]).expect("a close record"));
    measured("record", start.elapsed());

    let start = Instant::now();
    let lines: Vec<u8> = entries.iter().flat_map(Entry::to_line).collect();
    measured("write lines", start.elapsed());
    let start = Instant::now();
    assert_eq!(recover(&lines).expect("a log").leaf_hashes.len(), entries.len());
    measured("recover", start.elapsed());
    drop(lines);

    let start = Instant::now();
    let hashes: Vec<_> = entries.iter().map(|entry| entry.leaf_hash).collect();
    let body = Body::AuditHead { size: hashes.len() as u64, root: root::<Sha256Tree>(&hashes) };
    let head = Statement { log: LogId([1; 16]), counter: 1, previous: [0; 32], boot: BootId([2; 16]), body }
        .encode();
    let key = SecretKey::generate().expect("randomness");
    let signature = key.sign("audit-head", &head).expect("a signature");
    let mut writer = ReceiptWriter::begin(Vec::new(), &head, &key.public()).expect("memory");
    entries.iter().for_each(|entry| writer.entry(entry).expect("memory"));
    let receipt = writer.finish(&signature).expect("memory");
    measured("root, sign, write receipt", start.elapsed());

    let start = Instant::now();
    let report = verify(&receipt, &Trust::keys([key.public().id()])).expect("a receipt that verifies");
    measured("verify, decisions included", start.elapsed());
    assert_eq!(report.decisions.recomputed, DECISIONS);
    if let Some(path) = std::env::var_os("IOI_BENCH_RECEIPT") {
        std::fs::write(path, &receipt).expect("a place for the receipt");
    }
    receipt.len()
}
