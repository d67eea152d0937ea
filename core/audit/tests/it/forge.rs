//! Takes a receipt apart and puts it together again, honestly or not.
//!
//! It shares no code with the crate's writer or with its signatures: leaves are
//! hashed, the root is computed and the head is signed here, from the format's
//! description alone. So it is the oracle of the writer as well as the forger
//! of the bad receipts.

use ed25519_dalek::Signer as _;
use ioi_canon::{Map, Value};
use ioi_types::hex;
use ml_dsa::{Keypair as _, MlDsa65};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The seeds of the guardian that the receipt is honestly signed with.
pub(crate) const GUARDIAN: (u8, u8) = (0x11, 0x22);
/// Those of somebody else.
pub(crate) const STRANGER: (u8, u8) = (0x33, 0x44);

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

/// Both secret keys, used directly.
pub(crate) struct Signer {
    ed25519: ed25519_dalek::SigningKey,
    ml_dsa: ml_dsa::SigningKey<MlDsa65>,
}

impl Signer {
    pub(crate) fn new((ed25519, ml_dsa): (u8, u8)) -> Self {
        Self {
            ed25519: ed25519_dalek::SigningKey::from_bytes(&[ed25519; 32]),
            ml_dsa: ml_dsa::SigningKey::from_seed(&[ml_dsa; 32].into()),
        }
    }

    pub(crate) fn public(&self) -> (Vec<u8>, Vec<u8>) {
        let ml_dsa = self.ml_dsa.verifying_key().encode();
        (self.ed25519.verifying_key().to_bytes().to_vec(), ml_dsa.to_vec())
    }

    pub(crate) fn fingerprint(&self) -> String {
        let (ed25519, ml_dsa) = self.public();
        format!("sha256:{}", hex::encode(&sha256(&[&[1], &ed25519, &ml_dsa])))
    }

    pub(crate) fn sign(&self, statement: &[u8], context: &[u8]) -> (Vec<u8>, Vec<u8>) {
        // Deterministic, so that the golden receipt is the same bytes each time.
        let ml_dsa = self.ml_dsa.expanded_key().sign_deterministic(statement, context).unwrap();
        (self.ed25519.sign(statement).to_bytes().to_vec(), ml_dsa.encode().to_vec())
    }
}

/// RFC 6962, section 2.1, written down as it stands there.
pub(crate) fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            sha256(&[&[1], &root(&leaves[..split]), &root(&leaves[split..])])
        }
    }
}

/// A receipt in parts. `bytes` puts them together and signs.
#[derive(Clone)]
pub(crate) struct Forge {
    /// The text of each leaf; not always canonical.
    pub(crate) leaves: Vec<String>,
    /// Commitment and the text of its opening.
    pub(crate) openings: Vec<(String, String)>,
    pub(crate) log: [u8; 16],
    pub(crate) counter: u64,
    pub(crate) previous: [u8; 32],
    /// Instead of the true size and root.
    pub(crate) size: Option<u64>,
    pub(crate) root: Option<[u8; 32]>,
    pub(crate) kind: &'static str,
    pub(crate) context: &'static str,
    pub(crate) signer: (u8, u8),
}

impl Forge {
    pub(crate) fn of(receipt: &[u8]) -> Self {
        let text = std::str::from_utf8(receipt).unwrap();
        let limits = ioi_canon::Limits { bytes_max: text.len(), depth_max: 64 };
        let value = ioi_canon::parse_file(receipt, limits).unwrap();
        let map = value.as_map().unwrap();
        let leaves = map["leaves"].as_list().unwrap();
        let log = leaves[0].as_map().unwrap()["log"].as_str().unwrap();
        Self {
            leaves: leaves.iter().map(Value::to_text).collect(),
            openings: map["openings"]
                .as_map()
                .unwrap()
                .iter()
                .map(|(key, value)| (key.clone(), value.to_text()))
                .collect(),
            log: hex::decode_array(log).unwrap(),
            counter: 1,
            previous: [0; 32],
            size: None,
            root: None,
            kind: "audit-head",
            context: "ioi/v1/audit-head",
            signer: GUARDIAN,
        }
    }

    pub(crate) fn value(&self, leaf: usize) -> Map {
        let limits = ioi_canon::Limits { bytes_max: 1 << 30, depth_max: 64 };
        ioi_canon::parse(self.leaves[leaf].as_bytes(), limits).unwrap().as_map().unwrap().clone()
    }

    /// Changes a leaf's fields.
    pub(crate) fn edit(mut self, leaf: usize, change: impl FnOnce(&mut Map)) -> Self {
        let mut map = self.value(leaf);
        change(&mut map);
        self.leaves[leaf] = Value::Map(map).to_text();
        self
    }

    /// Changes a leaf's text.
    pub(crate) fn raw(mut self, leaf: usize, from: &str, to: &str) -> Self {
        assert!(self.leaves[leaf].contains(from), "{from} is not in {}", self.leaves[leaf]);
        self.leaves[leaf] = self.leaves[leaf].replacen(from, to, 1);
        self
    }

    /// Numbers and links the leaves again, as if they had always been these:
    /// outcomes, labels and the summary of slices follow their leaves, `close` counts
    /// again. Leaves that are not canonical keep what they say.
    pub(crate) fn relink(mut self) -> Self {
        let limits = ioi_canon::Limits { bytes_max: 1 << 30, depth_max: 64 };
        let parse = |leaf: &String| ioi_canon::parse(leaf.as_bytes(), limits).ok();
        let mut moved = BTreeMap::new();
        for (index, leaf) in self.leaves.iter().enumerate() {
            if let Some(seq) = parse(leaf).and_then(|value| value.as_map()?.get("seq")?.as_integer()) {
                moved.entry(seq).or_insert(Value::Integer(index as i64));
            }
        }
        let follow = |map: &mut Map, field: &str| {
            let seq = map.get(field).and_then(Value::as_integer);
            if let Some(seq) = seq.and_then(|seq| moved.get(&seq)) {
                map.insert(field.into(), seq.clone());
            }
        };
        let follow_label = |record: &mut Value| {
            let seq = record.as_decimal().and_then(|seq| i64::try_from(seq).ok());
            if let Some(Value::Integer(seq)) = seq.and_then(|seq| moved.get(&seq)) {
                *record = seq.to_string().as_str().into();
            }
        };
        let mut prev = [0; 32];
        let count = self.leaves.len();
        for (index, leaf) in self.leaves.iter_mut().enumerate() {
            if let Some(Value::Map(mut map)) = parse(leaf) {
                follow(&mut map, "intent");
                if let Some(Value::Map(labels)) = facts_of(&mut map).and_then(|facts| facts.get_mut("labels"))
                {
                    labels.values_mut().for_each(follow_label);
                }
                if let Some(Value::List(slices)) = map.get_mut("slices") {
                    slices.iter_mut().for_each(|slice| {
                        if let Value::Map(slice) = slice {
                            follow(slice, "seq");
                        }
                    });
                }
                map.insert("seq".into(), Value::Integer(index as i64));
                map.insert("prev".into(), format!("sha256:{}", hex::encode(&prev)).into());
                if map["kind"].as_str() == Some("close") {
                    map.insert("leaves".into(), Value::Integer(count as i64));
                }
                *leaf = Value::Map(map).to_text();
            }
            prev = sha256(&[&[0], leaf.as_bytes()]);
        }
        self
    }

    /// The index of the first leaf of a kind, counted from the end if `nth` is negative.
    pub(crate) fn find(&self, kind: &str, nth: usize) -> usize {
        let of_kind = |leaf: &&usize| self.value(**leaf)["kind"].as_str() == Some(kind);
        let all: Vec<usize> = (0..self.leaves.len()).collect();
        *all.iter().filter(of_kind).nth(nth).unwrap()
    }

    /// Commits to another value in a leaf's field, and opens it.
    pub(crate) fn commit(mut self, leaf: usize, field: &str, value: &str) -> Self {
        let old = self.value(leaf)[field].as_str().unwrap().to_owned();
        let salt = [0x5a; 16];
        let name =
            format!("sha256:{}", hex::encode(&sha256(&[b"ioi/v1/opening\0", &salt, value.as_bytes()])));
        self.openings.retain(|(commitment, _)| *commitment != old);
        self.openings
            .push((name.clone(), format!("{{\"salt\":\"{}\",\"value\":{value}}}", hex::encode(&salt))));
        self.openings.sort();
        self.edit(leaf, |map| drop(map.insert(field.into(), name.into())))
    }

    /// The text of the value that a leaf's field commits to.
    pub(crate) fn opened(&self, leaf: usize, field: &str) -> Value {
        let commitment = self.value(leaf)[field].as_str().unwrap().to_owned();
        let (_, opening) = self.openings.iter().find(|(name, _)| *name == commitment).unwrap();
        let limits = ioi_canon::Limits { bytes_max: 1 << 30, depth_max: 64 };
        ioi_canon::parse(opening.as_bytes(), limits).unwrap().as_map().unwrap()["value"].clone()
    }

    pub(crate) fn statement(&self) -> Vec<u8> {
        let hashes: Vec<[u8; 32]> = self.leaves.iter().map(|leaf| sha256(&[&[0], leaf.as_bytes()])).collect();
        let size = self.size.unwrap_or(hashes.len() as u64);
        [
            b"ioi/v1/",
            self.kind.as_bytes(),
            &[0, 1],
            &self.log,
            &self.counter.to_le_bytes(),
            &self.previous,
            &[0xb0; 16],
            &40_u32.to_le_bytes(),
            &size.to_le_bytes(),
            &self.root.unwrap_or_else(|| root(&hashes)),
        ]
        .concat()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let statement = self.statement();
        let signer = Signer::new(self.signer);
        let signatures = signer.sign(&statement, self.context.as_bytes());
        self.assemble(&statement, &signer.public(), &signatures)
    }

    /// Puts given parts together, whatever they are.
    pub(crate) fn assemble(
        &self,
        head: &[u8],
        keys: &(Vec<u8>, Vec<u8>),
        signatures: &(Vec<u8>, Vec<u8>),
    ) -> Vec<u8> {
        let pair = |(ed25519, ml_dsa): &(Vec<u8>, Vec<u8>)| {
            format!("\"ed25519\":\"{}\",\"ml_dsa\":\"{}\"", hex::encode(ed25519), hex::encode(ml_dsa))
        };
        let openings: Vec<String> =
            self.openings.iter().map(|(name, opening)| format!("\"{name}\":{opening}")).collect();
        format!(
            "{{\"head\":\"{}\",\"keys\":{{{},\"suite\":1}},\"leaves\":[{}],\"openings\":{{{}}},\"signatures\":{{{}}},\"version\":1}}\n",
            hex::encode(head),
            pair(keys),
            self.leaves.join(","),
            openings.join(","),
            pair(signatures),
        )
        .into_bytes()
    }
}

fn facts_of(map: &mut Map) -> Option<&mut Map> {
    match map.get_mut("facts") {
        Some(Value::Map(facts)) => Some(facts),
        _ => None,
    }
}
