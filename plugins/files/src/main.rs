//! Lists and reads documents through the host and extracts their text.
//!
//! One tool, `documents.next`: the next batch of a root's documents, in sealed
//! memory. Calls may overlap; each gets a batch of its own, and the walk over
//! the folders is shared between them. The process can open nothing by itself.
#![forbid(unsafe_code)]

mod batch;
mod walk;

use batch::Batch;
use ioi_sdk::{Call, HostError, Kind as EntryKind, Page, Plugin, Reply, ToolError};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use walk::{Item, Kind, Name, Skip, Walk};

/// Skips that one answer carries.
const SKIPS_MAX: usize = 128;

fn main() -> ExitCode {
    let walk = Mutex::new(Walk::new());
    Plugin::new("files", env!("CARGO_PKG_VERSION"))
        .tool("documents.next", move |call| next(call, &walk))
        .run()
}

/// Items, skips found on the way, and how the walk stands.
struct Taken {
    items: Vec<Item>,
    skips: Vec<Skip>,
    found: u64,
    done: bool,
}

fn next(call: &Call, walk: &Mutex<Walk>) -> Result<Reply, ToolError> {
    let taken = take(call, &mut walk.lock().unwrap_or_else(PoisonError::into_inner));
    let mut batch = Batch::fill(call, &taken.items);
    batch.skips.extend(taken.skips);
    let (value, slices) = batch.hand_over(call, taken.found, taken.done).map_err(failed)?;
    Ok(slices.into_iter().fold(Reply::new(value), Reply::with_slice))
}

fn failed(error: HostError) -> ToolError {
    ToolError::new(error.code, error.message)
}

/// Takes the next items, listing folders as they are needed.
fn take(call: &Call, walk: &mut Walk) -> Taken {
    let (mut items, mut bytes) = (Vec::new(), 0);
    while items.len() < batch::FILES_MAX && bytes < batch::BYTES_MAX && walk.skips.len() < SKIPS_MAX {
        if let Some(item) = walk.items.pop_front() {
            bytes += item.size;
            items.push(item);
        } else if let Some(folder) = walk.next_folder() {
            match list(call, &folder) {
                Ok(names) => walk.listed(&folder, names),
                Err(error) => walk.skip(folder, error.code, error.message),
            }
        } else {
            break;
        }
    }
    let most = walk.skips.len().min(SKIPS_MAX);
    let skips = walk.skips.drain(..most).collect();
    Taken { items, skips, found: walk.found, done: walk.is_done() }
}

fn list(call: &Call, folder: &str) -> Result<Vec<Name>, HostError> {
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let Page { entries, next } = call.host().list(0, folder.as_bytes(), cursor)?;
        names.extend(entries.into_iter().map(|entry| Name {
            shown: String::from_utf8_lossy(&entry.name).into_owned(),
            text: String::from_utf8(entry.name).ok(),
            kind: match entry.kind {
                EntryKind::File => Kind::File,
                EntryKind::Folder => Kind::Folder,
                EntryKind::Link => Kind::Link,
                EntryKind::Other => Kind::Other,
            },
            size: entry.size,
        }));
        cursor = next;
        if cursor.is_none() {
            return Ok(names);
        }
    }
}
