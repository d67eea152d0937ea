//! Takes openings out of a receipt. What remains verifies, and says `closed`.

use crate::layout::Layout;
use crate::record::Record;
use ioi_types::Digest;
use std::collections::BTreeSet;
use std::fmt;

/// Which openings to take out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// Every one.
    All,
    /// All of a field: `args`, `task`, `answer`, `citations` or `policy`.
    Field(String),
    /// The arguments of the intent with this `seq`.
    Intent(u64),
    /// One, by its commitment.
    Commitment(Digest),
}

/// A receipt that can't be redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedactError {
    /// Not the form of a receipt.
    Corrupt(String),
    /// Nothing in the receipt is meant by this selector.
    NothingSelected,
}

impl fmt::Display for RedactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(reason) => write!(f, "the receipt is corrupt: {reason}"),
            Self::NothingSelected => f.write_str("no opening in the receipt is meant by this selection"),
        }
    }
}

impl std::error::Error for RedactError {}

/// A receipt without the openings that `selector` means, and how many those were.
///
/// The receipt is not verified; verify it first.
///
/// # Errors
/// Bytes that do not have the form of a receipt, or a selector that means nothing in it.
pub fn redact(receipt: &[u8], selector: &Selector) -> Result<(Vec<u8>, usize), RedactError> {
    let layout = Layout::of(receipt).map_err(|error| RedactError::Corrupt(error.to_string()))?;
    let selected = selected(&layout, selector)?;
    let (before, after) = layout.around_openings;
    let mut out = Vec::with_capacity(receipt.len());
    out.extend_from_slice(before);
    let mut kept = 0;
    for opening in layout.openings.iter().filter(|opening| !selected.contains(&opening.commitment)) {
        out.extend_from_slice(if kept > 0 { b"," } else { b"" });
        out.extend_from_slice(opening.member);
        kept += 1;
    }
    out.extend_from_slice(after);
    match layout.openings.len() - kept {
        0 => Err(RedactError::NothingSelected),
        removed => Ok((out, removed)),
    }
}

fn selected(layout: &Layout<'_>, selector: &Selector) -> Result<BTreeSet<Digest>, RedactError> {
    let mut selected = BTreeSet::new();
    for leaf in &layout.leaves {
        let record = Record::parse(leaf).map_err(|error| RedactError::Corrupt(error.to_string()))?;
        let meant = |field: &str, commitment: Digest| match selector {
            Selector::All => true,
            Selector::Field(name) => name == field,
            Selector::Intent(seq) => *seq == record.seq && field == "args",
            Selector::Commitment(digest) => *digest == commitment,
        };
        let meant = record.body.commitments().filter(|(field, commitment)| meant(field, *commitment));
        selected.extend(meant.map(|(_, commitment)| commitment));
    }
    Ok(selected)
}
