//! The control plane: frames of HTTP/2 are counted the same in any pieces, and a payload is one thing within its
//! bounds or refused.

use crate::script::Script;
use ioi_ipc::bounds::{Bounds, Rate};
use ioi_ipc::flood::Meter;
use ioi_ipc::payload::Content;
use ioi_ipc::proto::common::{Payload, SharedMemoryHandle};
use ioi_ipc::proto::control::{ExecuteJobRequest, execute_job_request::Job};
use std::time::Instant;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const RATE: Rate = Rate { burst: 5, per_second: 1 };
const INLINE_BYTES_MAX: usize = 65_536;
const REGION_BYTES_MAX: u128 = 1 << 30;

/// The first byte: frames, or a message.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    match script.byte() {
        b'f' => frames(&mut script),
        _ => message(script.rest()),
    }
}

fn frames(script: &mut Script<'_>) {
    let piece = usize::from(script.byte()).max(1);
    let bytes = [PREFACE, script.rest()].concat();
    // Time stands still, so nothing but the bytes decides.
    let now = Instant::now();
    let bounds = Bounds { resets: RATE, empty_frames: RATE, ..Bounds::NODE };
    let mut meter = Meter::new(&bounds, now);
    let refused = bytes.chunks(piece).any(|part| meter.take(part, now).is_err());
    assert_eq!(refused, floods(script.rest()), "in pieces of {piece}");
}

/// Frame by frame over the whole, which is there at once.
fn floods(mut bytes: &[u8]) -> bool {
    let (mut resets, mut others) = (0, 0);
    while let [high, middle, low, kind, flags, _, _, _, _, rest @ ..] = bytes {
        let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        match kind {
            0 if length > 0 || flags & 1 == 1 => {}
            1 => {}
            3 => resets += 1,
            _ => others += 1,
        }
        bytes = &rest[length.min(rest.len())..];
    }
    resets > RATE.burst || others > RATE.burst
}

fn message(bytes: &[u8]) {
    let Ok(request) = ioi_ipc::decode::<ExecuteJobRequest>(bytes) else { return };
    match request.job {
        Some(Job::Ingest(job)) => [job.text, job.source].into_iter().flatten().for_each(payload),
        Some(Job::Infer(job)) => job.input.into_iter().for_each(payload),
        _ => {}
    }
}

fn payload(payload: Payload) {
    let expected = match (&payload.inline, &payload.handle) {
        (Some(bytes), None) => bytes.len() <= INLINE_BYTES_MAX,
        (None, Some(handle)) => lies_in_a_region(handle),
        _ => false,
    };
    let given = payload.clone();
    match payload.content("it") {
        Ok(Content::Inline(bytes)) => assert!(expected && given.inline == Some(bytes)),
        Ok(Content::Handle(handle)) => assert!(expected && given.handle == Some(handle)),
        Err(_) => assert!(!expected, "{given:?}"),
    }
}

fn lies_in_a_region(handle: &SharedMemoryHandle) -> bool {
    let end = u128::from(handle.offset) + u128::from(handle.length);
    let is_named = handle.region > 0 && handle.generation > 0;
    is_named && handle.length > 0 && handle.offset & 63 == 0 && end <= REGION_BYTES_MAX
}
