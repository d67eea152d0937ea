//! Plugin frames: whatever is decoded encodes to the bytes that it was decoded from, in any pieces.

use crate::script::Script;
use ioi_plugin::{Decoder, FRAME_OVERHEAD_BYTES, Header, Violation, encode};

/// A decoder's frames, and how it ended.
type Decoded = (Vec<(Header, Vec<u8>)>, Option<Violation>);

/// Two bytes say how the rest is cut and how long a payload may be.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    let step = 1 + usize::from(script.byte());
    let payload_bytes_max = *script.pick(&[0, 64, 4096, 1 << 20]);
    let bytes = script.rest();
    let whole = decode(bytes, bytes.len().max(1), payload_bytes_max);
    assert_eq!(whole, decode(bytes, step, payload_bytes_max), "cut into pieces of {step}");
    let mut again = Vec::new();
    for (header, payload) in &whole.0 {
        assert!(payload.len() <= payload_bytes_max);
        encode(header, payload, &mut again);
    }
    assert!(bytes.starts_with(&again), "frames are the bytes they were decoded from");
}

fn decode(bytes: &[u8], step: usize, payload_bytes_max: usize) -> Decoded {
    let (mut decoder, mut frames) = (Decoder::new(payload_bytes_max), Vec::new());
    for mut piece in bytes.chunks(step) {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(frame)) => frames.push((frame.header, frame.payload.to_vec())),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(decoder.next(&mut piece), Err(violation), "a dead decoder repeats itself");
                    return (frames, Some(violation));
                }
            }
            assert!(decoder.allocated_bytes() <= payload_bytes_max + FRAME_OVERHEAD_BYTES);
        }
        assert!(decoder.allocated_bytes() <= (2 * bytes.len()).max(64), "memory grows with what came");
    }
    (frames, None)
}
