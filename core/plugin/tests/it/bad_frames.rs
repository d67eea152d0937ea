//! Frames that must not be taken, one row each: what comes, and the code that closes the session.

use crate::support::{
    SESSION_ID, closed, feed, frame, header, host, ready, ready_with, request, request_frame, violation,
};
use ioi_plugin::message::{Request, Response};
use ioi_plugin::{
    CloseReason, Decoder, Effect, Effects, Flags, FrameType, Header, Limits, Session, checksum, limits,
};
use prost::Message;

/// The rules are the same on both sides, except that only a host is asked for a handshake.
fn sides() -> [(&'static str, Session); 2] {
    let (host, plugin) = ready();
    [("host", host), ("plugin", plugin)]
}

/// What the frames in `bytes` say, without a session.
fn error_code(bytes: &[u8]) -> Option<String> {
    let mut decoder = Decoder::new(1 << 20);
    let mut rest = bytes;
    let mut last = None;
    while let Some(frame) = decoder.next(&mut rest).unwrap() {
        // Field 2 of Error is the name, after field 1, a varint of two bytes.
        let name =
            |payload: &[u8]| String::from_utf8_lossy(&payload[5..5 + usize::from(payload[4])]).into_owned();
        last = (frame.header.kind == FrameType::Error && frame.header.id == 0).then(|| name(frame.payload));
    }
    last
}

#[track_caller]
fn refused(row: &str, session: &mut Session, bytes: &[u8], code: &str) {
    let effects = feed(session, bytes);
    assert_eq!(violation(&effects), Some(code), "{row}: {effects:?}");
    let told = error_code(&effects.bytes);
    assert_eq!(told.as_deref(), Some(code), "{row}: the peer is told");
    let delivered = effects.list.iter().any(|effect| matches!(effect, Effect::Request(_) | Effect::Event(_)));
    assert!(!delivered, "{row}: nothing is delivered");
    assert_eq!(session.buffered_bytes(), 0, "{row}: nothing is kept");
    let after = feed(session, &request_frame(1_000));
    assert!(after.list.is_empty() && after.bytes.is_empty(), "{row}: a closed session is deaf and mute");
}

fn refused_by_both(row: &str, bytes: &[u8], code: &str) {
    for (side, mut session) in sides() {
        refused(&format!("{row} at the {side}"), &mut session, bytes, code);
    }
}

/// Sets bytes of a header and makes the checksum right again.
fn patched(mut bytes: Vec<u8>, offset: usize, value: &[u8]) -> Vec<u8> {
    bytes[offset..offset + value.len()].copy_from_slice(value);
    let end = bytes.len() - 8;
    let sum = checksum(&bytes[..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn i40_a_frame_cut_short_by_the_end_is_no_frame() {
    let whole = request_frame(9);
    for count in [0, 1, 31, 32, 35, 36, 43, whole.len() - 1] {
        for mut session in [host(Limits::default()), ready().0, ready().1] {
            let cut = if session.is_ready() { &whole[..count] } else { &whole[..count.min(35)] };
            let mut effects = feed(&mut session, cut);
            assert!(effects.list.is_empty(), "{count}: {effects:?}");
            session.ended(&mut effects);
            assert_eq!(closed(&effects), Some(&CloseReason::TransportEnded), "{count}");
        }
    }
}

#[test]
fn i41_a_length_that_cannot_be_is_refused_before_anything_is_allocated() {
    for kind in FrameType::ALL.into_iter().filter(|kind| *kind != FrameType::Cancel) {
        refused_by_both(
            &format!("{kind:?} of length 0"),
            &frame(header(kind, Flags::NONE, 9), b""),
            "protocol.length",
        );
    }
    let max = Limits::default().payload_bytes_max;
    for length in [u32::MAX, max + 1, 1 << 31] {
        let bytes = patched(request_frame(9), 32, &length.to_le_bytes());
        refused_by_both(&format!("length {length}"), &bytes[..36], "protocol.length");
    }
    let before = patched(request_frame(1), 32, &65_493_u32.to_le_bytes());
    refused("64 KiB before the handshake", &mut host(Limits::default()), &before[..36], "protocol.length");
}

#[test]
fn i41_the_agreed_length_is_taken_and_one_byte_more_is_not() {
    let limits = Limits { payload_bytes_max: 64 * 1024, ..Limits::default() };
    let open = frame(header(FrameType::Request, Flags::STREAM, 9), &request("t").encode_to_vec());
    let chunk = |bytes: usize| frame(header(FrameType::Request, Flags::END, 9), &vec![1; bytes]);
    let (mut host, _) = ready_with(limits);
    feed(&mut host, &open);
    let effects = feed(&mut host, &chunk(64 * 1024));
    assert!(
        matches!(effects.list.as_slice(), [Effect::Chunk { bytes, last: true, .. }] if bytes.len() == 64 * 1024)
    );
    let (mut host, _) = ready_with(limits);
    feed(&mut host, &open);
    refused("cap + 1", &mut host, &chunk(64 * 1024 + 1), "protocol.length");
}

#[test]
fn i42_a_length_that_does_not_fit_the_bytes_breaks_the_checksum_or_the_time_limit() {
    let good = request_frame(9);
    let length = good.len() as u32 - 44;
    let mut shorter = good.clone();
    shorter[32..36].copy_from_slice(&(length - 1).to_le_bytes());
    refused_by_both("one byte shorter than sent", &shorter, "protocol.checksum");
    let mut longer = good.clone();
    longer[32..36].copy_from_slice(&(length + 1).to_le_bytes());
    refused_by_both(
        "one byte longer, with the next frame's",
        &[longer.clone(), good].concat(),
        "protocol.checksum",
    );
    for (side, mut session) in sides() {
        let mut effects = feed(&mut session, &longer);
        session.tick(crate::support::at(limits::FRAME_MS), &mut effects);
        assert_ne!(violation(&effects), Some("protocol.timeout"), "{side}");
        session.tick(crate::support::at(limits::FRAME_MS + 1), &mut effects);
        assert_eq!(violation(&effects), Some("protocol.timeout"), "{side}");
    }
}

#[test]
fn i43_another_version_is_refused_with_the_first_byte_and_told_which_is_spoken() {
    for version in [0, 2, 255] {
        let row = format!("version {version}");
        refused_by_both(&row, &[version], "protocol.version");
        refused(&row, &mut host(Limits::default()), &[version], "protocol.version");
        refused_by_both(&row, &patched(request_frame(9), 0, &[version]), "protocol.version");
    }
    let effects = feed(&mut host(Limits::default()), &[2]);
    assert!(String::from_utf8_lossy(&effects.bytes).contains("speaks 1.0"));
}

#[test]
fn i44_every_other_type_is_refused_in_every_state() {
    let built = FrameType::ALL.map(|kind| kind as u8);
    for byte in (0..=255_u8).filter(|byte| !built.contains(byte)) {
        let bytes = patched(request_frame(9), 1, &[byte]);
        refused_by_both(&format!("type {byte:#x}"), &bytes, "protocol.type");
        refused("before the handshake", &mut host(Limits::default()), &bytes, "protocol.type");
    }
}

#[test]
fn i45_reserved_bits_and_flags_that_are_not_offered_are_refused() {
    for bit in 0..32 {
        let bytes = patched(request_frame(9), 4, &(1_u32 << bit).to_le_bytes());
        refused_by_both(&format!("reserved bit {bit}"), &bytes, "protocol.reserved");
    }
    for bits in (6..16).map(|bit| 1_u16 << bit).chain([
        1,
        2,
        3,
        16,
        1 | 4,
        2 | 8,
        16 | 4,
        4 | 8,
        32 | 4,
        32 | 8,
        0xffff,
    ]) {
        let bytes = patched(request_frame(9), 2, &bits.to_le_bytes());
        refused_by_both(&format!("flags {bits:#x}"), &bytes, "protocol.flags");
    }
    let event = frame(header(FrameType::Event, Flags::ONE_WAY, 9), b"x");
    refused_by_both("ONE_WAY on an Event", &event, "protocol.flags");
}

#[test]
fn i46_a_wrong_checksum_is_refused_whatever_is_wrong_with_it() {
    let good = request_frame(9);
    let end = good.len() - 8;
    for bit in 0..64 {
        let mut bytes = good.clone();
        bytes[end + bit / 8] ^= 1 << (bit % 8);
        refused_by_both(&format!("checksum bit {bit}"), &bytes, "protocol.checksum");
    }
    let zero = [&good[..end], &[0; 8]].concat();
    refused_by_both("all zero", &zero, "protocol.checksum");
    let other = request_frame(10);
    refused_by_both("of another frame", &[&good[..end], &other[end..]].concat(), "protocol.checksum");
}

#[test]
fn i46_no_single_flipped_bit_of_a_frame_is_delivered() {
    let good = request_frame(9);
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let effects = feed(&mut ready().0, &bytes);
        let delivered = effects.list.iter().any(|effect| matches!(effect, Effect::Request(_)));
        assert!(!delivered, "bit {bit}");
    }
}

#[test]
fn i47_ids_that_are_reused_decreased_or_unknown_are_refused() {
    for (side, mut session) in sides() {
        assert!(matches!(feed(&mut session, &request_frame(9)).list.as_slice(), [Effect::Request(_)]));
        refused(&format!("in flight, at the {side}"), &mut session, &request_frame(9), "protocol.id");
    }
    for id in [0, 1, 8] {
        for (side, mut session) in sides() {
            feed(&mut session, &request_frame(9));
            refused(&format!("{id} after 9, at the {side}"), &mut session, &request_frame(id), "protocol.id");
        }
    }
    let answer = Response::new(b"{}".to_vec()).encode_to_vec();
    let chunk = |flags| frame(header(FrameType::Request, flags, 9), b"abc");
    let rows = [
        ("Response to an id never opened", frame(header(FrameType::Response, Flags::NONE, 77), &answer)),
        ("Response to id 0", frame(header(FrameType::Response, Flags::NONE, 0), &answer)),
        ("Error for an id never opened", frame(header(FrameType::Error, Flags::NONE, 77), b"\x08\x01")),
        ("Cancel of an id never opened", frame(header(FrameType::Cancel, Flags::NONE, 77), b"")),
        ("Cancel of id 0", frame(header(FrameType::Cancel, Flags::NONE, 0), b"")),
        ("last chunk of a stream never opened", chunk(Flags::END)),
        ("chunk of a call without a body", [request_frame(9), chunk(Flags::STREAM)].concat()),
        (
            "echo of a heartbeat never sent",
            frame(header(FrameType::Heartbeat, Flags::NONE, 5), b"\x0a\x08abcdefgh\x10\x01"),
        ),
        ("Credit with a header id", frame(header(FrameType::Credit, Flags::NONE, 5), b"\x18\x01")),
        (
            "Credit for a stream never opened",
            frame(header(FrameType::Credit, Flags::NONE, 0), b"\x10\x63\x18\x01"),
        ),
        ("Event with id 0", frame(header(FrameType::Event, Flags::NONE, 0), b"\x0a\x01t\x12\x02{}")),
    ];
    for (row, bytes) in rows {
        for (side, mut session) in sides() {
            let effects = feed(&mut session, &bytes);
            assert_eq!(violation(&effects), Some("protocol.id"), "{row} at the {side}: {effects:?}");
        }
    }
}

#[test]
fn i47_a_second_answer_to_one_call_is_refused() {
    let (mut host, _) = ready();
    let mut effects = Effects::new();
    let id = host.call(crate::support::at(0), &request("t"), &mut effects).unwrap();
    let answer =
        frame(header(FrameType::Response, Flags::NONE, id.0), &Response::new(b"{}".to_vec()).encode_to_vec());
    assert!(matches!(feed(&mut host, &answer).list.as_slice(), [Effect::Response { .. }]));
    refused("answered twice", &mut host, &answer, "protocol.id");
}

#[test]
fn i48_a_frame_of_another_session_is_refused() {
    let other = |session_id| frame(Header { session_id, ..header(FrameType::Request, Flags::NONE, 9) }, b"x");
    for session_id in [0, 1, SESSION_ID ^ 1, u64::MAX] {
        refused_by_both(&format!("session {session_id:#x}"), &other(session_id), "protocol.session");
    }
    // A reconnected peer gets a new id; what it recorded before is of no use.
    let config = ioi_plugin::HostConfig::new(SESSION_ID + 1, [0; 32]);
    let mut again = Session::host(config, crate::support::at(0));
    let mut opening = Effects::new();
    let _plugin = crate::support::plugin(Limits::default(), &mut opening);
    feed(&mut again, &opening.bytes);
    refused("replayed after a reconnect", &mut again, &request_frame(9), "protocol.session");
}

#[test]
fn i49_the_timestamp_decides_nothing() {
    let day_ns = 86_400_000_000_000;
    let base = 1_700_000_000_000_000_000;
    for timestamp_ns in [0, u64::MAX, base, base - day_ns, base + day_ns] {
        let header = Header { timestamp_ns, ..header(FrameType::Request, Flags::NONE, 9) };
        for (side, mut session) in sides() {
            let effects = feed(&mut session, &frame(header, &request("t").encode_to_vec()));
            assert!(matches!(effects.list.as_slice(), [Effect::Request(_)]), "{timestamp_ns} at the {side}");
        }
    }
}

#[test]
fn i50_nothing_but_one_handshake_begins_a_session() {
    for kind in FrameType::ALL.into_iter().filter(|kind| *kind != FrameType::Handshake) {
        let bytes = frame(Header { session_id: 0, ..header(kind, Flags::NONE, 1) }, b"x");
        refused(&format!("{kind:?} first"), &mut host(Limits::default()), &bytes, "protocol.state");
    }
    let mut hello = Effects::new();
    let mut plugin = crate::support::plugin(Limits::default(), &mut hello);
    let mut host = host(Limits::default());
    let answer = feed(&mut host, &hello.bytes);
    feed(&mut plugin, &answer.bytes);
    refused("handshake replayed to the host", &mut host, &hello.bytes, "protocol.state");
    refused("answer replayed to the plugin", &mut plugin, &answer.bytes, "protocol.state");
    let second = frame(header(FrameType::Handshake, Flags::NONE, 2), b"x");
    refused_by_both("second handshake", &second, "protocol.state");
}

#[test]
fn a_handshake_out_of_bounds_is_refused() {
    let nonce = [b"\x2a\x20".as_slice(), &[7; 32]].concat();
    let version = b"\x0a\x02\x08\x01".to_vec();
    let limits = b"\x32\x0c\x08\x80\x80\x40\x10\x80\x02\x18\x88\x27\x20\x03".to_vec();
    let good = [version.clone(), nonce.clone(), limits.clone()].concat();
    let hello = |payload: &[u8], id| {
        frame(Header { session_id: 0, ..header(FrameType::Handshake, Flags::NONE, id) }, payload)
    };
    assert!(matches!(
        feed(&mut host(Limits::default()), &hello(&good, 1)).list.as_slice(),
        [Effect::Ready(_)]
    ));
    let rows: [(&str, Vec<u8>, &str); 9] = [
        ("no version", [nonce.clone(), limits.clone()].concat(), "protocol.version"),
        ("only version 2", [b"\x0a\x02\x08\x02", nonce.as_slice(), &limits].concat(), "protocol.version"),
        ("no nonce", [version.clone(), limits.clone()].concat(), "protocol.payload"),
        ("short nonce", [version.as_slice(), b"\x2a\x01x", &limits].concat(), "protocol.payload"),
        ("no limits", [version.clone(), nonce.clone()].concat(), "protocol.payload"),
        ("payloads of 4095 bytes", [good.as_slice(), b"\x32\x03\x08\xff\x1f"].concat(), "protocol.payload"),
        (
            "no calls",
            [version.as_slice(), &nonce, b"\x32\x0a\x08\x80\x80\x40\x18\x88\x27\x20\x03\x00"].concat(),
            "protocol.payload",
        ),
        ("a feature with a space", [good.as_slice(), b"\x1a\x03a b"].concat(), "protocol.payload"),
        ("junk", b"\xff\xff\xff".to_vec(), "protocol.payload"),
    ];
    for (row, payload, code) in rows {
        refused(row, &mut host(Limits::default()), &hello(&payload, 1), code);
    }
    refused("id 0", &mut host(Limits::default()), &hello(&good, 0), "protocol.id");
}

#[test]
fn payloads_that_are_not_their_message_are_refused() {
    let deadline = Request { deadline_ms: 0, ..request("t") }.encode_to_vec();
    let rows: [(&str, FrameType, Vec<u8>); 9] = [
        ("no deadline", FrameType::Request, deadline),
        ("invalid UTF-8 in a name", FrameType::Request, b"\x0a\x01\xff\x12\x02{}\x18\x01".to_vec()),
        ("junk", FrameType::Request, b"\xff".to_vec()),
        ("no arguments", FrameType::Request, Request { arguments: vec![], ..request("t") }.encode_to_vec()),
        ("no topic", FrameType::Event, b"\x12\x02{}".to_vec()),
        ("opaque of 7 bytes", FrameType::Heartbeat, b"\x0a\x07abcdefg".to_vec()),
        ("shutdown at once", FrameType::Shutdown, b"\x12\x01x".to_vec()),
        ("junk in a Cancel", FrameType::Cancel, b"\xff".to_vec()),
        ("error without a code", FrameType::Error, b"\x12\x01x".to_vec()),
    ];
    for (row, kind, payload) in rows {
        refused_by_both(row, &frame(header(kind, Flags::NONE, 9), &payload), "protocol.payload");
    }
    let credit = frame(header(FrameType::Credit, Flags::NONE, 0), b"\x10\x01");
    refused_by_both("no bytes of credit", &credit, "protocol.payload");
}

#[test]
fn an_answer_that_unfolds_into_many_handles_is_refused() {
    let (mut host, _) = ready();
    let id = host.call(crate::support::at(0), &request("t"), &mut Effects::new()).unwrap();
    let bomb = [b"\x0a\x02{}".as_slice(), &b"\x12\x00".repeat(500_000)].concat();
    let bytes = frame(header(FrameType::Response, Flags::NONE, id.0), &bomb);
    let effects = feed(&mut host, &bytes);
    assert_eq!(violation(&effects), Some("protocol.payload"));
    assert!(matches!(effects.list.first(), Some(Effect::Failed { .. })), "the call fails");
}
