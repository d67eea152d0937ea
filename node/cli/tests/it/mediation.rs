//! The orchestrator decides on names; it holds none of the bytes.

use crate::place::{Place, is_root, skip};
use crate::processes::beneath;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Bytes of text that pass from the plugin to the workload.
const TEXT_BYTES: usize = 20 << 20;

/// What of a process is shared memory: mapped, or held by a descriptor.
fn shared_memory(pid: i32) -> std::io::Result<Vec<String>> {
    let process = Path::new("/proc").join(pid.to_string());
    let maps = fs::read_to_string(process.join("maps"))?;
    let is_shared = |line: &&str| {
        let mode = line.split_whitespace().nth(1).unwrap_or_default();
        mode.ends_with('s')
            || line.contains("/memfd:")
            || line.contains("/dev/shm")
            || line.contains("/dev/zero")
    };
    let mut found: Vec<_> = maps.lines().filter(is_shared).map(str::to_owned).collect();
    for descriptor in fs::read_dir(process.join("fd"))?.flatten() {
        if let Ok(to) = fs::read_link(descriptor.path())
            && (to.to_string_lossy().contains("memfd:") || to.starts_with("/dev/shm"))
        {
            found.push(to.display().to_string());
        }
    }
    Ok(found)
}

#[derive(Default)]
struct Seen {
    orchestrator: Vec<String>,
    orchestrator_samples: usize,
    workload: Vec<String>,
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
    // Bulk goes in regions. What else it maps is its cell: two files, one written by either side.
    let (cell, bulk): (Vec<_>, Vec<_>) =
        seen.orchestrator.into_iter().partition(|found| found.contains("memfd:ioi-shared"));
    assert_eq!(bulk, Vec::<String>::new());
    let mapped = cell.iter().filter_map(|found| found.split_whitespace().nth(4));
    let files: BTreeSet<_> = mapped.collect();
    assert!(files.len() <= 2, "{files:?}");
    // That the sampling would have seen it is shown by the workload, which must hold regions.
    assert!(seen.orchestrator_samples >= 10, "{}", seen.orchestrator_samples);
    assert!(seen.workload.iter().any(|found| found.contains("memfd:ioi-region")), "{:?}", seen.workload);
}
