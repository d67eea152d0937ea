//! A message on the wire against its contract, before anything of it is read into memory.
//!
//! An item of two bytes may take a hundred in memory, so items are counted here, where they take none. What the
//! contract has once stands there once: the last of two would win in silence.

use crate::bounds::MESSAGE_DEPTH_MAX;
use crate::status::refuse;
use ioi_types::ErrorCode;
use std::collections::HashMap;
use std::sync::LazyLock;
use tonic::Status;

/// One message of the contracts.
#[derive(Debug)]
struct Shape {
    name: &'static str,
    fields: &'static [Field],
}

#[derive(Debug)]
struct Field {
    number: u32,
    /// Its own, or that of its `oneof`.
    name: &'static str,
    /// Which of the shapes, for a message.
    child: Option<usize>,
    count: Count,
}

#[derive(Debug)]
enum Count {
    /// A `oneof` has one slot for all of its fields.
    Once { slot: u8 },
    /// `counter` is the field's own; `most` holds for the whole message, all of its parts together.
    Many { counter: usize, most: u32, is_packed: bool },
}

include!(concat!(env!("OUT_DIR"), "/shapes.rs"));

static BY_NAME: LazyLock<HashMap<&'static str, &'static Shape>> =
    LazyLock::new(|| SHAPES.iter().map(|shape| (shape.name, shape)).collect());

/// Whether a message of that type may be read.
///
/// # Errors
/// `protocol.payload` for bytes that are no message or have something twice, `argument.invalid` for too many items.
pub(crate) fn check(name: &str, bytes: &[u8]) -> Result<(), Status> {
    let shape = BY_NAME.get(name).ok_or_else(|| broken(&format!("`{name}` is in no contract")))?;
    message(shape, bytes, &mut [0; REPEATED], 0)
}

fn broken(why: &str) -> Status {
    refuse(ErrorCode::ProtocolPayload, format!("the message is not of its type: {why}"))
}

fn message(shape: &Shape, bytes: &[u8], counts: &mut [u32; REPEATED], depth: usize) -> Result<(), Status> {
    if depth > MESSAGE_DEPTH_MAX {
        return Err(too_deep());
    }
    let (mut left, mut seen) = (bytes, 0_u64);
    while !left.is_empty() {
        let (number, value) = next(&mut left, depth)?;
        let Some(field) = shape.fields.iter().find(|field| field.number == number) else { continue };
        count(field, &value, &mut seen, counts)?;
        if let (Some(child), Value::Bytes(part)) = (field.child, &value) {
            message(&SHAPES[child], part, counts, depth + 1)?;
        }
    }
    Ok(())
}

fn count(
    field: &Field,
    value: &Value<'_>,
    seen: &mut u64,
    counts: &mut [u32; REPEATED],
) -> Result<(), Status> {
    match field.count {
        Count::Once { slot } => {
            let bit = 1 << slot;
            if *seen & bit != 0 {
                return Err(broken(&format!("`{}` stands there twice", field.name)));
            }
            *seen |= bit;
        }
        Count::Many { counter, most, is_packed } => {
            let items = u32::try_from(value.items(is_packed)).unwrap_or(u32::MAX);
            counts[counter] = counts[counter].saturating_add(items);
            if counts[counter] > most {
                let message = format!("`{}` has more than {most} items in one message", field.name);
                return Err(refuse(ErrorCode::ArgumentInvalid, message));
            }
        }
    }
    Ok(())
}

enum Value<'b> {
    Bytes(&'b [u8]),
    Other,
}

impl Value<'_> {
    fn items(&self, is_packed: bool) -> usize {
        match self {
            // Every number ends with the one byte of it that has no high bit.
            Self::Bytes(bytes) if is_packed => bytes.iter().filter(|byte| **byte < 0x80).count(),
            _ => 1,
        }
    }
}

/// Takes the next field.
fn next<'b>(left: &mut &'b [u8], depth: usize) -> Result<(u32, Value<'b>), Status> {
    let (number, kind) = key(left)?;
    match kind {
        2 => Ok((number, Value::Bytes(piece(left)?))),
        3 => group(left, number, depth + 1).map(|()| (number, Value::Other)),
        4 => Err(broken("a group ends that has not begun")),
        _ => plain(left, kind).map(|()| (number, Value::Other)),
    }
}

/// Passes over a group, which no contract has, so nothing in it is read.
fn group(left: &mut &[u8], number: u32, depth: usize) -> Result<(), Status> {
    if depth > MESSAGE_DEPTH_MAX {
        return Err(too_deep());
    }
    loop {
        match key(left)? {
            (end, 4) if end == number => return Ok(()),
            (_, 4) => return Err(broken("a group ends another one")),
            (inner, 3) => group(left, inner, depth + 1)?,
            (_, 2) => drop(piece(left)?),
            (_, kind) => plain(left, kind)?,
        }
    }
}

fn too_deep() -> Status {
    broken(&format!("it is more than {MESSAGE_DEPTH_MAX} deep, the recursion limit"))
}

fn key(left: &mut &[u8]) -> Result<(u32, u8), Status> {
    let key = u32::try_from(varint(left)?).map_err(|_| broken("a field has no such number"))?;
    if key < 8 { Err(broken("a field has the number 0")) } else { Ok((key >> 3, (key & 7) as u8)) }
}

fn plain(left: &mut &[u8], kind: u8) -> Result<(), Status> {
    match kind {
        0 => varint(left).map(drop),
        1 => take(left, 8).map(drop),
        5 => take(left, 4).map(drop),
        _ => Err(broken(&format!("there is no wire type {kind}"))),
    }
}

fn piece<'b>(left: &mut &'b [u8]) -> Result<&'b [u8], Status> {
    let length = varint(left)?;
    take(left, usize::try_from(length).unwrap_or(usize::MAX))
}

fn take<'b>(left: &mut &'b [u8], length: usize) -> Result<&'b [u8], Status> {
    let (taken, rest) = left.split_at_checked(length).ok_or_else(|| broken("a part goes beyond its end"))?;
    *left = rest;
    Ok(taken)
}

/// At most ten bytes, and 64 bits.
fn varint(left: &mut &[u8]) -> Result<u64, Status> {
    let mut value = 0;
    for index in 0..10 {
        let (byte, rest) = left.split_first().ok_or_else(|| broken("a number goes beyond its end"))?;
        *left = rest;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            return if index == 9 && *byte > 1 {
                Err(broken("a number of more than 64 bits"))
            } else {
                Ok(value)
            };
        }
    }
    Err(broken("a number of more than ten bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::control::{Document, ExecuteJobRequest, IngestJob, execute_job_request::Job};
    use crate::proto::supervisor::{DemoTask, ForgetRequest, OpenPath, OpenRequest};
    use crate::status::code;
    use prost::Message;

    fn refusal<D: std::fmt::Debug + Message + prost::Name + Default>(bytes: &[u8]) -> (ErrorCode, String) {
        let status = crate::decode::<D>(bytes).unwrap_err();
        (code(&status), status.message().to_owned())
    }

    fn documents(count: usize) -> Vec<u8> {
        let documents = vec![Document::default(); count];
        let job = Job::Ingest(IngestJob { documents, ..IngestJob::default() });
        ExecuteJobRequest { job_id: 1, job: Some(job) }.encode_to_vec()
    }

    #[test]
    fn items_are_counted_wherever_they_stand_in_a_message() {
        assert!(crate::decode::<ExecuteJobRequest>(documents(1024).as_slice()).is_ok());
        let (code, words) = refusal::<ExecuteJobRequest>(&documents(1025));
        assert_eq!(code, ErrorCode::ArgumentInvalid);
        assert!(words.contains("`documents` has more than 1024 items"), "{words}");
        let paths = |count| OpenRequest { paths: vec![OpenPath::default(); count] }.encode_to_vec();
        assert!(crate::decode::<OpenRequest>(paths(1024).as_slice()).is_ok());
        assert_eq!(refusal::<OpenRequest>(&paths(1025)).0, ErrorCode::ArgumentInvalid);
    }

    #[test]
    fn a_map_has_as_many_entries_as_a_field_has_items() {
        let map = |count: u32| {
            let targets = (0..count).map(|number| (number.to_string(), String::new())).collect();
            DemoTask { targets, ..DemoTask::default() }.encode_to_vec()
        };
        assert_eq!(crate::decode::<DemoTask>(map(4096).as_slice()).unwrap().targets.len(), 4096);
        assert_eq!(refusal::<DemoTask>(&map(4097)).0, ErrorCode::ArgumentInvalid);
    }

    #[test]
    fn numbers_count_the_same_in_one_piece_and_one_by_one() {
        let packed = |count| ForgetRequest { ids: vec![u64::MAX; count] }.encode_to_vec();
        let single = |count| [8, 1].repeat(count);
        for bytes in [packed(1024), single(1024)] {
            assert_eq!(crate::decode::<ForgetRequest>(bytes.as_slice()).unwrap().ids.len(), 1024);
        }
        for bytes in [packed(1025), single(1025), [packed(1024), single(1)].concat()] {
            assert_eq!(refusal::<ForgetRequest>(&bytes).0, ErrorCode::ArgumentInvalid);
        }
    }

    #[test]
    fn what_a_contract_has_once_is_refused_when_it_stands_there_twice() {
        let (id, ingest, infer) = ([8, 1], [0x12, 0], [0x3a, 0]);
        for (bytes, name) in [
            ([ingest, infer], "job"),
            ([infer, ingest], "job"),
            ([ingest, ingest], "job"),
            ([id, id], "job_id"),
        ] {
            let (code, words) = refusal::<ExecuteJobRequest>(bytes.as_flattened());
            assert_eq!(code, ErrorCode::ProtocolPayload);
            assert!(words.contains(&format!("`{name}` stands there twice")), "{words}");
        }
        assert!(crate::decode::<ExecuteJobRequest>([id, ingest].as_flattened()).is_ok());
    }

    /// What it lets through that is no message is then refused by prost; what it refuses as none, prost refuses.
    #[test]
    fn it_knows_no_message_less_than_prost() {
        let seed = documents(3);
        let mut refused = 0;
        for at in 0..seed.len() {
            for value in 0..=255 {
                let mut bytes = seed.clone();
                bytes[at] = value;
                let is_known = prost_knows(&bytes);
                if let Err(status) = check("ioi.control.v1.ExecuteJobRequest", &bytes) {
                    refused += 1;
                    let is_ours = status.message().contains("twice");
                    assert!(is_ours || !is_known, "{bytes:?}: {status}");
                }
            }
        }
        assert!(refused > 100, "{refused}");
    }

    fn prost_knows(bytes: &[u8]) -> bool {
        ExecuteJobRequest::decode(bytes).is_ok()
    }
}
