//! The table of bad receipts. Each row has a name, its bytes, and the exit code that both verifiers must give.
//!
//! Rows that are `signed` are signed by the real guardian's key: they stand for
//! a guardian or orchestrator that lies, and only the rule that is broken can
//! catch them.

use crate::forge::{Forge, GUARDIAN, STRANGER, Signer, sha256};
use ioi_canon::{Map, Value};
use ioi_types::hex;

/// One row.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// The exit code of `ioi verify`.
    pub(crate) expected: u8,
    /// The exit code of `verify.py` where it can't know, because it does not compute decisions again.
    pub(crate) python: u8,
}

struct Table(Vec<Row>);

impl Table {
    fn both(&mut self, name: impl Into<String>, expected: u8, bytes: Vec<u8>) {
        self.0.push(Row { name: name.into(), bytes, expected, python: expected });
    }

    fn corrupt(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        self.both(name, 4, bytes);
    }

    /// Consistent to the last byte, and only the decision, computed again, tells.
    fn decision(&mut self, name: impl Into<String>, expected: u8, bytes: Vec<u8>) {
        self.0.push(Row { name: name.into(), bytes, expected, python: 0 });
    }
}

/// A linear congruential generator (Knuth's MMIX), for mutations that are the same each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

pub(crate) fn rows(good: &[u8]) -> Vec<Row> {
    let mut table = Table(Vec::new());
    table.both("good", 0, good.to_vec());
    table.both("put together again by the forge", 0, Forge::of(good).bytes());
    outer_form(&mut table, good);
    sampled(&mut table, good);
    leaf_form(&mut table, &Forge::of(good));
    chain(&mut table, &Forge::of(good));
    head(&mut table, &Forge::of(good));
    signatures(&mut table, &Forge::of(good));
    openings(&mut table, &Forge::of(good));
    decisions(&mut table, &Forge::of(good));
    sizes(&mut table, good);
    table.0
}

fn replaced(good: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(good).unwrap();
    assert!(text.contains(from), "{from} is not in the receipt");
    text.replacen(from, to, 1).into_bytes()
}

fn outer_form(table: &mut Table, good: &[u8]) {
    let body = &good[..good.len() - 1];
    table.corrupt("no bytes", vec![]);
    table.corrupt("missing newline", body.to_vec());
    table.corrupt("second newline", [good, b"\n"].concat());
    table.corrupt("carriage return", [body, b"\r\n"].concat());
    table.corrupt("trailing bytes", [good, b"x"].concat());
    table.corrupt("a second receipt behind the first", [good, good].concat());
    table.corrupt("trailing bytes before the newline", [body, b" \n"].concat());
    table.corrupt("byte order mark", [&b"\xef\xbb\xbf"[..], good].concat());
    table.corrupt("leading space", [b" ", good].concat());
    table.corrupt("space after a comma", replaced(good, ",\"keys\"", ", \"keys\""));
    table.corrupt("space inside a leaf", replaced(good, ",\"seq\":0", ", \"seq\":0"));
    table.corrupt("newline between leaves", replaced(good, "},{\"action\"", "},\n{\"action\""));
    table.corrupt("duplicate key outside", replaced(good, "\"version\":1", "\"version\":1,\"version\":1"));
    table.corrupt("unsorted keys outside", {
        let text = std::str::from_utf8(body).unwrap();
        let (rest, version) = text.rsplit_once(",\"version\":1}").unwrap();
        assert!(version.is_empty());
        format!("{{\"version\":1,{}}}\n", &rest[1..]).into_bytes()
    });
    table.corrupt("unknown field outside", replaced(good, "\"version\":1", "\"version\":1,\"zone\":1"));
    table.corrupt("version 2", replaced(good, "\"version\":1", "\"version\":2"));
    table.corrupt("version as text", replaced(good, "\"version\":1", "\"version\":\"1\""));
    table.corrupt("version as true", replaced(good, "\"version\":1", "\"version\":true"));
    table.corrupt("version as float", replaced(good, "\"version\":1", "\"version\":1.0"));
    table.corrupt("no version", replaced(good, ",\"version\":1", ""));
    table.corrupt("openings null", {
        let text = std::str::from_utf8(good).unwrap();
        let (left, right) = text.split_once(",\"openings\":{").unwrap();
        let (_, right) = right.split_once(",\"signatures\"").unwrap();
        format!("{left},\"openings\":null,\"signatures\"{right}").into_bytes()
    });
    table.corrupt("not UTF-8", {
        let mut bytes = good.to_vec();
        let at = bytes.len() / 2;
        bytes[at] = 0xff;
        bytes
    });
    table.corrupt("only an object", b"{}\n".to_vec());
    table.corrupt("only a number", b"1\n".to_vec());
    table.corrupt("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec());
}

/// Bytes changed, removed, added and cut off, all over the receipt. The seed is in the row's name.
fn sampled(table: &mut Table, good: &[u8]) {
    const SEED: u64 = 20_261_121;
    let mut random = Random(SEED);
    for number in 0..600 {
        let (at, bit) = (random.below(good.len()), random.below(8));
        let mut bytes = good.to_vec();
        bytes[at] ^= 1 << bit;
        table.corrupt(format!("seed {SEED}, {number}: bit {bit} of byte {at} flipped"), bytes);
    }
    for number in 0..100 {
        let at = random.below(good.len());
        let mut bytes = good.to_vec();
        bytes.remove(at);
        table.corrupt(format!("seed {SEED}, {number}: byte {at} removed"), bytes);
        let (at, byte) = (random.below(good.len()), b"0 \"{}[],:\\a\n"[random.below(12)]);
        let mut bytes = good.to_vec();
        bytes.insert(at, byte);
        table.corrupt(format!("seed {SEED}, {number}: {byte:#04x} added at byte {at}"), bytes);
    }
    for number in 0..60 {
        let length = random.below(good.len());
        table
            .corrupt(format!("seed {SEED}, {number}: cut off after {length} bytes"), good[..length].to_vec());
    }
}

/// Signed leaves that are not canonical, or not records.
fn leaf_form(table: &mut Table, good: &Forge) {
    let last = good.leaves.len() - 1;
    let time = good.value(last)["time_ms"].as_integer().unwrap();
    let mut number = |name: &str, text: &str| {
        let from = format!("\"time_ms\":{time}");
        table.corrupt(
            format!("signed: a leaf with {name}"),
            good.clone().raw(last, &from, &format!("\"time_ms\":{text}")).bytes(),
        );
    };
    number("2^53 + 1", "9007199254740993");
    number("2^53", "9007199254740992");
    number("a number of 4000 digits", &"9".repeat(4000));
    number("a float", &format!("{time}.0"));
    number("an exponent", "9e15");
    number("a leading zero", &format!("0{time}"));
    number("a plus sign", &format!("+{time}"));
    number("a negative time", "-1");
    number("null", "null");
    number("a time as text", &format!("\"{time}\""));
    number("true for a number", "true");
    let mut raw = |name: &str, from: &str, to: &str| {
        table.corrupt(format!("signed: a leaf with {name}"), good.clone().raw(last, from, to).bytes());
    };
    raw("a duplicate key", "\"kind\":\"close\"", "\"kind\":\"close\",\"kind\":\"close\"");
    raw("unsorted keys", "\"kind\":\"close\",", "");
    raw("an unsorted key at its end", ",\"v\":1}", ",\"v\":1,\"a\":1}");
    raw("a needless escape", "\"close\"", "\"clos\\u0065\"");
    raw("an escaped slash", "\"kind\":\"close\"", "\"kind\":\"close\",\"l\":\"\\/\"");
    raw("a bare control character", "\"kind\":\"close\"", "\"kind\":\"clo\u{1}se\"");
    raw("half a surrogate pair", "\"kind\":\"close\"", "\"kind\":\"\\ud800\"");
    raw("an escape in capitals", "\"kind\":\"close\"", "\"kind\":\"\\u001F\"");
    raw("a space", "\"kind\":\"close\"", "\"kind\": \"close\"");
    let mut edit = |name: &str, leaf: usize, change: &dyn Fn(&mut Map)| {
        table.corrupt(format!("signed: a leaf {name}"), good.clone().edit(leaf, change).relink().bytes());
    };
    let (intent, outcome) = (good.find("intent", 0), good.find("outcome", 0));
    for leaf in
        [0, intent, outcome, good.find("slice", 0), good.find("started", 0), good.find("ended", 0), last]
    {
        let kind = good.value(leaf)["kind"].as_str().unwrap().to_owned();
        edit(&format!("`{kind}` with an unknown field"), leaf, &|map| {
            drop(map.insert("zone".into(), 1.into()))
        });
        for field in good
            .value(leaf)
            .into_keys()
            .filter(|field| !["kind", "seq", "prev", "leaves"].contains(&field.as_str()))
        {
            let optional = ["rule", "answer", "citations"].contains(&field.as_str());
            if !optional {
                edit(&format!("`{kind}` without `{field}`"), leaf, &|map| drop(map.remove(&field)));
            }
            edit(&format!("`{kind}` with another type in `{field}`"), leaf, &|map| {
                let other = if map[&field].as_bool().is_some() { Value::from(1) } else { true.into() };
                map.insert(field.clone(), other);
            });
        }
    }
    edit("of version 2", last, &|map| drop(map.insert("v".into(), 2.into())));
    edit("of an unknown kind", intent, &|map| drop(map.insert("kind".into(), "wish".into())));
    edit("of a kind that Python has a method for", intent, &|map| {
        drop(map.insert("kind".into(), "join".into()))
    });
    edit("with an unknown verdict", intent, &|map| drop(map.insert("verdict".into(), "maybe".into())));
    edit("with an unknown class", intent, &|map| drop(map.insert("class".into(), "cause".into())));
    edit("with an unknown status", outcome, &|map| drop(map.insert("status".into(), "fine".into())));
    edit("failed without a code", outcome, &|map| drop(map.insert("status".into(), "failed".into())));
    edit("with a code and no failure", outcome, &|map| drop(map.insert("code".into(), "disk.full".into())));
    edit("with a digest in capitals", outcome, &|map| {
        let Value::List(results) = map.get_mut("results").unwrap() else { panic!("a list") };
        let Value::Map(result) = &mut results[0] else { panic!("an object") };
        let digest = result["digest"].as_str().unwrap().to_uppercase();
        result.insert("digest".into(), digest.into());
    });
    edit("with a commitment that is no SHA-256", intent, &|map| {
        let args = map["args"].as_str().unwrap().replace("sha256:", "blake3:");
        map.insert("args".into(), args.into());
    });
}

fn chain(table: &mut Table, good: &Forge) {
    let last = good.leaves.len() - 1;
    let intent = good.find("intent", 0);
    let keys = Signer::new(GUARDIAN).public();
    let honest = good.statement();
    let signatures = Signer::new(GUARDIAN).sign(&honest, b"ioi/v1/audit-head");
    let mut unsigned = |name: &str, forge: &Forge| {
        table.corrupt(format!("unsigned: {name}"), forge.assemble(&honest, &keys, &signatures));
    };
    let without = |leaves: &[usize]| {
        let mut forge = good.clone();
        let kept = (0..forge.leaves.len()).filter(|leaf| !leaves.contains(leaf));
        forge.leaves = kept.map(|leaf| good.leaves[leaf].clone()).collect();
        let named: Vec<String> = (0..forge.leaves.len())
            .flat_map(|leaf| forge.value(leaf).into_values().collect::<Vec<_>>())
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect();
        forge.openings.retain(|(name, _)| named.contains(name));
        forge
    };
    let pair = |nth: usize| {
        let intent = good.find("intent", nth);
        let of_intent =
            |leaf: &usize| good.value(*leaf).get("intent") == Some(&Value::Integer(intent as i64));
        [intent, (0..=last).find(of_intent).unwrap()]
    };
    let two_decisions = [pair(0), pair(1)].concat();
    unsigned("a leaf dropped", &without(&[intent]));
    unsigned("a leaf dropped and all linked again", &without(&pair(0)).relink());
    unsigned("two decisions left out", &without(&two_decisions));
    unsigned("two decisions left out and all linked again", &without(&two_decisions).relink());
    unsigned("the last leaf dropped", &without(&[last]));
    unsigned("two leaves swapped", &{
        let mut forge = good.clone();
        forge.leaves.swap(intent, intent + 1);
        forge
    });
    unsigned("a leaf doubled", &{
        let mut forge = good.clone();
        forge.leaves.insert(intent, good.leaves[intent].clone());
        forge
    });
    unsigned("a leaf added and all linked again", &{
        let mut forge = good.clone();
        forge.leaves.insert(last, good.leaves[good.find("ended", 0)].clone());
        forge.relink()
    });

    let mut signed = |name: &str, forge: &Forge| table.corrupt(format!("signed: {name}"), forge.bytes());
    signed("two decisions left out without linking again", &without(&two_decisions));
    signed("two decisions left out, linked again, the old count in `close`", &{
        let forge = without(&two_decisions).relink();
        let last = forge.leaves.len() - 1;
        let count = good.leaves.len() as i64;
        forge.edit(last, |map| drop(map.insert("leaves".into(), count.into())))
    });
    signed("an outcome left out", &without(&[pair(0)[1]]).relink());
    signed("an intent left out", &without(&[pair(0)[0]]).relink());
    signed("an outcome twice", &{
        let mut forge = good.clone();
        forge.leaves.insert(last, good.leaves[pair(0)[1]].clone());
        forge.relink()
    });
    signed("an outcome before its intent", &{
        let mut forge = good.clone();
        let [intent, outcome] = pair(0);
        let moved = forge.leaves.remove(outcome);
        forge.leaves.insert(intent, moved);
        forge.relink()
    });
    signed("no `open`", &without(&[0]).relink());
    signed("`open` twice", &{
        let mut forge = good.clone();
        forge.leaves.insert(1, good.leaves[0].clone());
        forge.relink()
    });
    signed("`open` twice, and `close` agrees", &{
        let mut forge = good.clone();
        forge.leaves.insert(1, good.leaves[0].clone());
        let processes = good.value(0)["processes"].as_list().unwrap().to_vec();
        let last = forge.leaves.len() - 1;
        let forge = forge.edit(last, |map| {
            let Some(Value::List(all)) = map.get_mut("processes") else { panic!("a list") };
            all.splice(0..0, processes);
        });
        forge.relink()
    });
    signed("no `close`", &without(&[last]).relink());
    signed("a leaf after `close`", &{
        let mut forge = good.clone();
        forge.leaves.push(good.leaves[good.find("ended", 0)].clone());
        forge.relink()
    });
    signed("a leaf after `close` that it does not count", &{
        let mut forge = good.clone();
        forge.leaves.push(good.leaves[good.find("ended", 0)].clone());
        let forge = forge.relink();
        let count = good.leaves.len() as i64;
        forge.edit(last, |map| drop(map.insert("leaves".into(), count.into()))).raw_relink_last()
    });
    signed("`close` twice", &{
        let mut forge = good.clone();
        forge.leaves.push(good.leaves[last].clone());
        forge.relink()
    });
    let edited = |leaf: usize, field: &str, value: Value| {
        good.clone().edit(leaf, |map| drop(map.insert(field.into(), value))).relink()
    };
    signed("a leaf of another session", &edited(intent, "session", "00000000000000ff".into()));
    signed("`close` of another session", &edited(last, "session", "00000000000000ff".into()));
    signed("time that goes back", &edited(intent, "time_ms", 1.into()));
    signed("a wrong number", &good.clone().edit(last, |map| drop(map.insert("seq".into(), 99.into()))));
    signed(
        "a wrong link",
        &good.clone().edit(last, |map| {
            drop(map.insert("prev".into(), format!("sha256:{}", "0".repeat(64)).into()));
        }),
    );
    signed(
        "a first link that is not zeros",
        &good.clone().edit(0, |map| {
            drop(map.insert("prev".into(), format!("sha256:{}", "1".repeat(64)).into()));
        }),
    );
    signed("no count", &good.clone().edit(last, |map| drop(map.remove("leaves"))));
    signed("a count as text", &good.clone().edit(last, |map| drop(map.insert("leaves".into(), "7".into()))));
    signed("a wrong count", &good.clone().edit(last, |map| drop(map.insert("leaves".into(), 3.into()))));
    signed(
        "another digest in the summary of slices",
        &good.clone().edit(last, |map| {
            let Value::List(slices) = map.get_mut("slices").unwrap() else { panic!("a list") };
            let Value::Map(slice) = &mut slices[0] else { panic!("an object") };
            slice.insert("digest".into(), format!("blake3:{}", "e".repeat(64)).into());
        }),
    );
    signed("no slices in the summary", &edited(last, "slices", Value::List(vec![])));
    signed("no processes in the summary", &edited(last, "processes", Value::List(vec![])));
    let denied = pair_of_verdict(good, "deny");
    let allowed = pair_of_verdict(good, "allow");
    signed("a denied intent that was done", &edited(denied, "status", "ok".into()));
    signed("an allowed intent that was refused", &edited(allowed, "status", "refused".into()));
    // What a log never held, no verifier can miss: this is the orchestrator's word.
    table.both(
        "signed: a log that never had two of the decisions",
        0,
        without(&two_decisions).relink().bytes(),
    );
    let unknown = edited(allowed, "status", "unknown".into());
    table.both("signed: an outcome that nobody knows", 0, unknown.bytes());
}

/// The outcome of the first intent with this verdict.
fn pair_of_verdict(good: &Forge, verdict: &str) -> usize {
    let is = |leaf: &usize, field: &str, value: &Value| good.value(*leaf).get(field) == Some(value);
    let mut leaves = 0..good.leaves.len();
    let intent = leaves.find(|leaf| is(leaf, "verdict", &verdict.into())).unwrap();
    leaves.find(|leaf| is(leaf, "intent", &Value::Integer(intent as i64))).unwrap()
}

impl Forge {
    /// Links the last leaf to the one before it, leaving its count alone.
    fn raw_relink_last(self) -> Self {
        let last = self.leaves.len() - 1;
        let prev = hex::encode(&sha256(&[&[0], self.leaves[last - 1].as_bytes()]));
        self.edit(last, |map| drop(map.insert("prev".into(), format!("sha256:{prev}").into())))
    }
}

fn head(table: &mut Table, good: &Forge) {
    let mut signed = |name: &str, change: &dyn Fn(&mut Forge)| {
        let mut forge = good.clone();
        change(&mut forge);
        table.corrupt(format!("signed: a head {name}"), forge.bytes());
    };
    let size = good.leaves.len() as u64;
    signed("on another log", &|forge| forge.log = [7; 16]);
    signed("over one leaf more", &|forge| forge.size = Some(size + 1));
    signed("over one leaf less", &|forge| forge.size = Some(size - 1));
    signed("over no leaf", &|forge| forge.size = Some(0));
    signed("with another root", &|forge| forge.root = Some([9; 32]));
    signed("with counter 0", &|forge| forge.counter = 0);
    signed("with counter 2 and no predecessor", &|forge| forge.counter = 2);
    signed("with counter 1 and a predecessor", &|forge| forge.previous = [1; 32]);
    signed("of another kind", &|forge| (forge.kind, forge.context) = ("checkpoint", "ioi/v1/checkpoint"));
    signed("whose ML-DSA context is of another kind", &|forge| forge.context = "ioi/v1/approval");
    signed("whose ML-DSA context is empty", &|forge| forge.context = "");
    let later = Forge { counter: 7, previous: [3; 32], ..good.clone() };
    table.both("signed: a later head", 0, later.bytes());
    let signer = Signer::new(GUARDIAN);
    let mut altered = |name: &str, head: Vec<u8>| {
        let signatures = signer.sign(&head, b"ioi/v1/audit-head");
        table.corrupt(format!("signed: {name}"), good.assemble(&head, &signer.public(), &signatures));
    };
    let honest = good.statement();
    altered("an empty head", vec![]);
    altered("a head with one byte more", [&honest[..], &[0]].concat());
    altered("a head with one byte less", honest[..honest.len() - 1].to_vec());
    altered("a head of suite 2", {
        let mut head = honest.clone();
        head[18] = 2;
        head
    });
    altered("a head whose body length is wrong", {
        let mut head = honest.clone();
        let at = head.len() - 44;
        head[at] = 41;
        head
    });
    let text = String::from_utf8(good.bytes()).unwrap();
    let head = hex::encode(&honest);
    table.corrupt("a head in capitals", text.replace(&head, &head.to_uppercase()).into_bytes());
    table.corrupt("a head with a digit too many", text.replace(&head, &format!("{head}0")).into_bytes());
    let other_log =
        good.statement().iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 20)).collect::<Vec<_>>();
    table.corrupt(
        "unsigned: a head on another log",
        text.replace(&head, &hex::encode(&other_log)).into_bytes(),
    );
}

fn signatures(table: &mut Table, good: &Forge) {
    let head = good.statement();
    let signer = Signer::new(GUARDIAN);
    let keys = signer.public();
    let honest = signer.sign(&head, b"ioi/v1/audit-head");
    let stranger = Signer::new(STRANGER);
    let by_stranger = stranger.sign(&head, b"ioi/v1/audit-head");
    let other = signer
        .sign(&Forge { counter: 2, previous: [1; 32], ..good.clone() }.statement(), b"ioi/v1/audit-head");
    table.both("signed by an unknown key", 5, good.assemble(&head, &stranger.public(), &by_stranger));
    let mut corrupt = |name: &str, keys: &(Vec<u8>, Vec<u8>), signatures: &(Vec<u8>, Vec<u8>)| {
        table.corrupt(name, good.assemble(&head, keys, signatures));
    };
    corrupt("both signatures emptied", &keys, &(vec![], vec![]));
    corrupt("the Ed25519 signature emptied", &keys, &(vec![], honest.1.clone()));
    corrupt("the ML-DSA signature emptied", &keys, &(honest.0.clone(), vec![]));
    corrupt("the Ed25519 signature zeroed", &keys, &(vec![0; 64], honest.1.clone()));
    corrupt("the ML-DSA signature zeroed", &keys, &(honest.0.clone(), vec![0; 3309]));
    corrupt("an ML-DSA signature of ones", &keys, &(honest.0.clone(), vec![0xff; 3309]));
    corrupt("the ML-DSA signature one byte short", &keys, &(honest.0.clone(), honest.1[1..].to_vec()));
    corrupt("the ML-DSA signature one byte long", &keys, &(honest.0.clone(), [&honest.1[..], &[0]].concat()));
    corrupt("the Ed25519 signature of another head", &keys, &(other.0.clone(), honest.1.clone()));
    corrupt("the ML-DSA signature of another head", &keys, &(honest.0.clone(), other.1.clone()));
    corrupt("the Ed25519 signature of a stranger", &keys, &(by_stranger.0.clone(), honest.1.clone()));
    corrupt("the ML-DSA signature of a stranger", &keys, &(honest.0.clone(), by_stranger.1.clone()));
    corrupt("the keys of a stranger", &stranger.public(), &honest);
    corrupt("the Ed25519 key of a stranger", &(stranger.public().0, keys.1.clone()), &honest);
    corrupt("the ML-DSA key of a stranger", &(keys.0.clone(), stranger.public().1), &honest);
    corrupt("an ML-DSA key of zeros", &(keys.0.clone(), vec![0; 1952]), &honest);
    corrupt("an ML-DSA key one byte short", &(keys.0.clone(), keys.1[1..].to_vec()), &honest);
    corrupt("S that is not below the group order", &keys, &(plus_order(&honest.0), honest.1.clone()));
    corrupt("S with its top bits set", &keys, &{
        let mut bytes = honest.0.clone();
        bytes[63] |= 0xe0;
        (bytes, honest.1.clone())
    });
    for point in weak_points() {
        // R = the point, S = 0: the library's equation holds for some messages under such keys.
        let weak_signature = ([&point[..], &[0; 32]].concat(), honest.1.clone());
        let name = hex::encode(&point);
        // R = the identity, S = 0: holds for every message under a key that is the identity.
        let identity = ([&[1][..], &[0; 63]].concat(), honest.1.clone());
        corrupt(
            &format!("the weak or second-spelled Ed25519 key {name} with R of the identity"),
            &(point.to_vec(), keys.1.clone()),
            &identity,
        );
        corrupt(
            &format!("the weak or second-spelled Ed25519 key {name}"),
            &(point.to_vec(), keys.1.clone()),
            &weak_signature,
        );
        corrupt(
            &format!("the weak or second-spelled R {name}"),
            &keys,
            &([&point[..], &honest.0[32..]].concat(), honest.1.clone()),
        );
    }
    let text = String::from_utf8(good.bytes()).unwrap();
    let ed25519 = hex::encode(&honest.0);
    let ml_dsa = hex::encode(&honest.1);
    let mut replaced = |name: &str, from: String, to: &str| {
        assert!(text.contains(&from), "{name}");
        table.corrupt(name, text.replace(&from, to).into_bytes());
    };
    replaced("the Ed25519 signature stripped", format!("\"ed25519\":\"{ed25519}\","), "");
    replaced("the ML-DSA signature stripped", format!(",\"ml_dsa\":\"{ml_dsa}\""), "");
    replaced(
        "a third signature added",
        format!(",\"ml_dsa\":\"{ml_dsa}\""),
        &format!(",\"ml_dsa\":\"{ml_dsa}\",\"rsa\":\"00\""),
    );
    replaced("the ML-DSA signature as a list", format!("\"{ml_dsa}\""), &format!("[\"{ml_dsa}\"]"));
    replaced("suite 2", "\"suite\":1".into(), "\"suite\":2");
    replaced("suite true", "\"suite\":1".into(), "\"suite\":true");
    replaced("no suite", ",\"suite\":1".into(), "");
    replaced("a third key", ",\"suite\":1".into(), ",\"rsa\":\"00\",\"suite\":1");
    replaced("an Ed25519 signature in capitals", ed25519.clone(), &ed25519.to_uppercase());
}

/// S + L: the same scalar, spelled a second way.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut out = signature.to_vec();
    let mut carry = 0;
    for (byte, order) in out[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    out
}

/// The eight points of small order and every second spelling of a point (y ≥ p) that decompresses or not.
fn weak_points() -> Vec<[u8; 32]> {
    let word = |text: &str| -> [u8; 32] { hex::decode_array(text).unwrap() };
    let mut points = vec![
        word("0000000000000000000000000000000000000000000000000000000000000000"),
        word("0100000000000000000000000000000000000000000000000000000000000000"),
        word("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        word("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        word("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ];
    // p .. p + 18: y = 0 .. 18 spelled with p added.
    points.extend((0xed..=0xff).map(|low| {
        let mut point = word("00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
        point[0] = low;
        point
    }));
    let negative = points.iter().map(|point| {
        let mut point = *point;
        point[31] |= 0x80;
        point
    });
    let negative: Vec<_> = negative.collect();
    points.extend(negative);
    points
}

type Openings = Vec<(String, String)>;

fn openings(table: &mut Table, good: &Forge) {
    let last = good.leaves.len() - 1;
    let intent = good.find("intent", 0);
    let mut with = |name: &str, expected: u8, change: &dyn Fn(&mut Openings)| {
        let mut forge = good.clone();
        change(&mut forge.openings);
        table.both(name, expected, forge.bytes());
    };
    with("one opening redacted", 0, &|openings| drop(openings.remove(0)));
    with("every opening redacted", 0, &|openings| openings.clear());
    with("an opening with another salt", 4, &|openings| {
        let salt = openings[0].1.find("\"salt\":\"").unwrap() + 8;
        let digit = if openings[0].1.as_bytes()[salt] == b'0' { "1" } else { "0" };
        openings[0].1.replace_range(salt..=salt, digit);
    });
    with("an opening with an empty salt", 4, &|openings| {
        let salt = openings[0].1.find("\"salt\":\"").unwrap() + 8;
        openings[0].1.replace_range(salt..salt + 32, "");
    });
    with("an opening with a salt in capitals", 4, &|openings| {
        let opening = openings
            .iter_mut()
            .find(|(_, text)| text[9..41].contains(|c: char| c.is_ascii_lowercase()))
            .unwrap();
        let salt = opening.1[9..41].to_uppercase();
        opening.1.replace_range(9..41, &salt);
    });
    with("an opening with another value", 4, &|openings| {
        let end = openings[0].1.len() - 1;
        let value = openings[0].1.find(",\"value\":").unwrap() + 9;
        openings[0].1.replace_range(value..end, "{}");
    });
    with("an opening with a field more", 4, &|openings| {
        openings[0].1 = openings[0].1.replacen("\"value\":", "\"us\":1,\"value\":", 1);
    });
    with("an opening without a value", 4, &|openings| openings[0].1.truncate(42));
    with("an opening that opens nothing", 4, &|openings| {
        let name = hex::encode(&sha256(&[b"ioi/v1/opening\0", &[1; 16], b"{}"]));
        openings
            .push((format!("sha256:{name}"), format!("{{\"salt\":\"{}\",\"value\":{{}}}}", "01".repeat(16))));
        openings.sort();
    });
    with("an opening under the name of another", 4, &|openings| {
        let (first, second) = (openings[0].1.clone(), openings[1].1.clone());
        (openings[0].1, openings[1].1) = (second, first);
    });
    with("an opening under a blake3 name", 4, &|openings| {
        openings[0].0 = openings[0].0.replace("sha256", "blake3");
    });
    with("an opening under no digest", 4, &|openings| openings[0].0 = "a".into());
    with("an opening twice", 4, &|openings| openings.insert(0, openings[0].clone()));
    with("openings unsorted", 4, &|openings| openings.swap(0, 1));
    let mut signed = |name: &str, expected: u8, leaf: usize, field: &str, value: &str| {
        table.both(
            format!("signed: {name}"),
            expected,
            good.clone().commit(leaf, field, value).relink().bytes(),
        );
    };
    signed("another answer", 0, last, "answer", r#"{"by":"workload","text":"another"}"#);
    signed("arguments that are a list", 4, intent, "args", "[]");
    signed("a task that is a text", 4, last, "task", "\"what?\"");
    signed("an answer that is a list", 4, last, "answer", "[]");
    signed("citations that are an object", 4, last, "citations", "{}");
    signed("a citation with a field more", 4, last, "citations", &{
        let text = good.opened(last, "citations").to_text();
        text.replacen("\"quote\":", "\"page\":1,\"quote\":", 1)
    });
    signed("a policy without a text", 4, last, "policy", r#"{"context":{},"name":"policy.toml"}"#);
    signed("a value of null", 4, last, "task", "{\"question\":null}");
    signed("a value with a space", 4, last, "task", "{\"question\": 1}");
    signed("a value with a float", 4, last, "task", "{\"question\":1.5}");
    signed("a value with unsorted keys", 4, last, "task", "{\"b\":1,\"a\":1}");
    signed("a value with a key that is not ASCII", 4, last, "task", "{\"\u{e9}\":1}");
    signed("a value with a key of a control character", 4, last, "task", "{\"\\u0001\":1}");
    signed("a value of all control characters and a few others", 0, last, "task", &{
        let text: String =
            (0..0x80).filter_map(char::from_u32).chain("é\u{202e}\u{2028}😀".chars()).collect();
        Value::map([("question", Value::from(text))]).to_text()
    });
    signed(
        "integers at both ends",
        0,
        last,
        "task",
        "{\"a\":9007199254740991,\"b\":-9007199254740991,\"c\":0}",
    );
    signed("an integer beyond both ends", 4, last, "task", "{\"a\":9007199254740992}");
    signed("a negative integer beyond both ends", 4, last, "task", "{\"a\":-9007199254740992}");
    signed("minus zero", 4, last, "task", "{\"a\":-0}");
}

fn sizes(table: &mut Table, good: &[u8]) {
    let forge = Forge::of(good);
    let last = forge.leaves.len() - 1;
    let letters = "a".repeat(10 << 20);
    table.both(
        "signed: a task of 10 MB",
        0,
        forge.clone().commit(last, "task", &format!("{{\"question\":\"{letters}\"}}")).relink().bytes(),
    );
    let escapes = "\\n".repeat(1 << 20);
    table.both(
        "signed: a task of a million newlines",
        0,
        forge.clone().commit(last, "task", &format!("{{\"question\":\"{escapes}\"}}")).relink().bytes(),
    );
    table.corrupt(
        "a string of 10 MB in a leaf",
        replaced(good, "\"kind\":\"open\"", &format!("\"kind\":\"{letters}\"")),
    );
    table.corrupt("signed: a leaf of 17 MB", {
        let name = "b".repeat(17 << 20);
        forge.clone().edit(0, |map| drop(map.insert("command".into(), name.into()))).relink().bytes()
    });
    for (name, open) in [("lists", "["), ("objects", "{\"a\":")] {
        let deep = open.repeat(1_000_000);
        table.corrupt(format!("a million nested {name} as a receipt"), format!("{deep}\n").into_bytes());
        table.corrupt(
            format!("a million nested {name} as a leaf"),
            replaced(good, "\"leaves\":[", &format!("\"leaves\":[{deep}")),
        );
        table.corrupt(
            format!("a million nested {name} as keys"),
            replaced(good, "\"keys\":", &format!("\"keys\":{deep}")),
        );
    }
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    table.both(
        "signed: a value of 24 levels",
        0,
        forge.clone().commit(last, "task", &nested(24)).relink().bytes(),
    );
    table.corrupt(
        "signed: a value of 25 levels",
        forge.clone().commit(last, "task", &nested(25)).relink().bytes(),
    );
    table.corrupt(
        "a million empty leaves",
        replaced(good, "\"leaves\":[", &format!("\"leaves\":[{}", "{},".repeat(1_000_000))),
    );
    table.corrupt(
        "a million commas",
        replaced(good, "\"leaves\":[", &format!("\"leaves\":[{}", ",".repeat(1_000_000))),
    );
    table.corrupt("a million quotes", format!("{{\"head\":\"{}\n", "\"".repeat(1_000_000)).into_bytes());
}

/// Consistent receipts whose decisions are not those of their policy. `verify.py`
/// does not compute decisions again, so it can't know, and says so in its report.
fn decisions(table: &mut Table, good: &Forge) {
    let last = good.leaves.len() - 1;
    let intent = |nth: usize| good.find("intent", nth);
    let outcome_of = |nth: usize| {
        let seq = Some(Value::Integer(intent(nth) as i64));
        (0..last).find(|leaf| good.value(*leaf).get("intent").cloned() == seq).unwrap()
    };
    let set = |forge: Forge, leaf: usize, field: &str, value: Value| {
        forge.edit(leaf, |map| drop(map.insert(field.into(), value)))
    };
    // A denied read that is said to have been allowed, and was done.
    let turned = |nth: usize| {
        let forge = set(good.clone(), intent(nth), "verdict", "allow".into());
        set(forge, outcome_of(nth), "status", "ok".into())
    };
    table.decision("signed: a deny by a rule turned into allow", 4, turned(1).relink().bytes());
    table.decision("signed: a deny by default turned into allow", 4, turned(2).relink().bytes());
    table.decision("signed: an ask turned into allow", 4, turned(3).relink().bytes());
    table.decision("signed: a call above its rate turned into allow", 4, {
        let rule = good.value(intent(5))["rule"].clone();
        let forge = set(turned(6), intent(6), "rule", rule);
        set(forge, intent(6), "origin", good.value(intent(5))["origin"].clone()).relink().bytes()
    });
    table.decision("signed: an allow turned into deny", 4, {
        let forge = set(good.clone(), intent(0), "verdict", "deny".into());
        set(forge, outcome_of(0), "status", "refused".into()).relink().bytes()
    });
    let mut edited = |name: &str, nth: usize, change: &dyn Fn(&mut Map)| {
        table.decision(format!("signed: {name}"), 4, good.clone().edit(intent(nth), change).relink().bytes());
    };
    edited("another rule", 0, &|map| drop(map.insert("rule".into(), good.value(intent(1))["rule"].clone())));
    edited("no rule", 0, &|map| drop(map.remove("rule")));
    edited("another line of the rule", 0, &|map| {
        let Value::Map(rule) = map.get_mut("rule").unwrap() else { panic!("an object") };
        rule.insert("line".into(), 999.into());
    });
    edited("another origin", 0, &|map| drop(map.insert("origin".into(), "default".into())));
    edited("an unknown origin", 0, &|map| drop(map.insert("origin".into(), "model".into())));
    edited("another principal", 0, &|map| {
        drop(map.insert("principals".into(), Value::List(vec!["program".into()])))
    });
    edited("another action", 0, &|map| drop(map.insert("action".into(), "fs::write".into())));
    edited("an effect recorded as an observation", 3, &|map| {
        drop(map.insert("class".into(), "observation".into()))
    });
    edited("facts with another size", 0, &|map| {
        let Value::Map(facts) = map.get_mut("facts").unwrap() else { panic!("an object") };
        let Value::Map(object) = facts.get_mut("object").unwrap() else { panic!("an object") };
        object.insert("size".into(), "99999999999".into());
    });
    edited("facts of another time", 6, &|map| {
        let Value::Map(facts) = map.get_mut("facts").unwrap() else { panic!("an object") };
        let time = facts["time_ms"].as_decimal().unwrap() + 600_000;
        facts.insert("time_ms".into(), Value::decimal(time));
    });
    edited("facts with a field more", 0, &|map| {
        let Value::Map(facts) = map.get_mut("facts").unwrap() else { panic!("an object") };
        facts.insert("mood".into(), "good".into());
    });
    let labels = |map: &mut Map, change: &dyn Fn(&mut Map)| {
        let Value::Map(facts) = map.get_mut("facts").unwrap() else { panic!("an object") };
        let Value::Map(labels) = facts.get_mut("labels").unwrap() else { panic!("an object") };
        change(labels);
    };
    edited("what a plugin says is trusted", 0, &|map| {
        let Value::Map(facts) = map.get_mut("facts").unwrap() else { panic!("an object") };
        facts.remove("labels");
    });
    edited("a label that was taken off", 6, &|map| labels(map, &|labels| drop(labels.remove("private"))));
    edited("a label from a record that was still to come", 6, &|map| {
        labels(map, &|labels| drop(labels.insert("private".into(), "99".into())))
    });
    edited("a label from the record itself", 6, &|map| {
        let own = map["seq"].as_integer().unwrap().to_string();
        labels(map, &|labels| drop(labels.insert("private".into(), own.as_str().into())))
    });
    edited("a label from no record", 6, &|map| {
        labels(map, &|labels| drop(labels.insert("private".into(), true.into())))
    });
    edited("no facts", 0, &|map| drop(map.insert("facts".into(), Value::Map(Map::new()))));
    let mut committed = |name: &str, expected: u8, leaf: usize, field: &str, value: &str| {
        table.decision(
            format!("signed: {name}"),
            expected,
            good.clone().commit(leaf, field, value).relink().bytes(),
        );
    };
    committed("another path in the call", 4, intent(0), "args", r#"{"path":"/home/u/project/docs/a.key"}"#);
    committed(
        "a parameter more in the call",
        4,
        intent(0),
        "args",
        r#"{"mode":"rw","path":"/home/u/project/docs/fast.md"}"#,
    );
    let policy = good.opened(last, "policy").to_text();
    assert!(policy.contains("no-keys") && policy.contains("/home/u/project"));
    committed("another rule's id in the policy", 4, last, "policy", &policy.replace("no-keys", "no-locks"));
    committed(
        "a space more in the policy",
        4,
        last,
        "policy",
        &policy.replace("version = 1", "version  = 1"),
    );
    committed(
        "another folder in the policy's context",
        4,
        last,
        "policy",
        &policy.replace("/home/u/project", "/home/u"),
    );
    committed(
        "a policy that does not compile",
        4,
        last,
        "policy",
        &policy.replace("version = 1", "version = 99"),
    );
    committed(
        "a context with a field more",
        4,
        last,
        "policy",
        &policy.replace("\"roots\"", "\"rats\":1,\"roots\""),
    );
    committed("another name of the policy", 0, last, "policy", &policy.replace("policy.toml", "other.toml"));
    table.decision("signed: another policy hash", 4, {
        set(good.clone(), 0, "policy", format!("sha256:{}", "8".repeat(64)).into()).relink().bytes()
    });
    table.decision("signed: decisions of an unknown engine", 5, {
        set(good.clone(), 0, "engine", "another-9".into()).relink().bytes()
    });

    let redacted = |mut forge: Forge, nth: usize| {
        let name = forge.value(intent(nth))["args"].as_str().unwrap().to_owned();
        forge.openings.retain(|(commitment, _)| *commitment != name);
        forge
    };
    // Nobody can compute a decision whose call was redacted: it counts as `not recomputable`.
    table.both(
        "signed: a turned decision whose call is redacted",
        0,
        redacted(turned(2).relink(), 2).bytes(),
    );
    // The token that the redacted call took is missing in the replay, and that is not held against the log.
    table.both("a call under a rate redacted", 0, redacted(good.clone(), 4).bytes());
    table.decision(
        "signed: a turned decision after a redacted one",
        4,
        redacted(turned(2).relink(), 0).bytes(),
    );
}
