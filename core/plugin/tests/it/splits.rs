//! However the bytes are cut, and whatever they are.

use crate::support::{SESSION_ID, at, frame, ready, request};
use ioi_plugin::message::{Event, Response};
use ioi_plugin::{
    Decoder, Effect, Effects, FRAME_OVERHEAD_BYTES, Flags, FrameType, Header, Session, fuzz_session,
};
use proptest::prelude::*;
use prost::Message;

const KINDS: [FrameType; 9] = FrameType::ALL;

/// Frames with a right checksum whose every field is likely to be nearly right.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let flags = prop_oneof![6 => Just(0_u16), 2 => Just(4), 2 => Just(8), 1 => Just(32), 1 => any::<u16>()];
    let session = prop_oneof![20 => Just(SESSION_ID), 1 => Just(0), 1 => any::<u64>()];
    let id = prop_oneof![8 => 0..12_u64, 1 => any::<u64>()];
    let payload = prop_oneof![
        4 => Just(request("t").encode_to_vec()),
        2 => Just(Response::new(b"{}".to_vec()).encode_to_vec()),
        1 => Just(Event { topic: "t".into(), body: b"{}".to_vec(), lost: 0 }.encode_to_vec()),
        1 => Just(b"\x08\x01\x10\x01\x18\x01".to_vec()),
        1 => Just(b"\x0a\x08abcdefgh".to_vec()),
        2 => proptest::collection::vec(any::<u8>(), 0..80),
        1 => Just(Vec::new()),
    ];
    (0..KINDS.len(), flags, session, id, payload).prop_map(|(kind, flags, session_id, id, payload)| {
        frame(Header { kind: KINDS[kind], flags: Flags(flags), id, session_id, timestamp_ns: 1 }, &payload)
    })
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![12 => frames(), 1 => proptest::collection::vec(any::<u8>(), 0..60)];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A host with three calls open, so that answers find something.
fn busy_host() -> Session {
    let (mut host, _) = ready();
    for _ in 0..3 {
        host.call(at(0), &request("t"), &mut Effects::new()).unwrap();
    }
    host.call_with_body(at(0), &request("t"), &mut Effects::new()).unwrap();
    host
}

fn all(cuts: &[usize], bytes: &[u8]) -> (Vec<Effect>, Vec<u8>) {
    let mut host = busy_host();
    let mut effects = Effects::new();
    let mut rest = bytes;
    for cut in cuts {
        let (now, later) = rest.split_at(*cut.min(&rest.len()));
        host.receive(at(1), now, &mut effects);
        assert!(host.buffered_bytes() <= (1 << 20) + FRAME_OVERHEAD_BYTES);
        rest = later;
    }
    host.receive(at(1), rest, &mut effects);
    (effects.list, effects.bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_a_stream_has_the_same_effects(
        bytes in stream(),
        cuts in proptest::collection::vec(0..90_usize, 0..60),
    ) {
        let whole = all(&[], &bytes);
        prop_assert_eq!(&whole, &all(&cuts, &bytes));
        prop_assert_eq!(&whole, &all(&vec![1; bytes.len()], &bytes));
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_hold_no_more_than_a_frame(
        bytes in prop_oneof![stream(), proptest::collection::vec(any::<u8>(), 0..600)],
        ready in any::<bool>(),
    ) {
        fuzz_session(ready, &bytes);
    }

    #[test]
    fn a_decoder_holds_no_more_than_what_came_or_one_frame(
        claimed in 0..5_000_u32,
        came in 0..6_000_usize,
        step in 1..700_usize,
    ) {
        let payload = vec![3; claimed as usize];
        let header = Header { kind: FrameType::Event, flags: Flags::NONE, id: 1, session_id: 0, timestamp_ns: 0 };
        let bytes = frame(header, &payload);
        let came = came.min(bytes.len());
        let mut decoder = Decoder::new(4_096);
        let mut given = 0;
        for piece in bytes[..came].chunks(step) {
            given += piece.len();
            let mut rest = piece;
            let result = decoder.next(&mut rest).map(|frame| frame.map(|frame| frame.payload.len()));
            if claimed > 4_096 || claimed == 0 {
                if given >= 36 {
                    prop_assert!(result.is_err());
                }
            } else {
                let whole = (given == bytes.len()).then_some(payload.len());
                prop_assert_eq!(result, Ok(whole));
            }
            prop_assert!(decoder.allocated_bytes() <= (2 * given).clamp(64, 4_096 + FRAME_OVERHEAD_BYTES));
        }
    }
}
