//! A byte ring's reader over any page: records lie within what was written, and follow each other.

use crate::script::Script;
use ioi_shm::byte_ring::{CAPACITY_MIN, RecvError};
use ioi_shm::sync::Ordering;
use ioi_shm::{Fault, LocalPage, OwnPage, Reader};

const CAPACITY_MAX: u32 = 4 * CAPACITY_MIN;
const INDEX: usize = 0;
const CAPACITY: usize = 1;

struct Scene {
    reader: Reader<LocalPage, LocalPage>,
    page: LocalPage,
    buffer: Vec<u8>,
    next: u64,
    read: u64,
    fault: Option<Fault>,
}

/// Steps: index, capacity and words of the writer's page, and what the reader does next.
pub(crate) fn check(input: &[u8]) {
    let page = LocalPage::new(CAPACITY_MAX as usize / 8);
    OwnPage::control(&page)[CAPACITY].store(CAPACITY_MIN, Ordering::Relaxed);
    let reader = Reader::new(LocalPage::new(0), page.clone(), 6);
    let buffer = vec![0xC5; CAPACITY_MAX as usize / 2 + 8];
    let mut scene = Scene { reader, page, buffer, next: 0, read: 0, fault: None };
    let mut script = Script::new(input);
    while !script.is_empty() {
        scene.step(&mut script);
    }
}

impl Scene {
    fn step(&mut self, script: &mut Script<'_>) {
        let (control, words) = (OwnPage::control(&self.page), OwnPage::data(&self.page));
        let start = |capacity: u32| (self.next % u64::from(capacity)) as usize / 8;
        match script.byte() % 8 {
            0 => control[INDEX].store(self.next as u32 + 8 * u32::from(script.short()), Ordering::Relaxed),
            1 => control[INDEX].store(script.long() as u32, Ordering::Relaxed),
            2 => control[CAPACITY].store(CAPACITY_MIN << (script.byte() % 4), Ordering::Relaxed),
            3 => control[CAPACITY].store(script.long() as u32, Ordering::Relaxed),
            4 => words[start(self.reader.capacity())].store(u64::from(script.short()), Ordering::Relaxed),
            5 => words[script.below(words.len())].store(script.long(), Ordering::Relaxed),
            6 => self.give_back(script),
            _ => self.receive(script),
        }
    }

    fn receive(&mut self, script: &mut Script<'_>) {
        let room = if script.flag() { self.buffer.len() - 8 } else { script.below(100) };
        match self.reader.try_recv(&mut self.buffer[..room]) {
            Ok(Some(record)) => {
                let (sender, msg_id, length) = (record.sender, record.msg_id, record.payload.len());
                assert!(self.fault.is_none() && sender == 6, "a record after a fault");
                self.check_record(msg_id, length);
            }
            Ok(None) => {}
            Err(RecvError::Grow { capacity }) => {
                let lawful = capacity.is_power_of_two() && capacity <= CAPACITY_MAX;
                assert!(lawful && capacity > self.reader.capacity() && self.fault.is_none());
                self.reader.grow(capacity);
            }
            Err(RecvError::Poisoned(fault)) => assert_eq!(*self.fault.get_or_insert(fault), fault),
            Err(RecvError::TooShort { length }) => {
                assert!(length > room && length <= CAPACITY_MAX as usize / 2)
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Word for word what stands in the ring, and within the index and the capacity.
    fn check_record(&mut self, msg_id: u32, length: usize) {
        let capacity = u64::from(self.reader.capacity());
        let word = |index: u64| {
            let at = ((self.next + index) % capacity) as usize / 8;
            OwnPage::data(&self.page)[at].load(Ordering::Relaxed)
        };
        assert_eq!(word(0), length as u64 | u64::from(msg_id) << 32);
        for (index, chunk) in self.buffer[..length].chunks(8).enumerate() {
            assert_eq!(*chunk, word(8 * (index as u64 + 1)).to_le_bytes()[..chunk.len()]);
        }
        assert!(self.buffer[length..][..8].iter().all(|byte| *byte == 0xC5), "bytes beyond the length");
        self.buffer[..length].fill(0xC5);
        self.next += 8 + length.next_multiple_of(8) as u64;
        assert!(self.next - self.read <= capacity && capacity <= CAPACITY_MAX.into(), "more than a lap");
    }

    fn give_back(&mut self, script: &mut Script<'_>) {
        if script.flag() {
            let _ = self.reader.ack();
            self.read = self.next;
            let index = OwnPage::control(self.reader.own())[INDEX].load(Ordering::Relaxed);
            assert_eq!(index, self.read as u32);
        } else if let Err(fault) = self.reader.prepare_sleep() {
            assert_eq!(*self.fault.get_or_insert(fault), fault);
        }
    }
}
