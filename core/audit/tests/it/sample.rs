//! One session in which everything happens that can happen, always the same.

use crate::forge::{GUARDIAN, Signer, sha256};
use ioi_audit::{
    Chain, Citation, Closing, Ended, Entry, Open, Profile, ReceiptWriter, Slice, Started, Status, Witnessed,
};
use ioi_canon::{Map, Value};
use ioi_crypto::statement::{Body, Statement};
use ioi_crypto::{SecretKey, Signature};
use ioi_firewall::{Call, Context, ENGINE_VERSION, Facts, Object, ObjectKind, Policy, RateState, Source};
use ioi_types::{BootId, Digest, LogId, SessionId, Verdict};
use std::collections::BTreeMap;

pub(crate) const LOG: LogId = LogId([0xa0; 16]);
pub(crate) const BOOT: BootId = BootId([0xb0; 16]);
pub(crate) const SESSION: SessionId = SessionId([0xc0; 8]);
/// 2026-11-21, 09:00 UTC.
pub(crate) const START_MS: u64 = 1_795_251_600_000;

pub(crate) const POLICY: &str = r#"version = 1
default = "deny"

[[rule]]
id = "read-documents"
effect = "allow"
principal = ["session:ask", "plugin:files"]
action = ["fs::read", "fs::list"]
when = { path = ["./docs/**"], size_max = "64 MiB" }

[[rule]]
id = "no-keys"
effect = "deny"
action = ["fs::read"]
when = { path = ["./**/*.key"] }

[[rule]]
id = "read-the-log-slowly"
effect = "allow"
principal = ["session:ask", "plugin:files"]
action = ["fs::read"]
when = { path = ["./log/**"], rate = "2/min" }

[[rule]]
id = "ask-before-writing"
effect = "ask"
principal = ["session:ask", "plugin:files"]
action = ["fs::write"]
when = { path = ["./docs/**"] }

[[label]]
name = "private"
paths = ["./log/**"]
"#;

pub(crate) fn key() -> SecretKey {
    let seeds = [&[1][..], &[GUARDIAN.0; 32], &[GUARDIAN.1; 32]].concat();
    SecretKey::from_bytes(&seeds).unwrap()
}

pub(crate) fn context() -> Context {
    Context {
        roots: vec![b"/home/u/project".to_vec()],
        home: Some(b"/home/u".to_vec()),
        protected: vec![b"/home/u/.config/ioi".to_vec()],
    }
}

pub(crate) fn profile(name: &str) -> Profile {
    let layers = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Profile {
        name: name.into(),
        executable: Digest::sha256([name.len() as u8; 32]),
        properties: BTreeMap::from([
            ("no-network".to_owned(), layers(&["net namespace", "seccomp"])),
            ("files-confined".to_owned(), layers(&["landlock"])),
        ]),
        notes: Vec::new(),
        memory_bytes_max: (name != "guardian").then_some(256 << 20),
        pids_max: (name != "guardian").then_some(32),
    }
}

/// A session under construction.
pub(crate) struct Session {
    pub(crate) chain: Chain,
    pub(crate) entries: Vec<Entry>,
    policy: Policy,
    rates: RateState,
    labels: BTreeMap<String, u64>,
    time_ms: u64,
    salts: u64,
}

impl Session {
    pub(crate) fn open() -> Self {
        let policy = Policy::compile(&Source::new("policy.toml", POLICY), &context()).unwrap();
        let open = Open {
            log: LOG,
            boot: BOOT,
            command: "ask".into(),
            policy: policy.hash(),
            engine: ENGINE_VERSION.into(),
            sandboxed: true,
            processes: vec![profile("guardian"), profile("workload")],
        };
        let (chain, entry) = Chain::open(SESSION, open, START_MS).unwrap();
        let (rates, labels) = (RateState::new(), BTreeMap::new());
        Self { chain, entries: vec![entry], policy, rates, labels, time_ms: START_MS, salts: 0 }
    }

    pub(crate) fn tick(&mut self) -> u64 {
        self.time_ms += 10;
        self.time_ms
    }

    fn salt(&mut self) -> [u8; 16] {
        self.salts += 1;
        sha256(&[b"salt", &self.salts.to_le_bytes()])[..16].try_into().unwrap()
    }

    pub(crate) fn decide(&mut self, action: &str, path: &str, size: u64) -> (u64, Verdict) {
        let call = Call::file(["session:ask", "plugin:files"], action, path.as_bytes());
        let time_ms = self.tick();
        let object = Object { kind: ObjectKind::File, size, device: 2049, inode: 77 };
        let facts = Facts { time_ms, object: Some(object), labels: self.labels.clone() };
        let decision = self.policy.decide(&call, &facts, &mut self.rates);
        let (id, salt) = (self.chain.seq_next(), self.salt());
        self.entries.push(self.chain.intent(&call, &facts, &decision, time_ms, salt).unwrap());
        self.take_in(decision.labels, id);
        (id, decision.verdict)
    }

    fn take_in(&mut self, labels: Vec<String>, record: u64) {
        for label in labels {
            self.labels.entry(label).or_insert(record);
        }
    }

    pub(crate) fn outcome(&mut self, intent: u64, status: Status, results: Vec<Witnessed>) {
        let time_ms = self.tick();
        self.entries.push(self.chain.outcome(intent, status, results, time_ms).unwrap());
    }

    /// Decides, and does what was decided.
    pub(crate) fn call(&mut self, action: &str, path: &str, expected: Verdict, results: Vec<Witnessed>) {
        let (id, verdict) = self.decide(action, path, 4096);
        assert_eq!(verdict, expected, "{action} {path}");
        self.outcome(id, if verdict == Verdict::Allow { Status::Ok } else { Status::Refused }, results);
    }

    pub(crate) fn close(&mut self) {
        let time_ms = self.tick();
        let closing = Closing {
            task: Map::from([("question".to_owned(), "How fast is a \"sealed\" buffer?\n".into())]),
            answer: Some(Map::from([
                ("by".to_owned(), "workload".into()),
                ("text".to_owned(), "As fast as memory — 4 GB/s.".into()),
            ])),
            citations: vec![Citation {
                path: "docs/fast.md".into(),
                document: document(),
                offset: 120,
                length: 27,
                quote: "As fast as memory — 4 GB/s.".into(),
            }],
            policy: Source::new("policy.toml", POLICY),
            context: context(),
        };
        let mut salts = (0..8).map(|_| self.salt()).collect::<Vec<_>>().into_iter();
        self.entries.push(self.chain.close(closing, time_ms, || salts.next().unwrap()).unwrap());
    }
}

fn document() -> Digest {
    Digest::blake3([0xd0; 32])
}

pub(crate) fn entries() -> Vec<Entry> {
    let mut session = Session::open();
    let document =
        Witnessed { what: "document".into(), digest: document(), bytes: 4096, by: "workload".into() };
    let time_ms = session.tick();
    let started = Started { instance: 3, process: profile("plugin:files") };
    let record = session.chain.seq_next();
    session.entries.push(session.chain.started(started, time_ms).unwrap());
    session.take_in(vec!["untrusted".into()], record);

    session.call("fs::read", "/home/u/project/docs/fast.md", Verdict::Allow, vec![document]);
    session.call("fs::read", "/home/u/project/docs/a.key", Verdict::Deny, vec![]);
    session.call("fs::read", "/etc/passwd", Verdict::Deny, vec![]);
    session.call("fs::write", "/home/u/project/docs/fast.md", Verdict::Ask, vec![]);
    // Two calls in flight at once, answered in the other order; one of them fails.
    let (first, _) = session.decide("fs::read", "/home/u/project/log/1", 10);
    let (second, _) = session.decide("fs::read", "/home/u/project/log/2", 10);
    session.outcome(second, Status::Ok, vec![]);
    session.outcome(first, Status::Failed("path.missing".into()), vec![]);
    // The rate is used up.
    session.call("fs::read", "/home/u/project/log/3", Verdict::Deny, vec![]);

    let slice = Slice {
        region: 9,
        digest: Digest::blake3([0xe0; 32]),
        bytes: 65_536,
        by: "workload".into(),
        from: "plugin:files".into(),
        to: "workload".into(),
        labels: vec!["private".into(), "untrusted".into()],
    };
    let time_ms = session.tick();
    session.entries.push(session.chain.slice(slice, time_ms).unwrap());
    let ended = Ended { instance: 3, name: "plugin:files".into(), code: 0, signal: 0 };
    let time_ms = session.tick();
    session.entries.push(session.chain.ended(ended, time_ms).unwrap());
    session.close();
    session.entries
}

/// The head over the entries, as a guardian would state it.
pub(crate) fn head(entries: &[Entry]) -> Statement {
    let hashes: Vec<[u8; 32]> = entries.iter().map(|entry| entry.leaf_hash).collect();
    Statement {
        log: LOG,
        counter: 1,
        previous: [0; 32],
        boot: BOOT,
        body: Body::AuditHead {
            size: hashes.len() as u64,
            root: ioi_merkle::root::<ioi_merkle::Sha256Tree>(&hashes),
        },
    }
}

/// The receipt, signed without randomness, so that it is the same bytes each time.
pub(crate) fn receipt_of(entries: &[Entry]) -> Vec<u8> {
    let head = head(entries).encode();
    let (ed25519, ml_dsa) = Signer::new(GUARDIAN).sign(&head, b"ioi/v1/audit-head");
    let signature = Signature::from_bytes(&[ed25519, ml_dsa].concat()).unwrap();
    let mut writer = ReceiptWriter::begin(Vec::new(), &head, &key().public()).unwrap();
    entries.iter().for_each(|entry| writer.entry(entry).unwrap());
    writer.finish(&signature).unwrap()
}

pub(crate) fn receipt() -> Vec<u8> {
    receipt_of(&entries())
}

/// The value of a field of the report that is verified from a receipt.
pub(crate) fn text(value: &Value, field: &str) -> String {
    value.as_map().unwrap()[field].to_text()
}
