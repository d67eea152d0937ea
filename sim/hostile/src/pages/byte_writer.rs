//! The victim writes records; the liar says what it has read.

use super::{Ambush, HostilePage, INDEX, Place, WAKE_AT, shown, wipe};
use crate::chance::Chance;
use crate::tally::{Outcome, Tally};
use ioi_shm::byte_ring::{CAPACITY_MIN, Writer};
use ioi_shm::sync::Ordering;
use ioi_shm::{Fault, LocalPage, OwnPage, SendError, Wake};
use std::collections::VecDeque;

const CAPACITY_MAX: u32 = 2 * CAPACITY_MIN;
const STEPS: u32 = 14;

#[derive(Debug)]
pub(crate) struct Stage {
    own: LocalPage,
    peer: LocalPage,
    bytes: Vec<u8>,
}

/// What the writer must be.
#[derive(Debug)]
struct Model {
    written: u64,
    published: u64,
    read: u64,
    capacity: u32,
    capacity_max: u32,
    wanted: u32,
    wake_at: u32,
    fault: Option<Fault>,
    /// Where each record that is not given back starts, its length and its id.
    records: VecDeque<(u64, u32, u32)>,
}

struct Scene<'a> {
    ring: Writer<LocalPage, HostilePage>,
    own: &'a LocalPage,
    bytes: &'a [u8],
    model: Model,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let bytes = (0..=CAPACITY_MAX / 2).map(|at| (at ^ (at >> 8)) as u8).collect();
        Stage { own: LocalPage::new(CAPACITY_MAX as usize / 8), peer: LocalPage::new(0), bytes }
    }

    pub(crate) fn episode(&mut self, chance: &mut Chance, tally: &mut Tally) {
        wipe(&self.own, false);
        wipe(&self.peer, false);
        let ring = Writer::new(self.own.clone(), HostilePage::new(self.peer.clone()));
        let model = Model {
            written: 0,
            published: 0,
            read: 0,
            capacity: CAPACITY_MIN,
            capacity_max: CAPACITY_MAX,
            wanted: 0,
            wake_at: 0,
            fault: None,
            records: VecDeque::new(),
        };
        let mut scene = Scene { ring, own: &self.own, bytes: &self.bytes, model };
        for _ in 0..chance.below(16) {
            let ends =
                scene.model.records.iter().map(|record| record.0).filter(|at| *at <= scene.model.published);
            let some = ends.take(2).last().unwrap_or(scene.model.read);
            let read = if chance.once_in(3) { scene.model.published } else { some };
            scene.page().store(Place::Control(INDEX), read);
            scene.step(None, chance, tally);
        }
        assert!(scene.model.fault.is_none(), "an honest reader was called a liar");
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

    fn lie(&mut self, chance: &mut Chance) -> Option<Ambush> {
        if chance.once_in(4) {
            // That everything was read is a lie as well, and one that can't be told from the truth.
            self.page().store(Place::Control(INDEX), self.model.published);
        }
        let truth = [self.model.read, self.model.published, self.model.written][chance.below(3) as usize];
        let place = Place::Control(if chance.once_in(3) { WAKE_AT } else { INDEX });
        let value = chance.lie(truth as u32) & if chance.once_in(4) { !0 } else { !7 };
        if chance.once_in(2) {
            self.page().store(place, value.into());
            return None;
        }
        Some(Ambush { look: chance.below(3), place, value: value.into() })
    }

    fn step(&mut self, ambush: Option<Ambush>, chance: &mut Chance, tally: &mut Tally) {
        self.page().lie_in_wait(ambush, 0);
        match chance.below(8) {
            0..=3 => self.push(chance, tally),
            4 | 5 => self.publish(tally),
            _ => self.prepare_sleep(tally),
        }
        self.check_records(chance);
        assert_eq!(shown(self.own, INDEX), self.model.published as u32, "the writer's index");
        assert_eq!(shown(self.own, WAKE_AT), self.model.wake_at, "the writer's wake_at");
        assert_eq!(self.ring.capacity(), self.model.capacity);
        assert_eq!(shown(self.own, super::CAPACITY), self.model.capacity, "the capacity that is shown");
    }

    fn push(&mut self, chance: &mut Chance, tally: &mut Tally) {
        let length = match chance.below(64) {
            0 => chance.below(CAPACITY_MAX / 2 + 2),
            1 if chance.once_in(4) => CAPACITY_MAX / 2 + 1,
            1 => CAPACITY_MIN / 2 - 8 * chance.below(3),
            _ => chance.below(48),
        };
        let msg_id = chance.long() as u32;
        let found = self.ring.push(msg_id, &self.bytes[..length as usize]);
        let wanted = self.may_push(length);
        assert_eq!(found, wanted);
        match wanted {
            Ok(()) => {
                self.model.records.push_back((self.model.written, length, msg_id));
                self.model.written += 8 + u64::from(length.next_multiple_of(8));
                assert!(self.model.written - self.model.read <= self.model.capacity.into());
                tally.count(Outcome::Sent);
            }
            Err(SendError::Grow { capacity }) => {
                self.grow(capacity, chance);
                tally.count(Outcome::Grow);
            }
            Err(SendError::Poisoned(fault)) => tally.fault(fault),
            Err(SendError::TooLong { .. }) => tally.count(Outcome::TooLong),
            Err(_) => tally.count(Outcome::Full),
        }
    }

    fn may_push(&mut self, length: u32) -> Result<(), SendError> {
        if let Some(fault) = self.model.fault {
            return Err(SendError::Poisoned(fault));
        }
        let length_max = self.model.capacity_max / 2;
        if length > length_max {
            return Err(SendError::TooLong { length: length as usize, length_max: length_max as usize });
        }
        let bytes = u64::from(8 + length.next_multiple_of(8));
        let fits = |model: &Model| model.written - model.read + bytes <= model.capacity.into();
        if fits(&self.model) && self.model.wanted == 0 {
            return Ok(());
        }
        self.believe(self.page().index_seen())?;
        if !fits(&self.model) && self.model.capacity < self.model.capacity_max {
            self.model.wanted = CAPACITY_MAX;
        }
        let is_empty = self.model.read == self.model.written;
        match self.model.wanted {
            0 if fits(&self.model) => Ok(()),
            capacity @ 1.. if is_empty => Err(SendError::Grow { capacity }),
            _ => Err(SendError::Full),
        }
    }

    fn grow(&mut self, capacity: u32, chance: &mut Chance) {
        if chance.once_in(4) {
            self.ring.decline_growth();
            self.model.capacity_max = self.model.capacity;
        } else {
            self.ring.grow(capacity);
            self.model.capacity = capacity;
        }
        self.model.wanted = 0;
    }

    fn publish(&mut self, tally: &mut Tally) {
        let (old, new) = (self.model.published, self.model.written);
        let wake = self.ring.publish();
        let crossed = u64::from(self.page().wake_at_seen().wrapping_sub(old as u32)) < new - old;
        let wanted = if old != new && crossed { Wake::Needed } else { Wake::NotNeeded };
        assert_eq!(wake, wanted, "a wake after {old}..{new}");
        self.model.published = new;
        tally.count(Outcome::Slept);
    }

    fn prepare_sleep(&mut self, tally: &mut Tally) {
        let found = self.ring.prepare_sleep();
        let before = self.model.read;
        self.model.wake_at = before as u32;
        let wanted = self.believe(self.page().index_seen()).map(|()| {
            let sleeps = self.model.read == before && self.model.read != self.model.written;
            sleeps.then_some(before as u32)
        });
        assert_eq!(found, wanted);
        match wanted {
            Err(fault) => tally.fault(fault),
            Ok(_) => tally.count(Outcome::Slept),
        }
    }

    fn believe(&mut self, index: u32) -> Result<(), Fault> {
        if let Some(fault) = self.model.fault {
            return Err(fault);
        }
        let given_back = u64::from(index.wrapping_sub(self.model.read as u32));
        let read = self.model.read + given_back;
        if read > self.model.published || !given_back.is_multiple_of(8) {
            let fault = Fault::Acked { acked: index, sent: self.model.published as u32 };
            self.model.fault = Some(fault);
            return Err(fault);
        }
        self.model.read = read;
        while self.model.records.front().is_some_and(|record| record.0 < read) {
            self.model.records.pop_front();
        }
        Ok(())
    }

    /// One of the records that the reader has not given back stands there as it was pushed.
    fn check_records(&self, chance: &mut Chance) {
        let Some(count) = u32::try_from(self.model.records.len()).ok().filter(|count| *count > 0) else {
            return;
        };
        let (start, length, msg_id) = self.model.records[chance.below(count) as usize];
        let word = |index: u64| {
            let at = ((start + index) % u64::from(self.model.capacity)) as usize / 8;
            OwnPage::data(self.own)[at].load(Ordering::Relaxed)
        };
        assert_eq!(word(0), u64::from(length) | u64::from(msg_id) << 32, "a record's header");
        let bytes = &self.bytes[..length as usize];
        // Of a long one, its beginning and a part anywhere.
        for first in [0, chance.below(length / 8 + 1) as usize] {
            for (index, chunk) in bytes.chunks(8).enumerate().skip(first).take(8) {
                assert_eq!(
                    word(8 * (index as u64 + 1)).to_le_bytes()[..chunk.len()],
                    *chunk,
                    "a record's bytes"
                );
            }
        }
    }
}
