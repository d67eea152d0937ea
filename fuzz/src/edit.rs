//! Changes to bytes, as a script says: the damage that proofs, journals and receipts must survive.

use crate::script::Script;

/// One input makes so many changes at most.
const EDITS_MAX: usize = 8;
/// Bytes never grow beyond this.
const BYTES_MAX: usize = 1 << 20;

/// Makes the changes that a script describes, until it ends.
pub fn edit(mut bytes: Vec<u8>, script: &mut Script<'_>) -> Vec<u8> {
    for _ in 0..EDITS_MAX {
        if script.is_empty() {
            break;
        }
        step(&mut bytes, script);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn step(bytes: &mut Vec<u8>, script: &mut Script<'_>) {
    let kind = script.byte() % 8;
    let at = script.below(bytes.len() + 1);
    let end = |count: usize| at.saturating_add(count).min(bytes.len());
    match kind {
        0 => flip(bytes, at, script.byte()),
        1 => bytes.splice(at..end(1), [script.byte()]).for_each(drop),
        2 => bytes.splice(at..at, script.piece().iter().copied()).for_each(drop),
        3 => bytes.drain(at..end(script.byte().into())).for_each(drop),
        4 => bytes.truncate(at),
        5 => bytes.extend_from_slice(script.piece()),
        6 => {
            let copied = bytes[at..end(script.byte().into())].to_vec();
            let to = script.below(bytes.len() + 1);
            bytes.splice(to..to, copied).for_each(drop);
        }
        _ => {
            let piece = script.piece();
            bytes.splice(at..end(piece.len()), piece.iter().copied()).for_each(drop);
        }
    }
}

fn flip(bytes: &mut [u8], at: usize, bit: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << (bit % 8);
    }
}
