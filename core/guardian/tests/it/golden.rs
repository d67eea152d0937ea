//! The journal, byte for byte as another implementation writes it.

use crate::model::{BOOT, LOG, mth};
use ioi_crypto::sha256;
use ioi_guardian::Log;
use ioi_types::hex;

fn golden() -> Vec<Vec<u8>> {
    let lines = include_str!("../vectors/journal.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| hex::decode(line).unwrap()).collect()
}

#[test]
fn the_journal_is_the_golden_one_record_by_record() {
    let leaves = [0, 1, 2, 3].map(|number| sha256(&[&[0, number]]));
    let (mut log, created) = Log::create(LOG, BOOT);
    let written = [
        created.bytes,
        log.append(0, &leaves[..3], false).unwrap().0.bytes,
        log.head().unwrap().0.bytes,
        log.append(3, &leaves[3..], true).unwrap().0.bytes,
        log.head().unwrap().0.bytes,
    ];
    for (index, (written, golden)) in written.iter().zip(golden()).enumerate() {
        assert_eq!(hex::encode(written), hex::encode(&golden), "record {index}");
    }
    assert_eq!(golden().len(), written.len());
}

#[test]
fn the_golden_journal_is_recovered_to_its_last_byte() {
    let journal = golden().concat();
    let (log, valid_bytes) = Log::recover(LOG, BOOT, &journal).unwrap();
    let leaves = [0, 1, 2, 3].map(|number| sha256(&[&[0, number]]));
    assert_eq!(valid_bytes, journal.len() as u64);
    assert_eq!((log.id(), log.size(), log.root()), (LOG, 4, mth(&leaves)));
    assert_eq!(log.last_head().unwrap().counter, 2);
}
