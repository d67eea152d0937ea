//! What the contracts say of each method, and the contracts themselves for reflection.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

/// The contracts as `google.protobuf.FileDescriptorSet`, options included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// One method of the contracts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Method {
    path: &'static str,
    deadline_ms_max: Option<u32>,
    waits: bool,
    /// The part that would answer it and is not there.
    pub(crate) part: Option<&'static str>,
}

static METHODS: &[Method] = include!(concat!(env!("OUT_DIR"), "/methods.rs"));

static BY_PATH: LazyLock<HashMap<&'static str, &'static Method>> =
    LazyLock::new(|| METHODS.iter().map(|method| (method.path, method)).collect());

/// The method of a request's path.
pub(crate) fn method(path: &str) -> Option<&'static Method> {
    BY_PATH.get(path).copied()
}

/// The longest that a call of the method may take; `None` where it waits for a human or a program.
pub(crate) fn ceiling(path: &str, otherwise: Duration) -> Option<Duration> {
    match method(path) {
        Some(Method { waits: true, .. }) => None,
        Some(Method { deadline_ms_max: Some(most), .. }) => Some(Duration::from_millis((*most).into())),
        _ => Some(otherwise),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERWISE: Duration = Duration::from_secs(7);

    #[test]
    fn the_table_says_what_the_contracts_say() {
        let execute = ceiling("/ioi.control.v1.Workload/ExecuteJob", OTHERWISE);
        assert_eq!(execute, Some(Duration::from_secs(660)));
        assert_eq!(ceiling("/ioi.supervisor.v1.OrchestratorHost/WaitProgram", OTHERWISE), None);
        assert_eq!(ceiling("/ioi.control.v1.Workload/LoadModel", OTHERWISE), Some(OTHERWISE));
        assert_eq!(ceiling("/nobody/Knows", OTHERWISE), Some(OTHERWISE));
        let part = |path| method(path).and_then(|method| method.part);
        assert_eq!(part("/ioi.public.v1.Public/SubmitTransaction"), Some("consensus"));
        assert_eq!(part("/ioi.public.v1.Public/GetStatus"), None);
    }

    #[test]
    fn every_method_of_the_chain_names_the_part_that_is_not_there() {
        let chain: Vec<_> = METHODS.iter().filter(|method| method.path.contains(".Chain/")).collect();
        assert_eq!(chain.len(), 8);
        assert!(chain.iter().all(|method| method.part.is_some()), "{chain:?}");
    }
}
