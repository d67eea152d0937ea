//! Records of any content read back as they were written.

use ioi_audit::{
    Body, Class, Close, Ended, Intent, Open, Outcome, Profile, Record, RuleReference, Slice, SliceSummary,
    Started, Status, Witnessed,
};
use ioi_canon::Value;
use ioi_types::{BootId, Digest, LogId, SessionId, Verdict};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

const INTEGER_MAX: u64 = (1 << 53) - 1;

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn key() -> impl Strategy<Value = String> {
    "[ -~]{0,12}"
}

fn digest() -> impl Strategy<Value = Digest> {
    (any::<bool>(), any::<[u8; 32]>())
        .prop_map(|(sha, bytes)| if sha { Digest::sha256(bytes) } else { Digest::blake3(bytes) })
}

fn sha256() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::sha256)
}

fn profile() -> impl Strategy<Value = Profile> {
    let limit = || proptest::option::of(0..=INTEGER_MAX);
    (text(), digest(), btree_map(key(), vec(text(), 0..3), 0..3), vec(text(), 0..2), limit(), limit())
        .prop_map(|(name, executable, properties, notes, memory_bytes_max, pids_max)| Profile {
            name,
            executable,
            properties,
            notes,
            memory_bytes_max,
            pids_max,
        })
}

fn open() -> impl Strategy<Value = Body> {
    (any::<[u8; 16]>(), any::<[u8; 16]>(), text(), sha256(), text(), any::<bool>(), vec(profile(), 0..3))
        .prop_map(|(log, boot, command, policy, engine, sandboxed, processes)| {
            Body::Open(Open {
                log: LogId(log),
                boot: BootId(boot),
                command,
                policy,
                engine,
                sandboxed,
                processes,
            })
        })
}

fn intent() -> impl Strategy<Value = Body> {
    let class = prop_oneof![Just(Class::Effect), Just(Class::Observation), Just(Class::Local)];
    let verdict = prop_oneof![Just(Verdict::Allow), Just(Verdict::Ask), Just(Verdict::Deny)];
    let rule = (text(), 0..=INTEGER_MAX).prop_map(|(id, line)| RuleReference { id, line });
    let facts = btree_map(key(), text().prop_map(Value::from), 0..3).prop_map(Value::Map);
    (class, vec(text(), 0..3), text(), sha256(), facts, verdict, text(), proptest::option::of(rule)).prop_map(
        |(class, principals, action, args, facts, verdict, origin, rule)| {
            Body::Intent(Intent { class, principals, action, args, facts, verdict, origin, rule })
        },
    )
}

fn outcome() -> impl Strategy<Value = Body> {
    let status = prop_oneof![
        Just(Status::Ok),
        text().prop_map(Status::Failed),
        Just(Status::Refused),
        Just(Status::Unknown)
    ];
    let result = (text(), digest(), 0..=INTEGER_MAX, text())
        .prop_map(|(what, digest, bytes, by)| Witnessed { what, digest, bytes, by });
    (0..=INTEGER_MAX, status, vec(result, 0..3))
        .prop_map(|(intent, status, results)| Body::Outcome(Outcome { intent, status, results }))
}

fn slice() -> impl Strategy<Value = Body> {
    (0..=INTEGER_MAX, digest(), 0..=INTEGER_MAX, text(), text(), text(), vec(text(), 0..3)).prop_map(
        |(region, digest, bytes, by, from, to, labels)| {
            Body::Slice(Slice { region, digest, bytes, by, from, to, labels })
        },
    )
}

fn process() -> impl Strategy<Value = Body> {
    let started = (0..=INTEGER_MAX, profile())
        .prop_map(|(instance, process)| Body::Started(Started { instance, process }));
    let ended = (0..=INTEGER_MAX, text(), any::<i32>(), 0..=INTEGER_MAX)
        .prop_map(|(instance, name, code, signal)| Body::Ended(Ended { instance, name, code, signal }));
    prop_oneof![started, ended]
}

fn close() -> impl Strategy<Value = Body> {
    let summary = (0..=INTEGER_MAX, digest(), 0..=INTEGER_MAX, text())
        .prop_map(|(seq, digest, bytes, by)| SliceSummary { seq, digest, bytes, by });
    let optional = || proptest::option::of(sha256());
    (0..=INTEGER_MAX, sha256(), optional(), optional(), sha256(), vec(profile(), 0..3), vec(summary, 0..3))
        .prop_map(|(leaves, task, answer, citations, policy, processes, slices)| {
            Body::Close(Close { leaves, task, answer, citations, policy, processes, slices })
        })
}

fn record() -> impl Strategy<Value = Record> {
    let body = prop_oneof![open(), intent(), outcome(), slice(), process(), close()];
    (any::<[u8; 8]>(), 0..=INTEGER_MAX, any::<[u8; 32]>(), 0..=INTEGER_MAX, body).prop_map(
        |(session, seq, prev, time_ms, body)| Record {
            session: SessionId(session),
            seq,
            prev,
            time_ms,
            body,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_record_reads_back_as_it_was_written(record in record()) {
        let bytes = record.to_bytes();
        prop_assert_eq!(Record::parse(&bytes), Ok(record));
        // One more byte anywhere is another text, and no text but the canonical one is read.
        prop_assert!(Record::parse(&[&bytes[..], b" "].concat()).is_err());
    }

    #[test]
    fn a_field_that_is_left_out_added_or_renamed_is_refused(record in record(), pick in any::<prop::sample::Index>()) {
        let Value::Map(map) = record.to_value() else { unreachable!("a record is an object") };
        let names: Vec<String> = map.keys().cloned().collect();
        let name = pick.get(&names);
        let mut less = map.clone();
        let value = less.remove(name).expect("one of its names");
        let optional = ["rule", "answer", "citations"].contains(&name.as_str());
        prop_assert_eq!(Record::from_value(Value::Map(less.clone())).is_ok(), optional);
        less.insert(format!("{name}s"), value);
        prop_assert!(Record::from_value(Value::Map(less)).is_err());
        let more = map.into_iter().chain([("zone".to_owned(), Value::from(1))]).collect();
        prop_assert!(Record::from_value(Value::Map(more)).is_err());
    }
}
