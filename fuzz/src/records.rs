//! `records.jsonl`: what is recovered was written, and a torn last line is left out.

use crate::script::Script;
use ioi_audit::{Entry, LINE_BYTES_MAX, RecoverError, recover};

/// The last two bytes say where else the log is cut.
pub(crate) fn check(input: &[u8]) {
    match recover(input) {
        Ok(recovered) => check_recovered(input, recovered.valid_bytes, &recovered.leaf_hashes),
        Err(RecoverError::Line(offset, _) | RecoverError::Chain(offset, _)) => {
            assert!(offset == 0 || input[offset - 1] == b'\n', "the place is the start of a line");
        }
        Err(_) => assert!(!input.contains(&b'\n'), "a log with a line is not empty"),
    }
}

fn check_recovered(log: &[u8], valid_bytes: usize, leaf_hashes: &[[u8; 32]]) {
    assert!(!log[valid_bytes..].contains(&b'\n'), "only a torn line is left out");
    let mut written = Vec::new();
    for (line, leaf_hash) in log[..valid_bytes].split_inclusive(|byte| *byte == b'\n').zip(leaf_hashes) {
        assert!(line.len() <= LINE_BYTES_MAX + 1);
        let (entry, _) = Entry::parse_line(line).expect("a recovered line is an entry");
        assert_eq!(entry.leaf_hash, *leaf_hash);
        written.extend(entry.to_line());
    }
    assert!(written == log[..valid_bytes], "each line is written again byte for byte");
    let tail = log.last_chunk::<2>().copied().unwrap_or_default();
    // Some cut, and the one that takes no more than the last newline.
    for cut in [Script::new(&tail).below(log.len()), valid_bytes - 1] {
        check_cut(&log[..cut], leaf_hashes);
    }
}

/// A write that was torn anywhere leaves the lines before it.
fn check_cut(log: &[u8], leaf_hashes: &[[u8; 32]]) {
    let whole_lines = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    match recover(log) {
        Ok(recovered) => {
            assert_eq!(recovered.valid_bytes, whole_lines);
            let count = recovered.leaf_hashes.len();
            assert_eq!(leaf_hashes.get(..count), Some(&recovered.leaf_hashes[..]));
        }
        Err(error) => assert_eq!((error, whole_lines), (RecoverError::Empty, 0), "no cut is damage"),
    }
}
