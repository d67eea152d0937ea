//! The victim reads records; the liar writes index, capacity, headers and bytes.

use super::{Ambush, CAPACITY, HostilePage, INDEX, Place, WAKE_AT, shown, wipe};
use crate::chance::Chance;
use crate::tally::{Outcome, Tally};
use ioi_shm::byte_ring::{CAPACITY_MIN, Reader, RecvError};
use ioi_shm::{Fault, LocalPage, Wake};

/// The largest capacity here: twice the smallest, so that a ring grows once.
const CAPACITY_MAX: u32 = 2 * CAPACITY_MIN;
const STAMP: u32 = 78;
const CANARY: u8 = 0xC5;
const STEPS: u32 = 14;
const BUFFER_BYTES: usize = CAPACITY_MAX as usize / 2 + 8;

#[derive(Debug)]
pub(crate) struct Stage {
    own: LocalPage,
    peer: LocalPage,
    buffer: Vec<u8>,
}

/// What the reader must be.
#[derive(Debug)]
struct Model {
    next: u64,
    read: u64,
    written: u64,
    capacity: u32,
    /// The largest capacity whose memory was confirmed.
    confirmed: u32,
    wake_at: u32,
    fault: Option<Fault>,
}

struct Scene<'a> {
    ring: Reader<LocalPage, HostilePage>,
    own: &'a LocalPage,
    buffer: &'a mut [u8],
    model: Model,
    /// What an honest writer has published, and under which capacity.
    sent: u64,
    sent_capacity: u32,
    is_honest: bool,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let peer = LocalPage::new(CAPACITY_MAX as usize / 8);
        Stage { own: LocalPage::new(0), peer, buffer: vec![CANARY; BUFFER_BYTES] }
    }

    pub(crate) fn episode(&mut self, chance: &mut Chance, tally: &mut Tally) {
        wipe(&self.own, false);
        // The data keep what the last episode left: an honest ring never shows it.
        wipe(&self.peer, false);
        let page = HostilePage::new(self.peer.clone());
        page.store(Place::Control(CAPACITY), CAPACITY_MIN.into());
        let ring = Reader::new(self.own.clone(), page, STAMP);
        let (capacity, confirmed) = (CAPACITY_MIN, CAPACITY_MIN);
        let model = Model { next: 0, read: 0, written: 0, capacity, confirmed, wake_at: 0, fault: None };
        let (own, buffer) = (&self.own, &mut self.buffer[..]);
        let (sent, sent_capacity) = (0, CAPACITY_MIN);
        let mut scene = Scene { ring, own, buffer, model, sent, sent_capacity, is_honest: true };
        for _ in 0..chance.below(16) {
            scene.send(chance);
            scene.step(None, chance, tally);
        }
        assert!(scene.model.fault.is_none(), "an honest writer was called a liar");
        for _ in 0..STEPS {
            let ambush = scene.lie(chance);
            scene.step(ambush, chance, tally);
            tally.cases += 1;
            if scene.model.fault.is_some() && chance.once_in(2) {
                break;
            }
        }
    }
}

impl Scene<'_> {
    fn page(&self) -> &HostilePage {
        self.ring.peer()
    }

    fn word_of(index: u64, capacity: u32) -> usize {
        (index % u64::from(capacity)) as usize / 8
    }

    /// A record as an honest writer writes it, if there is room; the ring grows now and then.
    fn send(&mut self, chance: &mut Chance) {
        // What a liar made up counts, too.
        self.sent = self.sent.max(self.model.written);
        if self.sent == self.model.read && self.sent_capacity < CAPACITY_MAX && chance.once_in(8) {
            self.sent_capacity = CAPACITY_MAX;
            self.page().store(Place::Control(CAPACITY), CAPACITY_MAX.into());
        }
        let length = if chance.once_in(256) { chance.below(CAPACITY_MAX / 2 + 1) } else { chance.below(48) };
        let bytes = 8 + u64::from(length.next_multiple_of(8));
        if self.sent + bytes - self.model.read > self.sent_capacity.into() {
            return;
        }
        let header = u64::from(length) | (self.sent & 0xFFFF_FFFF) << 32;
        let at = |index: u64| Place::Data(Self::word_of(self.sent + index, self.sent_capacity));
        self.page().store(at(0), header);
        for index in (8..bytes).step_by(8) {
            self.page().store(at(index), (self.sent + index).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        self.sent += bytes;
        self.page().store(Place::Control(INDEX), self.sent);
    }

    fn lie(&mut self, chance: &mut Chance) -> Option<Ambush> {
        self.is_honest = false;
        if chance.once_in(3) {
            self.send(chance);
        }
        let Model { next, written, capacity, .. } = self.model;
        let header = Place::Data(Self::word_of(next, capacity));
        let (place, value) = match chance.below(8) {
            0 | 1 => (Place::Control(INDEX), chance.lie(written as u32).into()),
            2 => (Place::Control(INDEX), written + 8 * u64::from(chance.below(9))),
            3 => (Place::Control(CAPACITY), chance.lie(capacity).into()),
            4 => (
                Place::Control(CAPACITY),
                [CAPACITY_MIN, CAPACITY_MAX, 4 * CAPACITY_MIN][chance.below(3) as usize].into(),
            ),
            5 => (header, u64::from(chance.lie((written.wrapping_sub(next)) as u32))),
            6 => (header, u64::from(chance.below(64))),
            _ => (Place::Control(WAKE_AT), chance.lie(next as u32).into()),
        };
        if chance.once_in(2) {
            self.page().store(place, value);
            return None;
        }
        Some(Ambush { look: chance.below(4), place, value })
    }

    fn step(&mut self, ambush: Option<Ambush>, chance: &mut Chance, tally: &mut Tally) {
        self.page().lie_in_wait(ambush, 0);
        match chance.below(8) {
            0..=4 => self.receive(chance, tally),
            5 => self.acknowledge(tally),
            _ => self.prepare_sleep(tally),
        }
        assert_eq!(shown(self.own, INDEX), self.model.read as u32, "the reader's index");
        assert_eq!(shown(self.own, WAKE_AT), self.model.wake_at, "the reader's wake_at");
        assert_eq!(self.ring.capacity(), self.model.capacity);
    }

    fn receive(&mut self, chance: &mut Chance, tally: &mut Tally) {
        let room = if chance.once_in(16) { chance.below(64) as usize } else { BUFFER_BYTES - 8 };
        let found = self.ring.try_recv(&mut self.buffer[..room]).map(|record| {
            record.map(|record| {
                assert_eq!(record.sender, STAMP);
                (record.msg_id, record.payload.len())
            })
        });
        let wanted = self.next_record(room);
        assert_eq!(found, wanted);
        match wanted {
            Ok(Some((msg_id, length))) => {
                self.check_bytes(msg_id, length);
                self.model.next += 8 + length.next_multiple_of(8) as u64;
                assert!(self.model.next <= self.model.written, "read beyond what was written");
                tally.count(Outcome::Delivered);
            }
            Ok(None) => tally.count(Outcome::Nothing),
            Err(RecvError::TooShort { .. }) => tally.count(Outcome::TooLong),
            Err(RecvError::Grow { capacity }) => {
                self.ring.grow(capacity);
                self.model.confirmed = capacity;
                tally.count(Outcome::Nothing);
            }
            Err(RecvError::Poisoned(fault)) => tally.fault(fault),
            Err(other) => panic!("{other}"),
        }
    }

    fn next_record(&mut self, room: usize) -> Result<Option<(u32, usize)>, RecvError> {
        if let Some(fault) = self.model.fault {
            return Err(RecvError::Poisoned(fault));
        }
        if self.model.next == self.model.written {
            self.believe(self.page().index_seen())?;
        }
        let Model { next, written, capacity, .. } = self.model;
        if next == written {
            return Ok(None);
        }
        // The last look at the data came before this word was read.
        let header = self.page().load(Place::Data(Self::word_of(next, capacity)));
        let (length, msg_id) = (header as u32, (header >> 32) as u32);
        let length_max = (written - next - 8).min(u64::from(CAPACITY_MAX / 2)) as u32;
        if length > length_max {
            let fault = Fault::Length { length, length_max };
            self.model.fault = Some(fault);
            return Err(fault.into());
        }
        let length = length as usize;
        if length > room { Err(RecvError::TooShort { length }) } else { Ok(Some((msg_id, length))) }
    }

    fn check_bytes(&mut self, msg_id: u32, length: usize) {
        let Model { next, capacity, .. } = self.model;
        let (bytes, rest) = self.buffer.split_at(length);
        for (index, chunk) in bytes.chunks(8).enumerate() {
            let at = next + 8 * (index as u64 + 1);
            let word = self.ring.peer().load(Place::Data(Self::word_of(at, capacity)));
            assert_eq!(chunk, &word.to_le_bytes()[..chunk.len()], "the payload");
            if self.is_honest {
                assert_eq!(word, at.wrapping_mul(0x9E37_79B9_7F4A_7C15), "an honest payload");
            }
        }
        assert!(rest[..8].iter().all(|byte| *byte == CANARY), "bytes beyond the length");
        assert!(!self.is_honest || msg_id == next as u32, "an honest id");
        self.buffer[..length].fill(CANARY);
    }

    fn acknowledge(&mut self, tally: &mut Tally) {
        let (old, new) = (self.model.read, self.model.next);
        let wake = self.ring.ack();
        let crossed = u64::from(self.page().wake_at_seen().wrapping_sub(old as u32)) < new - old;
        let wanted = if old != new && crossed { Wake::Needed } else { Wake::NotNeeded };
        assert_eq!(wake, wanted, "a wake after {old}..{new}");
        self.model.read = new;
        tally.count(Outcome::GivenBack);
    }

    fn prepare_sleep(&mut self, tally: &mut Tally) {
        let found = self.ring.prepare_sleep();
        if let Some(fault) = self.model.fault {
            assert_eq!(found, Err(fault), "nobody waits for a poisoned ring");
            return tally.fault(fault);
        }
        if self.model.next != self.model.written {
            assert_eq!(found, Ok(None));
            return tally.count(Outcome::Slept);
        }
        self.model.wake_at = self.model.next as u32;
        let wanted = match self.believe(self.page().index_seen()) {
            Ok(()) => Ok((self.model.next == self.model.written).then_some(self.model.next as u32)),
            Err(RecvError::Poisoned(fault)) => Err(fault),
            // Something is there, and is looked at by who receives.
            Err(_) => Ok(None),
        };
        assert_eq!(found, wanted);
        match wanted {
            Err(fault) => tally.fault(fault),
            Ok(_) => tally.count(Outcome::Slept),
        }
    }

    /// Takes the writer's index and capacity, by the rules of the layout page.
    fn believe(&mut self, index: u32) -> Result<(), RecvError> {
        if let Some(fault) = self.model.fault {
            return Err(fault.into());
        }
        let Model { next, read, written, capacity: known, .. } = self.model;
        if index == written as u32 {
            return Ok(());
        }
        let capacity = self.page().capacity_seen();
        let has_grown = capacity == CAPACITY_MAX && known == CAPACITY_MIN && read == next;
        let fresh = u64::from(index.wrapping_sub(read as u32));
        let fault = if capacity != known && !has_grown {
            Some(Fault::Capacity { capacity })
        } else if fresh > capacity.into() || !fresh.is_multiple_of(8) || read + fresh < next {
            Some(Fault::Published { published: index, taken: next as u32 })
        } else {
            None
        };
        if let Some(fault) = fault {
            self.model.fault = Some(fault);
            return Err(fault.into());
        }
        if capacity > self.model.confirmed {
            return Err(RecvError::Grow { capacity });
        }
        (self.model.written, self.model.capacity) = (read + fresh, capacity);
        Ok(())
    }
}
