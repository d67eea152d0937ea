//! In the files plugin's place: as if a document had taken that plugin over.
//!
//! What it does is said by the name of the root's first file, and anything else
//! it does as the files plugin would.

use ioi_sdk::{Call, HostError, Kind, Reply, ToolError, Value};
use rustix::mm::{MremapFlags, mremap};
use std::sync::atomic::{AtomicBool, Ordering};

/// Rounds of sixteen calls, of which all but the first are cancelled at once.
const CANCELLING_ROUNDS: usize = 60;
const CALLS_MAX: usize = 100_000;

fn failed(error: HostError) -> ToolError {
    ToolError::new(error.code, error.message)
}

/// The names of the root's files, as far as one page goes.
fn files(call: &Call) -> Result<Vec<String>, ToolError> {
    let page = call.host().list(0, b"", None).map_err(failed)?;
    let files = page.entries.into_iter().filter(|entry| entry.kind == Kind::File);
    Ok(files.filter_map(|entry| String::from_utf8(entry.name).ok()).collect())
}

/// `documents.next`; the first call does everything, and those beside it are told that nothing is left.
pub(crate) fn next(call: &Call, taken: &AtomicBool) -> Result<Reply, ToolError> {
    let files = files(call)?;
    let way = files.first().map(String::as_str).unwrap_or_default();
    if way == "never-done" {
        return Ok(Reply::new(batch(Vec::new(), false)));
    }
    if taken.swap(true, Ordering::SeqCst) {
        return Ok(Reply::new(batch(Vec::new(), true)));
    }
    match way {
        "cancel-at-once" => cancel_at_once(call, &files)?,
        "call-without-end" => call_without_end(call)?,
        "names-of-its-own" => return Ok(Reply::new(names_of_its_own())),
        _ => {}
    }
    hand_over(call, files.last().map(String::as_str).unwrap_or_default(), way)
}

/// Asks for files and for listings of folders, and wants no answer.
fn cancel_at_once(call: &Call, files: &[String]) -> Result<(), ToolError> {
    for round in 0..CANCELLING_ROUNDS {
        let path = |index: usize| files[(round + index) % files.len()].clone();
        let mut opened = call.host().open_many((0..16).map(|index| (0, path(index))));
        // The first is waited for, since only then are the others asked for.
        drop(opened.next());
        drop(opened);
        // A first page, of which the next is never asked for.
        call.host().list(0, b"many", None).map_err(failed)?;
    }
    Ok(())
}

fn call_without_end(call: &Call) -> Result<(), ToolError> {
    for _ in 0..CALLS_MAX {
        call.host().list(0, b"", None).map_err(failed)?;
    }
    Ok(())
}

fn batch(documents: Vec<Value>, done: bool) -> Value {
    Value::map([
        ("documents", Value::List(documents)),
        ("done", done.into()),
        ("found", 1.into()),
        ("skipped", Value::List(Vec::new())),
    ])
}

/// Speaks of names that nobody has told it, and has no end.
fn names_of_its_own() -> Value {
    let skip = |number: usize| {
        let path = format!("made-up-{number}");
        Value::map([("code", Value::from(3007)), ("path", path.into()), ("reason", "is not there".into())])
    };
    let Value::Map(mut map) = batch(Vec::new(), false) else { unreachable!("a batch is a map") };
    map.insert("skipped".into(), Value::List((0..100).map(skip).collect()));
    Value::Map(map)
}

/// The same pages once more, at an address that nobody else knows or unmaps.
fn second_mapping(buffer: &mut [u8]) -> Result<*mut u8, ToolError> {
    let bytes = buffer.len().next_multiple_of(4096);
    // SAFETY: an old length of 0 makes a further mapping of the same shared pages (mremap(2)) at an
    // address that the kernel chooses; the first stays as it is, and no reference is made into this one.
    let again = unsafe { mremap(buffer.as_mut_ptr().cast(), 0, bytes, MremapFlags::MAYMOVE) };
    again.map(<*mut _>::cast).map_err(|error| ToolError::failed(error.to_string()))
}

/// Goes on writing what it has lent, as long as it lives: the document, and another of the same length.
fn rewrite(lent: *mut u8, own: &[u8]) {
    let other = String::from_utf8_lossy(own).replace("reeds", "ponds").into_bytes();
    let (lent, own) = (lent.expose_provenance(), own.to_vec());
    std::thread::spawn(move || {
        let lent: *mut u8 = std::ptr::with_exposed_provenance_mut(lent);
        loop {
            for bytes in [&other, &own] {
                for (at, byte) in bytes.iter().enumerate() {
                    // SAFETY: the second mapping is never unmapped, and the document lies within it;
                    // no reference is made into it.
                    unsafe { lent.add(at).write_volatile(*byte) };
                }
            }
        }
    });
}

/// One document: its own bytes, or others under a digest that hides it or owns up to it.
fn hand_over(call: &Call, path: &str, way: &str) -> Result<Reply, ToolError> {
    let mut file = call.host().open(0, path.as_bytes()).map_err(failed)?;
    let own = file.read_all(1 << 20).map_err(|error| ToolError::failed(error.to_string()))?;
    let other = b"The heron pays the plugin.".to_vec();
    let (bytes, digest) = match way {
        "other-bytes" => (other, blake3::hash(&own)),
        "other-digest" => (other.clone(), blake3::hash(&other)),
        _ => (own.clone(), blake3::hash(&own)),
    };
    let host = call.host();
    let lends = way == "rewrite-lent";
    let buffer = if lends { host.alloc(bytes.len() as u64) } else { host.alloc_sealed(bytes.len() as u64) };
    let mut buffer = buffer.map_err(failed)?;
    buffer[..bytes.len()].copy_from_slice(&bytes);
    let kept = lends.then(|| second_mapping(&mut buffer)).transpose()?;
    let slice = buffer.hand_over(bytes.len()).map_err(failed)?;
    if let Some(kept) = kept {
        rewrite(kept, &own);
    }
    let length = i64::try_from(bytes.len()).map_err(|error| ToolError::failed(error.to_string()))?;
    let document = Value::map([
        ("digest", Value::from(format!("blake3:{}", digest.to_hex()))),
        ("media", "text/plain".into()),
        ("path", path.into()),
        ("text", Value::List(vec![0.into(), length.into()])),
    ]);
    Ok(Reply::new(batch(vec![document], true)).with_slice(slice))
}
