//! What this process has open and mapped.

/// Descriptors and mappings, to be the same before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    descriptors: usize,
    memory_files: usize,
    shared_kib: u64,
}

impl Left {
    pub(crate) fn now() -> Left {
        let descriptors = std::fs::read_dir("/proc/self/fd").expect("/proc").count();
        let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc");
        let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
        let shared = status.lines().find_map(|line| line.strip_prefix("RssShmem:"));
        let shared = shared.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let memory_files = maps.lines().filter(|line| line.contains("/memfd:")).count();
        Left { descriptors, memory_files, shared_kib: shared.expect("RssShmem") }
    }
}
