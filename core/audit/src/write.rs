//! Writes a receipt, leaf by leaf, to anything that takes bytes.

use crate::entry::Entry;
use crate::keys::{public_key_value, signature_value};
use ioi_crypto::{PublicKey, Signature};
use ioi_types::{Digest, hex};
use std::io::{self, Write};

/// The version of the receipt format, the field `version`.
pub const RECEIPT_VERSION: u32 = 1;

/// Writes `{head, keys, leaves, openings, signatures, version}` in one pass.
///
/// Leaves go out as they come; the openings are kept and sorted at the end.
#[derive(Debug)]
pub struct ReceiptWriter<W> {
    out: W,
    leaves: u64,
    openings: Vec<(Digest, Vec<u8>)>,
}

impl<W: Write> ReceiptWriter<W> {
    /// Begins with the signed statement's bytes and the key that signed it.
    ///
    /// # Errors
    /// The writer's.
    pub fn begin(mut out: W, head: &[u8], key: &PublicKey) -> io::Result<Self> {
        write!(
            out,
            "{{\"head\":\"{}\",\"keys\":{},\"leaves\":[",
            hex::encode(head),
            public_key_value(key).to_text()
        )?;
        Ok(Self { out, leaves: 0, openings: Vec::new() })
    }

    /// Adds the next entry of the session.
    ///
    /// # Errors
    /// The writer's.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        if self.leaves > 0 {
            self.out.write_all(b",")?;
        }
        self.leaves += 1;
        self.out.write_all(&entry.record)?;
        let opened = entry.openings.iter();
        self.openings
            .extend(opened.map(|(commitment, opening)| (*commitment, opening.to_value().to_bytes())));
        Ok(())
    }

    /// Ends the receipt with the signature over the head. Flushes nothing.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self, signature: &Signature) -> io::Result<W> {
        self.openings.sort_unstable();
        self.openings.dedup();
        self.out.write_all(b"],\"openings\":{")?;
        for (index, (commitment, opening)) in self.openings.iter().enumerate() {
            write!(self.out, "{}\"{commitment}\":", if index > 0 { "," } else { "" })?;
            self.out.write_all(opening)?;
        }
        let signatures = signature_value(signature).to_text();
        writeln!(self.out, "}},\"signatures\":{signatures},\"version\":{RECEIPT_VERSION}}}")?;
        Ok(self.out)
    }
}
