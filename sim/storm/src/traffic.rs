//! Messages, records and leases without pause, each of which shows whether it is whole.

use crate::link::{Link, Mark};
use ioi_hostile::Chance;
use ioi_shm::byte_ring::RecvError;
use ioi_shm::{
    FillError, HANDLE_BYTES, Handle, Loan, RecvError as RecvTimeoutError, SendError, SendTimeoutError,
};
use std::time::Duration;

/// What a port's message is.
pub(crate) const LENT: u32 = 1;
pub(crate) const GIVEN_BACK: u32 = 2;

const RECORD_BYTES_MAX: usize = 48 << 10;

/// One end at work.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) link: Link,
    pub(crate) chance: Chance,
    pub(crate) sends: bool,
    /// Counted apart: what was sent and what came.
    pub(crate) messages: (u32, u32),
    pub(crate) records: (u32, u32),
    pub(crate) leases: (u32, u32),
    /// Leases that are out, and loans that are held.
    pub(crate) lent: Vec<Handle>,
    pub(crate) held: Vec<Loan>,
    /// So many growths are ordinary traffic; the next one waits for the window in which it happens.
    pub(crate) growths: u32,
    /// Loans that are given back in the books and not yet on the wire.
    pub(crate) owed: Vec<Handle>,
    buffer: Vec<u8>,
}

/// Byte `at` of message, record or lease `number`.
fn pattern(number: u32, at: usize) -> u8 {
    (number.wrapping_mul(0x9E37_79B1) >> 24) as u8 ^ (at as u8).wrapping_mul(31)
}

/// The bytes of message, record or lease `number`.
pub(crate) fn fill(number: u32, bytes: &mut [u8]) {
    bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = pattern(number, at));
}

fn check(what: &str, number: u32, bytes: &[u8]) {
    let torn = bytes.iter().enumerate().find(|(at, byte)| **byte != pattern(number, *at));
    assert!(torn.is_none(), "{what} {number} is torn at byte {:?}", torn.map(|(at, _)| at));
}

pub(crate) fn message_bytes(number: u32) -> usize {
    number as usize % 65
}

/// Mostly small, now and then larger than what the ring has.
pub(crate) fn record_bytes(number: u32) -> usize {
    match number % 64 {
        63 => 40_000,
        15 | 31 | 47 => 9_000,
        few => few as usize * 13,
    }
}

impl Traffic {
    pub(crate) fn new(link: Link, chance: Chance, sends: bool) -> Traffic {
        Traffic {
            link,
            chance,
            sends,
            messages: (0, 0),
            records: (0, 0),
            leases: (0, 0),
            lent: Vec::new(),
            held: Vec::new(),
            growths: u32::MAX,
            owed: Vec::new(),
            buffer: vec![0; RECORD_BYTES_MAX],
        }
    }

    /// One thing of many.
    pub(crate) fn step(&mut self) {
        match self.chance.below(if self.sends { 7 } else { 4 }) {
            0 => self.receive_messages(),
            1 => self.receive_records(),
            2 => self.receive_handles(),
            3 => self.give_back(),
            4 => self.send_message(),
            5 => self.send_record(),
            _ => self.lend(),
        }
    }

    pub(crate) fn send_message(&mut self) {
        let mut bytes = [0; 64];
        let number = self.messages.0;
        let bytes = &mut bytes[..message_bytes(number)];
        fill(number, bytes);
        match self.link.sender.send(number, bytes) {
            // Nobody sleeps on this ring.
            Ok(_) => {
                self.messages.0 += 1;
                self.link.mark(Mark::Messages, self.messages.0);
            }
            Err(SendError::Full) => {}
            Err(error) => panic!("message {number}: {error}"),
        }
    }

    pub(crate) fn send_record(&mut self) {
        if self.push_record() {
            let _ = self.link.writer.publish();
            self.link.mark(Mark::Records, self.records.0);
        }
    }

    /// Writes the next record and publishes nothing; false when there is no room.
    pub(crate) fn push_record(&mut self) -> bool {
        let number = self.records.0;
        let length = record_bytes(number);
        fill(number, &mut self.buffer[..length]);
        loop {
            match self.link.writer.push(number, &self.buffer[..length]) {
                Ok(()) => {
                    self.records.0 += 1;
                    return true;
                }
                Err(SendError::Full) => return false,
                Err(SendError::Grow { .. }) if self.growths == 0 => return false,
                Err(SendError::Grow { capacity }) => {
                    self.growths -= 1;
                    self.link.allocate(capacity);
                    self.link.writer.grow(capacity);
                }
                Err(error) => panic!("record {number}: {error}"),
            }
        }
    }

    pub(crate) fn lend(&mut self) {
        let Some(handle) = self.lease() else { return };
        self.link.lender.hand_over(&handle).expect("it was not handed over");
        if self.link.port.sender.try_send(LENT, &handle.to_bytes()).is_err() {
            // Nobody has seen it.
            self.link.lender.release(&handle).expect("it is out");
            return;
        }
        self.leases.0 += 1;
        self.lent.push(handle);
        self.link.mark(Mark::Leases, self.leases.0);
    }

    /// A lease that is filled and not handed over.
    pub(crate) fn lease(&mut self) -> Option<Handle> {
        let number = self.leases.0;
        let length = 1 + u64::from(self.chance.below(20_000));
        match self.link.lender.lease(length, number) {
            Ok(handle) => {
                fill(number, self.link.lender.fill(&handle).expect("it is ours"));
                Some(handle)
            }
            Err(FillError::Lease(_)) => None,
            Err(error) => panic!("lease {number}: {error}"),
        }
    }

    pub(crate) fn receive_messages(&mut self) {
        let mut into = [0; 64];
        while let Some(header) = self.link.receiver.try_recv(&mut into).expect("the peer is honest") {
            let number = self.messages.1;
            assert_eq!(
                (header.msg_id, header.length),
                (number, message_bytes(number)),
                "a message is lost or doubled"
            );
            check("message", number, &into[..header.length]);
            self.messages.1 += 1;
        }
        let _ = self.link.receiver.ack();
    }

    pub(crate) fn receive_records(&mut self) {
        while self.receive_record() {}
        let _ = self.link.reader.ack();
    }

    /// Takes one record and gives nothing back, or follows the ring's growth; false when there is none.
    pub(crate) fn receive_record(&mut self) -> bool {
        let number = self.records.1;
        match self.link.reader.try_recv(&mut self.buffer) {
            Ok(Some(record)) => {
                let found = (record.msg_id, record.payload.len());
                assert_eq!(found, (number, record_bytes(number)), "a record is lost or doubled");
                check("record", number, record.payload);
                self.records.1 += 1;
                true
            }
            Ok(None) => false,
            Err(RecvError::Grow { .. }) if self.growths == 0 => false,
            Err(RecvError::Grow { capacity }) => {
                self.growths -= 1;
                self.link.check_present(capacity);
                self.link.reader.grow(capacity);
                true
            }
            Err(RecvError::Poisoned(fault)) => panic!("the peer is honest: {fault}"),
            Err(error) => panic!("record {number}: {error}"),
        }
    }

    /// Leases that come, and leases that come back.
    pub(crate) fn receive_handles(&mut self) {
        while let Some((msg_id, handle)) = self.receive_handle() {
            self.handle(msg_id, &handle);
        }
        self.link.port.receiver.ack();
    }

    fn handle(&mut self, msg_id: u32, handle: &Handle) {
        if msg_id == LENT { self.borrow(handle) } else { self.take_back(handle) }
    }

    /// Sleeps on the port, for handles and then for the peer's end.
    ///
    /// # Panics
    /// When that doesn't come within `timeout` of the last handle.
    pub(crate) fn sleep_until_closed(&mut self, timeout: Duration) {
        let mut into = [0; 64];
        loop {
            match self.link.port.receiver.recv_timeout(&mut into, timeout) {
                Ok(header) => {
                    let bytes: &[u8; HANDLE_BYTES] = into.first_chunk().expect("64 bytes are more");
                    self.handle(header.msg_id, &Handle::from_bytes(bytes));
                }
                Err(error) => return assert_eq!(error, RecvTimeoutError::Closed, "asleep for a message"),
            }
        }
    }

    /// Sleeps on the port for room, which a peer that stays in its window never makes.
    ///
    /// # Panics
    /// When the peer's end doesn't come within `timeout`.
    pub(crate) fn sleep_for_room_until_closed(&mut self, timeout: Duration) {
        let nothing = [0; HANDLE_BYTES];
        while self.link.port.sender.try_send(GIVEN_BACK, &nothing).is_ok() {}
        let sent = self.link.port.sender.send_timeout(GIVEN_BACK, &nothing, timeout);
        assert_eq!(sent, Err(SendTimeoutError::Closed), "asleep for room");
    }

    pub(crate) fn receive_handle(&mut self) -> Option<(u32, Handle)> {
        let mut into = [0; 64];
        let header = self.link.port.receiver.try_recv(&mut into).expect("the peer is honest")?;
        let bytes: &[u8; HANDLE_BYTES] = into.first_chunk().expect("64 bytes are more");
        Some((header.msg_id, Handle::from_bytes(bytes)))
    }

    pub(crate) fn take_back(&mut self, handle: &Handle) {
        self.link.lender.release(handle).expect("the peer had it");
        let at = self.lent.iter().position(|lent| lent == handle).expect("it was lent");
        self.lent.swap_remove(at);
    }

    /// Copies the bytes out and holds the loan for a while.
    pub(crate) fn borrow(&mut self, handle: &Handle) {
        let number = self.leases.1;
        let loan = self.link.borrower.take(handle).expect("a lawful handle");
        let copy = &mut self.buffer[..loan.bytes()];
        loan.copy_to(copy, 4096, |_| ());
        assert_eq!(handle.type_id, number, "a lease is lost or doubled");
        check("lease", number, copy);
        self.leases.1 += 1;
        self.held.push(loan);
    }

    pub(crate) fn give_back(&mut self) {
        if let Some(loan) = self.held.pop() {
            self.owed.push(self.link.borrower.give_back(loan).expect("it is held"));
        }
        while let Some(handle) = self.owed.last() {
            if self.link.port.sender.try_send(GIVEN_BACK, &handle.to_bytes()).is_err() {
                break;
            }
            self.owed.pop();
        }
    }
}
