//! What `ioi-init` reports: whatever a dying process wrote is read or refused.

/// The input is everything that came through the pipe.
pub(crate) fn check(input: &[u8]) {
    ioi_sandbox::fuzz_reports(input);
}
