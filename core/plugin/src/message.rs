//! The payloads (`schema/proto/plugin.proto`) and the bounds of their fields.
//!
//! A payload is walked before it is decoded, so that many tiny repeated fields
//! can't unfold into much more memory than they took on the wire. The same
//! bounds are checked before sending.

use ioi_types::limits::INLINE_BYTES_MAX;
use ioi_types::{ErrorCategory, ErrorCode, TransferId};
use prost::Message;

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/ioi.plugin.v1.rs"));
}

pub use wire::{BulkHandle, Event, Request, Response};
pub(crate) use wire::{Cancel, Credit, Error, Handshake, Heartbeat, Limits, Shutdown, Version};

/// Bytes of a tool, service or topic name.
pub const NAME_BYTES_MAX: usize = 128;
/// Bytes of an error's sentence; longer ones are cut when sent.
pub const MESSAGE_BYTES_MAX: usize = 1024;
/// Handles in one answer.
pub const HANDLES_MAX: usize = 64;
/// Labels of one handle.
pub const LABELS_MAX: usize = 16;
/// Fields in one payload, and in one nested message.
const FIELDS_MAX: usize = 256;
const TRACEPARENT_BYTES_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 64;
const DIGEST_BYTES_MAX: usize = 80;
const REASON_BYTES_MAX: usize = 256;

/// What is wrong with a message, in words that name the field.
pub(crate) type Fault = &'static str;

/// A message whose fields have bounds.
pub(crate) trait Checked: Message + Default {
    /// The number of the field whose nested messages hold repeated fields; 0 for none.
    const NESTED_REPEATED: u64 = 0;

    /// The first field that breaks a bound.
    fn check(&self) -> Result<(), Fault>;

    /// Reads a payload.
    fn read(payload: &[u8]) -> Result<Self, Fault> {
        walk(
            payload,
            |number, nested| {
                if number == Self::NESTED_REPEATED { walk(nested, |_, _| Ok(())) } else { Ok(()) }
            },
        )?;
        let message = Self::decode(payload).map_err(|_| "it does not decode")?;
        message.check()?;
        Ok(message)
    }
}

/// Visits the length-delimited fields of one message, without allocating.
fn walk(mut rest: &[u8], visit: impl Fn(u64, &[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
    const CUT: Fault = "it ends inside a field";
    let mut fields = 0;
    while !rest.is_empty() {
        fields += 1;
        if fields > FIELDS_MAX {
            return Err("it has more than 256 fields");
        }
        let key = varint(&mut rest).ok_or(CUT)?;
        let skip = match key & 7 {
            0 => varint(&mut rest).map(|_| 0).ok_or(CUT)?,
            1 => 8,
            2 => varint(&mut rest).ok_or(CUT)?,
            5 => 4,
            _ => return Err("it has a field of no known wire type"),
        };
        let skip = usize::try_from(skip).map_err(|_| CUT)?;
        let (field, later) = rest.split_at_checked(skip).ok_or(CUT)?;
        if key & 7 == 2 {
            visit(key >> 3, field)?;
        }
        rest = later;
    }
    Ok(())
}

/// A varint of at most ten bytes (its bits beyond 64 are the decoder's business).
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for index in 0..10_u32 {
        let (byte, later) = rest.split_first()?;
        *rest = later;
        value |= u64::from(byte & 0x7f).checked_shl(7 * index).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Says `fault` unless `holds`.
const fn need(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_id_or_empty(bytes: &[u8]) -> bool {
    matches!(bytes.len(), 0 | 16)
}

fn is_inline(bytes: &[u8]) -> bool {
    (1..=INLINE_BYTES_MAX).contains(&bytes.len())
}

impl Request {
    /// A call of `name` with one canonical JSON object, given up after `deadline_ms`.
    #[must_use]
    pub fn new(name: impl Into<String>, arguments: Vec<u8>, deadline_ms: u32) -> Self {
        Self { name: name.into(), arguments, deadline_ms, ..Self::default() }
    }

    /// The id under which the answer's descriptor is awaited, if it brings one.
    #[must_use]
    pub fn transfer(&self) -> Option<TransferId> {
        self.transfer_id.as_slice().try_into().ok().map(TransferId)
    }
}

impl Response {
    /// An answer of one canonical JSON value.
    #[must_use]
    pub fn new(result: Vec<u8>) -> Self {
        Self { result, handles: Vec::new() }
    }
}

impl Checked for Request {
    fn check(&self) -> Result<(), Fault> {
        need(is_name(&self.name), "name is not 1 to 128 bytes of printable ASCII")?;
        need(is_inline(&self.arguments), "arguments are not 1 byte to 64 KiB")?;
        need(self.deadline_ms > 0, "deadline_ms is 0")?;
        let trace = &self.traceparent;
        need(
            trace.len() <= TRACEPARENT_BYTES_MAX && trace.bytes().all(|byte| byte.is_ascii_graphic()),
            "traceparent is not at most 64 bytes of printable ASCII",
        )?;
        need(is_id_or_empty(&self.correlation_id), "correlation_id is neither empty nor 16 bytes")?;
        need(is_id_or_empty(&self.transfer_id), "transfer_id is neither empty nor 16 bytes")
    }
}

impl Checked for Response {
    const NESTED_REPEATED: u64 = 2;

    fn check(&self) -> Result<(), Fault> {
        need(is_inline(&self.result), "result is not 1 byte to 64 KiB")?;
        need(self.handles.len() <= HANDLES_MAX, "it has more than 64 handles")?;
        self.handles.iter().try_for_each(check_handle)
    }
}

fn check_handle(handle: &BulkHandle) -> Result<(), Fault> {
    need(handle.offset.checked_add(handle.length).is_some(), "a handle's offset and length overflow")?;
    need(handle.labels.len() <= LABELS_MAX, "a handle has more than 16 labels")?;
    let labels_fit = handle.labels.iter().all(|label| (1..=LABEL_BYTES_MAX).contains(&label.len()));
    need(labels_fit, "a handle's label is not 1 to 64 bytes")?;
    let digest_fits = handle.digest.as_ref().is_none_or(|digest| digest.len() <= DIGEST_BYTES_MAX);
    need(digest_fits, "a handle's digest is longer than 80 bytes")?;
    need(is_id_or_empty(&handle.transfer_id), "a handle's transfer_id is neither empty nor 16 bytes")
}

impl Checked for Event {
    fn check(&self) -> Result<(), Fault> {
        need(is_name(&self.topic), "topic is not 1 to 128 bytes of printable ASCII")?;
        need(is_inline(&self.body), "body is not 1 byte to 64 KiB")
    }
}

impl Checked for Error {
    fn check(&self) -> Result<(), Fault> {
        need(self.code > 0, "code is 0")?;
        need(self.name.len() <= NAME_BYTES_MAX, "name is longer than 128 bytes")?;
        need(self.category.len() <= NAME_BYTES_MAX, "category is longer than 128 bytes")?;
        need(self.message.len() <= MESSAGE_BYTES_MAX, "message is longer than 1024 bytes")?;
        need(is_id_or_empty(&self.correlation_id), "correlation_id is neither empty nor 16 bytes")
    }
}

impl Checked for Heartbeat {
    fn check(&self) -> Result<(), Fault> {
        need(self.opaque.len() == 8, "opaque is not 8 bytes")
    }
}

impl Checked for Shutdown {
    fn check(&self) -> Result<(), Fault> {
        need(self.deadline_ms > 0, "deadline_ms is 0")?;
        need(self.reason.len() <= REASON_BYTES_MAX, "reason is longer than 256 bytes")
    }
}

impl Checked for Credit {
    fn check(&self) -> Result<(), Fault> {
        need(self.bytes > 0, "bytes is 0")
    }
}

impl Checked for Cancel {
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }
}

impl Checked for Handshake {
    fn check(&self) -> Result<(), Fault> {
        need(self.versions.len() <= 16, "it has more than 16 versions")?;
        need(self.features.len() <= 64, "it has more than 64 features")?;
        need(self.features.iter().all(|name| is_name(name)), "a feature is not a name")?;
        need(self.sdk.len() <= NAME_BYTES_MAX, "sdk is longer than 128 bytes")?;
        need(self.nonce.len() == 32, "nonce is not 32 bytes")
    }
}

/// The wire form of an error; its message is cut to its bound at a character.
pub(crate) fn error_message(error: &crate::CallError) -> Error {
    let mut message = error.message.clone();
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    let category = ErrorCode::from_number(error.number).map_or(ErrorCategory::Plugin, ErrorCode::category);
    Error {
        code: error.number,
        name: error.name.clone(),
        category: category.name().to_owned(),
        message,
        retry_after_ms: error.retry_after_ms,
        correlation_id: error.correlation_id.clone(),
    }
}

/// What an Error frame says. The name of a known number is ours, whatever was sent.
pub(crate) fn read_error(error: Error) -> crate::CallError {
    let name = ErrorCode::from_number(error.code).map_or(error.name, |code| code.name().to_owned());
    crate::CallError {
        number: error.code,
        name,
        message: error.message,
        retry_after_ms: error.retry_after_ms,
        correlation_id: error.correlation_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_tiny_fields_are_refused_before_they_are_decoded() {
        let bomb = [0x12, 0x00].repeat(500_000);
        assert_eq!(Response::read(&bomb).unwrap_err(), "it has more than 256 fields");
        let labels = [0x3a, 0x00].repeat(300);
        let mut nested = vec![0x12];
        prost::encoding::encode_varint(labels.len() as u64, &mut nested);
        nested.extend(labels);
        assert_eq!(Response::read(&nested).unwrap_err(), "it has more than 256 fields");
    }

    #[test]
    fn groups_cut_fields_and_endless_varints_are_refused() {
        assert_eq!(Request::read(&[0x0b]).unwrap_err(), "it has a field of no known wire type");
        assert_eq!(Request::read(&[0x0a, 0x05, b'a']).unwrap_err(), "it ends inside a field");
        assert_eq!(Request::read(&[0xff; 11]).unwrap_err(), "it ends inside a field");
        let mut longest = vec![0x0a];
        longest.extend([0xff; 9]);
        longest.push(1);
        assert_eq!(Request::read(&longest).unwrap_err(), "it ends inside a field");
    }

    #[test]
    fn each_bound_of_a_request_is_named() {
        let good = Request::new("documents.read", b"{}".to_vec(), 1);
        assert_eq!(good.check(), Ok(()));
        let broken = [
            Request { name: String::new(), ..good.clone() },
            Request { name: "a b".into(), ..good.clone() },
            Request { name: "fs::wrіte".into(), ..good.clone() },
            Request { name: "n".repeat(129), ..good.clone() },
            Request { arguments: Vec::new(), ..good.clone() },
            Request { arguments: vec![b' '; INLINE_BYTES_MAX + 1], ..good.clone() },
            Request { deadline_ms: 0, ..good.clone() },
            Request { traceparent: "0".repeat(65), ..good.clone() },
            Request { correlation_id: vec![0; 15], ..good.clone() },
            Request { transfer_id: vec![0; 17], ..good.clone() },
        ];
        for request in broken {
            let fault = request.check().unwrap_err();
            assert_eq!(Request::read(&request.encode_to_vec()).unwrap_err(), fault);
        }
    }

    #[test]
    fn a_handle_whose_range_overflows_is_refused() {
        let handle = BulkHandle { offset: u64::MAX, length: 1, ..BulkHandle::default() };
        let response = Response { result: b"{}".to_vec(), handles: vec![handle] };
        assert_eq!(response.check(), Err("a handle's offset and length overflow"));
    }
}
