//! From the journal back to the log.

use crate::error::RecoverError;
use crate::log::{Log, VERSION};
use crate::record::{BadRecord, Record, RecordKind};
use ioi_crypto::statement::Statement;
use ioi_types::limits::APPEND_LEAVES_MAX;
use ioi_types::{BootId, LogId};

impl Log {
    /// Reads a journal; returns the log and how many bytes of the journal it stands on.
    ///
    /// What follows those bytes is a write that was cut off, and nothing that depended on it
    /// was answered; the driver cuts the file there, and syncs it, before it goes on. Zeros at
    /// the end count as not written. Takes time and memory in proportion to the journal.
    ///
    /// # Errors
    /// No complete record, another version, another log, or bytes that were written whole and
    /// have changed, with the offset of their record. Nothing is repaired.
    pub fn recover(id: LogId, boot: BootId, journal: &[u8]) -> Result<(Self, u64), RecoverError> {
        let written = journal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let mut log = Self::unborn(id, boot);
        let mut offset = 0;
        while offset < written {
            match log.chain.open(&journal[offset..written]) {
                Ok(record) => {
                    log.replay(&record, offset as u64)?;
                    offset += record.bytes;
                }
                Err(BadRecord::Torn) => break,
                Err(BadRecord::Damaged) => return Err(RecoverError::Damaged { offset: offset as u64 }),
            }
        }
        if offset == 0 { Err(RecoverError::Unborn) } else { Ok((log, offset as u64)) }
    }

    /// Does what the record says was done, if it could have been done there.
    fn replay(&mut self, record: &Record<'_>, offset: u64) -> Result<(), RecoverError> {
        let inconsistent = RecoverError::Inconsistent { offset };
        match (record.kind, offset) {
            (RecordKind::Genesis, 0) => self.replay_genesis(record.payload),
            (RecordKind::Append, 1..) => self.replay_append(record.payload).ok_or(inconsistent),
            (RecordKind::Head, 1..) => self.replay_head(record.payload).ok_or(inconsistent),
            _ => Err(inconsistent),
        }
    }

    fn replay_genesis(&self, payload: &[u8]) -> Result<(), RecoverError> {
        let inconsistent = RecoverError::Inconsistent { offset: 0 };
        let (version, log) = payload.split_first_chunk().ok_or(inconsistent)?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(RecoverError::Version { version });
        }
        let found = LogId(log.try_into().map_err(|_| inconsistent)?);
        if found == self.id { Ok(()) } else { Err(RecoverError::OtherLog { found }) }
    }

    fn replay_append(&mut self, payload: &[u8]) -> Option<()> {
        let (first, leaves) = payload.split_first_chunk()?;
        let (leaves, rest) = leaves.as_chunks::<32>();
        let fits = u64::from_le_bytes(*first) == self.size()
            && rest.is_empty()
            && (1..=APPEND_LEAVES_MAX).contains(&leaves.len());
        fits.then(|| self.advance(leaves))
    }

    fn replay_head(&mut self, payload: &[u8]) -> Option<()> {
        let statement = Statement::decode(payload).ok()?;
        let expected = self.next_head(statement.boot)?;
        (statement == expected).then(|| self.last_head = Some(statement))
    }
}

#[cfg(test)]
mod tests {
    //! Records with a right check that say something impossible: no crash makes them.

    use super::*;
    use crate::record::Chain;
    use ioi_crypto::statement::Body;

    const ID: LogId = LogId([1; 16]);
    const BOOT: BootId = BootId([2; 16]);

    fn genesis(version: u32) -> (RecordKind, Vec<u8>) {
        (RecordKind::Genesis, [&version.to_le_bytes()[..], &ID.0].concat())
    }

    fn append(first: u64, leaf_bytes: usize) -> (RecordKind, Vec<u8>) {
        (RecordKind::Append, [&first.to_le_bytes()[..], &vec![7; leaf_bytes]].concat())
    }

    fn head(change: impl FnOnce(&mut Statement)) -> (RecordKind, Vec<u8>) {
        let mut statement = Log::unborn(ID, BOOT).next_head(BOOT).unwrap();
        change(&mut statement);
        (RecordKind::Head, statement.encode())
    }

    fn recover(records: &[(RecordKind, Vec<u8>)]) -> Result<(Log, u64), RecoverError> {
        let mut chain = Chain::START;
        let journal: Vec<u8> =
            records.iter().flat_map(|(kind, payload)| chain.seal(*kind, payload)).collect();
        Log::recover(ID, BOOT, &journal)
    }

    /// Refused for its own sake, right after a genesis record, which is 73 bytes long.
    fn contradicts(record: (RecordKind, Vec<u8>)) {
        let refused = Err(RecoverError::Inconsistent { offset: 73 });
        assert_eq!(recover(&[genesis(1), record.clone()]), refused, "{record:?}");
    }

    #[test]
    fn the_records_these_tests_vary_are_taken_unvaried() {
        let (log, _) = recover(&[genesis(1), head(|_| ()), append(0, 64), append(2, 32)]).unwrap();
        assert_eq!((log.size(), log.last_head().unwrap().counter), (3, 1));
    }

    #[test]
    fn leaves_that_do_not_follow_are_refused() {
        contradicts(append(1, 32));
        contradicts(append(0, 0));
        contradicts(append(0, 33));
        contradicts((RecordKind::Append, vec![0; 7]));
    }

    #[test]
    fn a_statement_that_the_log_would_not_have_made_is_refused() {
        contradicts(head(|statement| statement.log = LogId([9; 16])));
        contradicts(head(|statement| (statement.counter, statement.previous) = (2, [1; 32])));
        contradicts(head(|statement| statement.body = Body::AuditHead { size: 1, root: [7; 32] }));
        contradicts(head(|statement| statement.body = Body::AuditHead { size: 0, root: [7; 32] }));
        contradicts((RecordKind::Head, b"ioi/v1/".to_vec()));
        let repeated = [genesis(1), head(|_| ()), head(|_| ())];
        assert!(matches!(recover(&repeated), Err(RecoverError::Inconsistent { offset: 261 })));
    }

    #[test]
    fn the_first_record_is_genesis_and_no_other() {
        contradicts(genesis(1));
        let refused = Err(RecoverError::Inconsistent { offset: 0 });
        assert_eq!(recover(&[append(0, 32)]), refused);
        assert_eq!(recover(&[head(|_| ())]), refused);
        assert_eq!(recover(&[(RecordKind::Genesis, vec![1, 0, 0, 0])]), refused);
        assert_eq!(recover(&[(RecordKind::Genesis, vec![])]), refused);
    }

    #[test]
    fn another_version_is_refused_by_number() {
        assert_eq!(recover(&[genesis(2)]), Err(RecoverError::Version { version: 2 }));
    }
}
