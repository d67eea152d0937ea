//! One record with its leaf hash and openings, and its line in `records.jsonl`.
//!
//! A line is one canonical object and a newline: `{"openings":{…},"record":{…}}`;
//! `openings` is absent when the record has no commitment.

use crate::commit::Opening;
use crate::fields::{FieldError, Fields};
use crate::record::{RECORD_BYTES_MAX, RECORD_DEPTH_MAX, Record, RecordError};
use ioi_canon::{Limits, Value};
use ioi_merkle::{MerkleHash, Sha256Tree};
use ioi_types::Digest;

/// The longest line: a record and the openings of `close`, which are all questions and answers of a session,
/// its citations and its policy.
pub const LINE_BYTES_MAX: usize = 9 * RECORD_BYTES_MAX;

// A policy's text at most doubles where it is escaped.
const _: () = assert!(LINE_BYTES_MAX > RECORD_BYTES_MAX + 2 * ioi_types::limits::POLICY_BYTES_MAX);

/// One record, ready to be written and to be appended to the guardian's frontier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The canonical bytes of the record.
    pub record: Vec<u8>,
    /// `SHA-256(0x00 ‖ record)`.
    pub leaf_hash: [u8; 32],
    /// What opens the record's commitments, in ascending order of commitment.
    pub openings: Vec<(Digest, Opening)>,
}

impl Entry {
    pub(crate) fn new(record: Vec<u8>, mut openings: Vec<(Digest, Opening)>) -> Self {
        openings.sort_by_key(|(commitment, _)| *commitment);
        Self { leaf_hash: Sha256Tree::leaf(&record), record, openings }
    }

    /// The line of `records.jsonl`, newline included.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(self.record.len() + 512);
        line.push(b'{');
        if !self.openings.is_empty() {
            line.extend_from_slice(b"\"openings\":");
            let opened =
                self.openings.iter().map(|(digest, opening)| (digest.to_string(), opening.to_value()));
            line.extend_from_slice(&Value::map(opened).to_bytes());
            line.push(b',');
        }
        line.extend_from_slice(b"\"record\":");
        line.extend_from_slice(&self.record);
        line.extend_from_slice(b"}\n");
        line
    }

    /// Reads a line, newline included.
    ///
    /// # Errors
    /// A line that is not canonical, an opening that opens nothing in the
    /// record, a record of another version.
    pub fn parse_line(line: &[u8]) -> Result<(Self, Record), RecordError> {
        let limits = Limits { bytes_max: LINE_BYTES_MAX, depth_max: RECORD_DEPTH_MAX + 4 };
        let value = ioi_canon::parse_file(line, limits).map_err(RecordError::Canonical)?;
        let mut fields = Fields::of(value)?;
        let value = fields.value("record")?;
        let bytes = value.to_bytes();
        let record = Record::from_value(value)?;
        let openings = openings(&record, fields.optional("openings"))?;
        fields.finish()?;
        Ok((Self::new(bytes, openings), record))
    }
}

fn openings(record: &Record, value: Option<Value>) -> Result<Vec<(Digest, Opening)>, FieldError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let Value::Map(map) = value else { return Err(FieldError::NotAnObject) };
    let open = |(name, value): (String, Value)| {
        let opening = Opening::from_value(value)?;
        let commitment = opening.commitment();
        let known = record.body.commitments().any(|(_, known)| known == commitment);
        if !known || commitment.to_string() != name {
            return Err(FieldError::Shape("openings", "the opening of a commitment in its record"));
        }
        Ok((commitment, opening))
    };
    map.into_iter().map(open).collect()
}
