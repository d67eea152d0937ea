//! The journal's records. See `docs/design/guardian-journal.md`.
//!
//! ```text
//!  0  4  "ioiJ"
//!  4  1  kind: 1 genesis, 2 append, 3 head
//!  5  3  zero
//!  8  4  payload length n, little-endian
//! 12  8  SHA-256(check of the record before ‖ bytes 0..12), its first 8 bytes
//! 20  n  payload
//!  …  32 check = SHA-256(check of the record before ‖ bytes 0..20+n)
//!  …  1  end mark 0xa5
//! ```
//! The header has a check of its own so that a changed length is damage and can't
//! pass for a record that was cut off. The end mark is not zero so that, in a file that was
//! allocated ahead with zeros, the last byte that is not zero ends the last record.

use ioi_crypto::sha256;
use ioi_types::limits::APPEND_LEAVES_MAX;

const MAGIC: [u8; 4] = *b"ioiJ";
const END_MARK: u8 = 0xa5;
const HEADER_BYTES: usize = 20;
/// Header, check and end mark.
const FRAME_BYTES: usize = HEADER_BYTES + 32 + 1;
const PAYLOAD_BYTES_MAX: usize = 8 + APPEND_LEAVES_MAX * 32;

/// What a record records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// The journal's version and log.
    Genesis = 1,
    /// Leaf hashes.
    Append = 2,
    /// A statement.
    Head = 3,
}

/// A record that was read.
pub(crate) struct Record<'a> {
    pub(crate) kind: RecordKind,
    pub(crate) payload: &'a [u8],
    /// The length of the whole record, in bytes.
    pub(crate) bytes: usize,
}

/// Why no record could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadRecord {
    /// It ends before its end, as a write does that was cut off.
    Torn,
    /// It is there to its end and is not what was written.
    Damaged,
}

/// The check of the last record, which the next one continues: a record that is lost,
/// repeated or moved breaks the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain([u8; 32]);

impl Chain {
    /// Before the first record.
    pub(crate) const START: Self = Self([0; 32]);

    /// Makes the next record.
    pub(crate) fn seal(&mut self, kind: RecordKind, payload: &[u8]) -> Vec<u8> {
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a payload that recovery would refuse");
        let mut bytes = Vec::with_capacity(payload.len() + FRAME_BYTES);
        bytes.extend(MAGIC);
        bytes.extend([kind as u8, 0, 0, 0]);
        bytes.extend((payload.len() as u32).to_le_bytes());
        bytes.extend(self.header_check(&bytes));
        bytes.extend(payload);
        self.0 = sha256(&[&self.0, &bytes]);
        bytes.extend(self.0);
        bytes.push(END_MARK);
        bytes
    }

    /// Reads the record at the start of `bytes`, whose last byte is not zero.
    pub(crate) fn open<'a>(&mut self, bytes: &'a [u8]) -> Result<Record<'a>, BadRecord> {
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(BadRecord::Torn)?;
        let (kind, payload_bytes) = self.read_header(header).ok_or(BadRecord::Damaged)?;
        let record = bytes.get(..payload_bytes + FRAME_BYTES).ok_or(BadRecord::Torn)?;
        let (body, tail) = record.split_at(HEADER_BYTES + payload_bytes);
        let check = sha256(&[&self.0, body]);
        if tail[..32] != check || tail[32] != END_MARK {
            return Err(BadRecord::Damaged);
        }
        self.0 = check;
        Ok(Record { kind, payload: &body[HEADER_BYTES..], bytes: record.len() })
    }

    fn read_header(&self, header: &[u8; HEADER_BYTES]) -> Option<(RecordKind, usize)> {
        let (fields, check) = header.split_at(12);
        let [m0, m1, m2, m3, kind, 0, 0, 0, n0, n1, n2, n3] = *fields else { return None };
        let kind = match kind {
            1 => RecordKind::Genesis,
            2 => RecordKind::Append,
            3 => RecordKind::Head,
            _ => return None,
        };
        let payload_bytes = u32::from_le_bytes([n0, n1, n2, n3]) as usize;
        let whole = [m0, m1, m2, m3] == MAGIC
            && payload_bytes <= PAYLOAD_BYTES_MAX
            && *check == self.header_check(fields);
        whole.then_some((kind, payload_bytes))
    }

    fn header_check(&self, fields: &[u8]) -> [u8; 8] {
        let digest = sha256(&[&self.0, fields]);
        std::array::from_fn(|index| digest[index])
    }
}
