//! The orchestrator decides on names; it holds none of the bytes.

use crate::place::{Place, is_root, skip};
use crate::processes::beneath;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes of text that pass from the plugin to the workload.
const TEXT_BYTES: usize = 20 << 20;

/// Shared memory by its inode, and what it is called.
type Files = BTreeSet<(u64, String)>;

/// What of a process is shared memory: mapped, or held by a descriptor.
fn shared_memory(pid: i32) -> std::io::Result<Files> {
    let process = Path::new("/proc").join(pid.to_string());
    let maps = fs::read_to_string(process.join("maps"))?;
    let is_shared = |line: &&str| {
        let mode = line.split_whitespace().nth(1).unwrap_or_default();
        mode.ends_with('s')
            || line.contains("/memfd:")
            || line.contains("/dev/shm")
            || line.contains("/dev/zero")
    };
    let file = |line: &str| {
        let mut fields = line.split_whitespace().skip(4);
        let inode = fields.next().and_then(|inode| inode.parse().ok()).unwrap_or(0);
        (inode, fields.next().unwrap_or_default().to_owned())
    };
    let mut found: Files = maps.lines().filter(is_shared).map(file).collect();
    for descriptor in fs::read_dir(process.join("fd"))?.flatten() {
        if let Ok(to) = fs::read_link(descriptor.path())
            && (to.to_string_lossy().contains("memfd:") || to.starts_with("/dev/shm"))
        {
            let inode = fs::metadata(descriptor.path()).map_or(0, |file| file.ino());
            let name = to.to_string_lossy();
            found.insert((inode, name.trim_end_matches(" (deleted)").to_owned()));
        }
    }
    Ok(found)
}

#[derive(Default)]
struct Seen {
    orchestrator: Files,
    orchestrator_samples: usize,
    workload: Files,
    is_refused: bool,
}

impl Seen {
    fn look(&mut self, root: i32) {
        for (process, name) in beneath(root) {
            let found = match shared_memory(process.pid) {
                Ok(found) => found,
                Err(error) => {
                    self.is_refused |= error.kind() == ErrorKind::PermissionDenied;
                    continue;
                }
            };
            match name.as_str() {
                // The kernel keeps fifteen bytes of a name.
                "ioi-orchestrato" => {
                    self.orchestrator.extend(found);
                    self.orchestrator_samples += 1;
                }
                "ioi-workload" => self.workload.extend(found),
                _ => {}
            }
        }
    }
}

#[test]
fn the_orchestrator_never_holds_shared_memory_while_documents_pass() {
    let place = Place::new();
    let sentence = "Every river of the northern plain carries silt to the wide delta. ";
    let text = sentence.repeat((1 << 20) / sentence.len());
    for number in 0..TEXT_BYTES >> 20 {
        place.write(format!("docs/{number:02}.txt"), format!("Part {number}.\n{text}"));
    }
    let mut node = place.converse().start_with_pipe();
    let (mut seen, root) = (Seen::default(), node.pid());
    node.wait_until("workload and orchestrator", |_| beneath(root).len() >= 6);
    node.send(b"What does every river carry?\n");
    node.wait_until("answer", |node| {
        seen.look(root);
        node.has_said("\"answer\"")
    });
    let outcome = node.outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.event("read")["bytes"].as_u64().unwrap() > 19 << 20, "{outcome:?}");
    if seen.is_refused && !is_root() && seen.orchestrator_samples == 0 {
        return skip("this user may not look into the processes of a sandbox");
    }
    // Each has its cell, which is two files, one written by either side.
    assert!(seen.orchestrator.len() <= 2, "{:?}", seen.orchestrator);
    let both: Vec<_> = seen.orchestrator.intersection(&seen.workload).collect();
    assert!(both.is_empty(), "the orchestrator holds what passes to the workload: {both:?}");
    // That the sampling would have seen it is shown by the workload, which must hold arenas.
    assert!(seen.orchestrator_samples >= 10, "{}", seen.orchestrator_samples);
    let shared = seen.workload.iter().filter(|(_, name)| name.contains("memfd:ioi-shared")).count();
    assert!(shared > 2, "{:?}", seen.workload);
}
