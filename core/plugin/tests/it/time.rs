//! Heartbeats and time limits.

use crate::support::{at, closed, feed, frame, header, ready, ready_with, request_frame, violation};
use ioi_plugin::{CloseReason, Effect, Effects, Flags, FrameType, Limits, Session, Violation, limits};

fn unanswered(session: &mut Session) -> Vec<u64> {
    let mut beats = Vec::new();
    loop {
        let wake = session.wake_at_ms();
        let mut effects = Effects::new();
        session.tick(at(wake), &mut effects);
        if let Some(reason) = closed(&effects) {
            assert_eq!(reason, &CloseReason::Violation(Violation::HeartbeatLost { misses: 3 }));
            beats.push(wake);
            return beats;
        }
        assert!(!effects.bytes.is_empty());
        beats.push(wake);
    }
}

#[test]
fn three_heartbeats_without_an_echo_end_the_session() {
    let (mut host, mut plugin) = ready();
    assert_eq!(unanswered(&mut host), [5_000, 10_000, 15_000, 20_000]);
    assert_eq!(unanswered(&mut plugin), [5_000, 10_000, 15_000, 20_000]);
}

#[test]
fn echoes_keep_a_session_alive() {
    let (mut host, mut plugin) = ready();
    for round in 1..100 {
        let (mut beat, mut rest) = (Effects::new(), Effects::new());
        host.tick(at(round * 5_000), &mut beat);
        plugin.tick(at(round * 5_000), &mut rest);
        plugin.receive(at(round * 5_000), &beat.bytes, &mut rest);
        let mut back = Effects::new();
        host.receive(at(round * 5_000), &rest.bytes, &mut back);
        plugin.receive(at(round * 5_000), &back.bytes, &mut Effects::new());
    }
    assert!(host.is_ready() && plugin.is_ready());
}

#[test]
fn an_echo_of_other_bytes_is_refused() {
    let (mut host, _) = ready();
    host.tick(at(5_000), &mut Effects::new());
    let echo = frame(header(FrameType::Heartbeat, Flags::NONE, 1), b"\x0a\x08abcdefgh\x10\x01");
    assert_eq!(violation(&feed(&mut host, &echo)), Some("protocol.payload"));
}

#[test]
fn a_flood_of_heartbeats_is_refused() {
    let (mut host, _) = ready();
    let beat = |id| frame(header(FrameType::Heartbeat, Flags::NONE, id), b"\x0a\x08abcdefgh");
    let answered = (2..100).take_while(|id| violation(&feed(&mut host, &beat(*id))).is_none()).count();
    assert_eq!(answered, limits::HEARTBEATS_PER_INTERVAL_MAX as usize);
}

#[test]
fn a_handshake_that_is_not_finished_in_5_s_ends_the_session() {
    for mut session in [
        crate::support::host(Limits::default()),
        crate::support::plugin(Limits::default(), &mut Effects::new()),
    ] {
        assert_eq!(session.wake_at_ms(), 5_000);
        let mut effects = Effects::new();
        session.tick(at(4_999), &mut effects);
        assert!(effects.list.is_empty());
        session.tick(at(5_000), &mut effects);
        assert_eq!(violation(&effects), Some("protocol.timeout"));
    }
}

#[test]
fn a_frame_that_dribbles_longer_than_30_s_ends_the_session() {
    let (mut host, _) = ready();
    let bytes = request_frame(1);
    let mut effects = Effects::new();
    for (second, byte) in bytes.iter().take(30).enumerate() {
        host.receive(at(second as u64 * 1_000), std::slice::from_ref(byte), &mut effects);
    }
    assert!(effects.list.is_empty());
    host.tick(at(30_000), &mut effects);
    assert_eq!(violation(&effects), Some("protocol.timeout"));
}

#[test]
fn the_time_limit_of_a_frame_begins_with_its_own_first_byte() {
    let (mut host, _) = ready_with(Limits { heartbeat_interval_ms: 600_000, ..Limits::default() });
    let mut effects = Effects::new();
    // No moment passes without an unfinished frame, and none is 30 s old.
    host.receive(at(0), &request_frame(2)[..20], &mut effects);
    for round in 1..5 {
        let (one, two) = (request_frame(round + 1), request_frame(round + 2));
        host.receive(at(round * 20_000), &[&one[20..], &two[..20]].concat(), &mut effects);
        host.tick(at(round * 20_000), &mut effects);
        assert!(closed(&effects).is_none(), "round {round}");
    }
    assert_eq!(effects.list.iter().filter(|effect| matches!(effect, Effect::Request(_))).count(), 4);
    let late = limits::FRAME_MS + 80_000;
    host.tick(at(late), &mut effects);
    assert_eq!(violation(&effects), Some("protocol.timeout"));
}
