//! The guardian's journal: recovery gives a state that the log once had, or an error.

use crate::edit::edit;
use crate::script::Script;
use ioi_crypto::sha256;
use ioi_crypto::statement::Statement;
use ioi_guardian::{Log, RecoverError};
use ioi_types::{BootId, LogId};

const ID: LogId = LogId([1; 16]);
const BOOT: BootId = BootId([2; 16]);
/// Operations that a script writes at most.
const OPERATIONS_MAX: u8 = 12;

/// What the log was after a record.
struct Mark {
    end: usize,
    size: u64,
    root: [u8; 32],
    head: Option<Statement>,
}

/// The first byte: recover the rest as it is, or write a journal and damage that.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    if script.byte() == b'r' {
        check_recovered(script.rest());
        return;
    }
    let (journal, marks) = write(&mut script);
    for end in [journal.len(), script.below(journal.len() + 1)] {
        let zeros = vec![0; usize::from(script.byte() % 80)];
        check_cut(&journal, &marks, end, &zeros);
    }
    let damaged = edit(journal.clone(), &mut script);
    if let Ok((log, valid_bytes)) = Log::recover(ID, BOOT, &damaged) {
        assert!(journal.starts_with(&damaged[..valid_bytes as usize]), "what was changed is not taken");
        check_mark(&log, valid_bytes, &marks);
    }
    check_recovered(&damaged);
}

/// Whatever is recovered stands on its valid bytes alone, and goes on.
fn check_recovered(journal: &[u8]) {
    let Ok((log, valid_bytes)) = Log::recover(ID, BOOT, journal) else { return };
    let valid = &journal[..valid_bytes as usize];
    assert_eq!(Log::recover(ID, BOOT, valid).as_ref(), Ok(&(log.clone(), valid_bytes)));
    let mut next = log;
    let (persist, statement) = next.head().expect("a recovered log states its head");
    let longer = [valid, &persist.bytes].concat();
    let (again, _) = Log::recover(ID, BOOT, &longer).expect("what a log writes it recovers");
    assert_eq!(again.last_head(), Some(&statement));
}

fn write(script: &mut Script<'_>) -> (Vec<u8>, Vec<Mark>) {
    let (mut log, created) = Log::create(ID, BOOT);
    let mut journal = created.bytes;
    let mut marks = vec![mark(&log, journal.len())];
    for number in 0..script.byte() % OPERATIONS_MAX {
        let persist = match script.byte() % 4 {
            0 => log.head().expect("the log is sound").0,
            count => {
                let leaves: Vec<_> = (0..count).map(|leaf| sha256(&[&[number, leaf]])).collect();
                log.append(log.size(), &leaves, true).expect("the leaves extend the log").0
            }
        };
        journal.extend(persist.bytes);
        marks.push(mark(&log, journal.len()));
    }
    (journal, marks)
}

fn mark(log: &Log, end: usize) -> Mark {
    Mark { end, size: log.size(), root: log.root(), head: log.last_head().cloned() }
}

/// A write that was cut off, with zeros of a file that was allocated ahead: all whole records count.
fn check_cut(journal: &[u8], marks: &[Mark], end: usize, zeros: &[u8]) {
    let disk = [&journal[..end], zeros].concat();
    match Log::recover(ID, BOOT, &disk) {
        Ok((log, valid_bytes)) => {
            let last = marks.iter().rev().find(|mark| mark.end <= end);
            assert_eq!(last.map(|mark| mark.end as u64), Some(valid_bytes), "all whole records, no more");
            check_mark(&log, valid_bytes, marks);
        }
        Err(error) => {
            assert_eq!(error, RecoverError::Unborn, "no cut is damage");
            assert!(end < marks[0].end, "a journal with a record is born");
        }
    }
}

fn check_mark(log: &Log, valid_bytes: u64, marks: &[Mark]) {
    let mark = marks.iter().find(|mark| mark.end as u64 == valid_bytes).expect("the end of a record");
    assert_eq!((log.size(), log.root()), (mark.size, mark.root));
    assert_eq!(log.last_head(), mark.head.as_ref());
}
