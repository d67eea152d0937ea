//! Cap'n Proto messages: what is read is bounded by the message's size, and is written and read again as the same.

use crate::script::Script;
use ioi_data::lens::{Words, encode, pack, read, unpack};
use ioi_data::types::{
    self, AgentContext, Block, ContextSlice, Envelope, InferenceOutput, InferenceRequest, Reference,
    RetrievalProof, Tensor,
};

/// A message of no words still stands for a root of zeros with all its digests.
const BYTES_ALWAYS: usize = 4096;
/// A struct of no words costs one word, and is written with its digests and empty structs.
const GROWTH_MAX: usize = 32;
/// What packed forms may unpack to.
const UNPACKED_BYTES_MAX: usize = 1 << 16;

/// The first byte: the type. The second: words that get a right head, a whole message, or a packed one.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    let look = *script.pick(TYPES);
    match script.byte() % 3 {
        0 => whole(&with_head(script.rest()), look),
        1 => whole(script.rest(), look),
        _ => {
            let Ok(words) = unpack(script.rest(), UNPACKED_BYTES_MAX) else { return };
            assert!(words.as_bytes().len() <= UNPACKED_BYTES_MAX);
            assert_eq!(unpack(&pack(&words), UNPACKED_BYTES_MAX).expect("what was packed unpacks"), words);
            look(words.as_bytes());
        }
    }
}

macro_rules! looks {
    ($($name:ident),*) => { &[$(|bytes: &[u8]| {
        let Ok(message) = read::<$name>(bytes) else { return };
        // Compared as bytes, since a number that is not a number is not equal to itself.
        let written = encode(&message).expect("what was read can be written");
        assert!(written.as_bytes().len() <= BYTES_ALWAYS + GROWTH_MAX * bytes.len(), "it has grown");
        let again = read::<$name>(written.as_bytes()).expect("what was written can be read");
        assert_eq!(encode(&again).expect("and written again"), written);
        let in_rkyv = types::encode(&message).expect("in the other family too");
        let back = types::read::<$name>(&in_rkyv).expect("and read back");
        assert_eq!(encode(&back).expect("and written again"), written);
    }),*] };
}

const TYPES: &[fn(&[u8])] = looks![
    Envelope,
    Tensor,
    AgentContext,
    ContextSlice,
    InferenceRequest,
    InferenceOutput,
    Block,
    RetrievalProof,
    Reference
];

/// The words with the head that they should have.
fn with_head(words: &[u8]) -> Vec<u8> {
    let count = words.len() / 8;
    let head = (count as u64) << 32;
    [&head.to_le_bytes(), &words[..count * 8]].concat()
}

/// The bytes at a multiple of 8, whatever their number.
fn whole(bytes: &[u8], look: fn(&[u8])) {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(8), 0);
    if let Some(room) = Words::copy(&padded) {
        look(&room.as_bytes()[..bytes.len()]);
    }
}
