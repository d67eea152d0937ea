//! The driver of one log's state machine: what it says must be durable is
//! written, and synced where it says so, before any answer leaves.

use ioi_crypto::statement::Statement;
use ioi_guardian::{Appended, Log, Persist, RecoverError, Refusal};
use ioi_types::{BootId, LogId};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Why the log was not extended or stated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum JournalError {
    #[error("the log's journal is damaged: {0}")]
    Recover(#[from] RecoverError),
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("the guardian's journal can't be written: {0}")]
    Io(#[from] io::Error),
}

/// One log, with the file that holds it; the file is locked by whoever opened it.
pub(crate) struct Journal {
    file: File,
    log: Log,
}

impl Journal {
    /// Reads the log back, or begins it in an empty file.
    pub(crate) fn open(mut file: File, log: LogId, boot: BootId) -> Result<Self, JournalError> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            let (log, created) = Log::create(log, boot);
            let mut journal = Self { file, log };
            journal.persist(&created)?;
            return Ok(journal);
        }
        let (log, valid) = Log::recover(log, boot, &bytes)?;
        file.set_len(valid)?;
        file.sync_all()?;
        Ok(Self { file, log })
    }

    /// Extends the log.
    pub(crate) fn append(
        &mut self,
        first: u64,
        leaves: &[[u8; 32]],
        sync: bool,
    ) -> Result<Appended, JournalError> {
        let (persist, appended) = self.log.append(first, leaves, sync)?;
        self.persist(&persist)?;
        Ok(appended)
    }

    /// The statement of the present head, durable and ready to be signed.
    pub(crate) fn head(&mut self) -> Result<Statement, JournalError> {
        let (persist, statement) = self.log.head()?;
        self.persist(&persist)?;
        Ok(statement)
    }

    fn persist(&mut self, persist: &Persist) -> Result<(), JournalError> {
        let written = self.file.write_all(&persist.bytes).and_then(|()| match persist.sync {
            true => self.file.sync_data(),
            false => Ok(()),
        });
        written.map_err(|error| {
            self.log.persist_failed();
            JournalError::Io(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &std::path::Path, boot: u8) -> Result<Journal, JournalError> {
        let file = File::options().read(true).append(true).create(true).open(path).unwrap();
        Journal::open(file, LogId([1; 16]), BootId([boot; 16]))
    }

    #[test]
    fn a_log_goes_on_where_its_guardian_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut first = open(&path, 1).unwrap();
        first.append(0, &[[1; 32], [2; 32]], true).unwrap();
        let stated = first.head().unwrap();
        drop(first);
        // A torn write at the end is cut off, as after a crash.
        File::options().append(true).open(&path).unwrap().write_all(&[9; 7]).unwrap();
        let mut second = open(&path, 2).unwrap();
        assert!(second.append(1, &[[3; 32]], true).is_err(), "a log that does not extend is refused");
        let appended = second.append(2, &[[3; 32]], true).unwrap();
        assert_eq!(appended.size, 3);
        assert!(second.head().unwrap().counter > stated.counter);
    }

    #[test]
    fn a_journal_of_another_log_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(open(&path, 1).unwrap());
        let file = File::options().read(true).append(true).open(&path).unwrap();
        assert!(Journal::open(file, LogId([2; 16]), BootId([1; 16])).is_err());
    }
}
