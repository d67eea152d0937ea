//! rkyv messages of every type: what is accepted is written and accepted again as the same value.

use crate::script::Script;
use ioi_data::types::*;

/// Regions begin at such addresses.
const ALIGNMENT: usize = ALIGN_BYTES;

/// The first byte: the type. The rest: the message, viewed as it is.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    let look = *script.pick(TYPES);
    let bytes = script.rest();
    let mut room = vec![0; bytes.len() + ALIGNMENT];
    let start = room.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
    room[start..start + bytes.len()].copy_from_slice(bytes);
    look(&room[start..start + bytes.len()]);
}

macro_rules! looks {
    ($($name:ident),*) => { &[$(|bytes: &[u8]| {
        let Ok(message) = read::<$name>(bytes) else { return };
        assert!(view::<$name>(bytes).is_ok(), "what can be read can be viewed");
        // Compared as bytes, since a number that is not a number is not equal to itself.
        let written = encode(&message).expect("what was read can be written");
        let again = read::<$name>(&written).expect("what was written can be read");
        assert_eq!(encode(&again).expect("and written again").as_slice(), written.as_slice());
        let other = ioi_data::lens::encode(&message).expect("in the other family too");
        let back = ioi_data::lens::read::<$name>(other.as_bytes()).expect("and read back");
        assert_eq!(encode(&back).expect("and written again").as_slice(), written.as_slice());
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
