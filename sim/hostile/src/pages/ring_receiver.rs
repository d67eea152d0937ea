//! The victim receives messages; the liar writes the slots and the index.

use super::{Ambush, HostilePage, INDEX, Place, WAKE_AT, shown, wipe};
use crate::chance::Chance;
use crate::tally::{Outcome, Tally};
use ioi_shm::ring::{Layout, Receiver};
use ioi_shm::{Fault, LocalPage, Wake};

const SLOTS: usize = 8;
const BYTES: usize = 24;
const SLOT_WORDS: usize = Layout::<SLOTS, BYTES>::SLOT_WORDS;
const STAMP: u32 = 77;
const CANARY: u8 = 0xC5;
const STEPS: u32 = 14;

type Ring = Receiver<SLOTS, BYTES, LocalPage, HostilePage>;

/// Two pages that are wiped for each episode.
#[derive(Debug)]
pub(crate) struct Stage {
    own: LocalPage,
    peer: LocalPage,
}

/// What the receiver must be, by the layout page and not by its code.
#[derive(Debug, Default)]
struct Model {
    /// Messages taken, never wrapped.
    taken: u64,
    acked: u64,
    left: u64,
    wake_at: u32,
    fault: Option<Fault>,
}

/// What the model says about the next slot.
enum Slot {
    Empty,
    Message { length: usize, run: u64 },
    Lie(Fault),
}

/// One episode: a ring from its first message on.
struct Scene<'a> {
    ring: Ring,
    own: &'a LocalPage,
    model: Model,
    /// Messages that the liar has written as an honest sender would.
    sent: u64,
    /// Everything so far was honest.
    is_honest: bool,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        Stage { own: LocalPage::new(0), peer: LocalPage::new(Layout::<SLOTS, BYTES>::DATA_WORDS) }
    }

    pub(crate) fn episode(&mut self, chance: &mut Chance, tally: &mut Tally) {
        wipe(&self.own, false);
        wipe(&self.peer, true);
        let ring = Ring::new(self.own.clone(), HostilePage::new(self.peer.clone()), STAMP);
        let mut scene = Scene { ring, own: &self.own, model: Model::default(), sent: 0, is_honest: true };
        let honest_steps = chance.below(2 * SLOTS as u32);
        for _ in 0..honest_steps {
            scene.send(chance);
            scene.step(None, chance, tally);
        }
        assert!(scene.model.fault.is_none(), "an honest sender was called a liar");
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

    fn start(number: u64) -> usize {
        (number % SLOTS as u64) as usize * SLOT_WORDS
    }

    /// A batch as an honest sender writes it, if there is room; its index comes late now and then,
    /// but before the next batch.
    fn send(&mut self, chance: &mut Chance) {
        // Messages that a liar made up count, too.
        self.sent = self.sent.max(self.model.taken + self.model.left);
        self.page().store(Place::Control(INDEX), self.sent);
        let room = SLOTS as u64 - (self.sent - self.model.acked);
        let run = u64::from(chance.below(4)).min(room);
        for number in (self.sent..self.sent + run).rev() {
            let at = Self::start(number);
            let length = u64::from(chance.below(BYTES as u32 + 1));
            for word in 1..2 + BYTES / 8 {
                self.page()
                    .store(Place::Data(at + word), number.wrapping_mul(0x0101_0101_0101_0101 + word as u64));
            }
            let run = if number == self.sent { run } else { 0 };
            self.page().store(Place::Data(at), (number + 1) & 0xFFFF_FFFF | length << 32 | run << 48);
        }
        self.sent += run;
        if run > 0 && !chance.once_in(4) {
            self.page().store(Place::Control(INDEX), self.sent);
        }
    }

    /// Something that an honest sender might not do, now or at one of the victim's next looks.
    fn lie(&mut self, chance: &mut Chance) -> Option<Ambush> {
        self.is_honest = false;
        if chance.once_in(3) {
            self.send(chance);
        }
        let at = Self::start(self.model.taken);
        let number = (self.model.taken as u32).wrapping_add(1);
        let commit = |chance: &mut Chance| {
            let length = [chance.below(BYTES as u32 + 2), chance.lie(BYTES as u32)][chance.below(2) as usize];
            let run = [chance.below(SLOTS as u32 + 2), chance.lie(1)][chance.below(2) as usize];
            let sequence = if chance.once_in(3) { chance.lie(number) } else { number };
            u64::from(sequence) | u64::from(length & 0xFFFF) << 32 | u64::from(run & 0xFFFF) << 48
        };
        let (place, value) = match chance.below(8) {
            0..=2 => (Place::Data(at), commit(chance)),
            3 => (Place::Data(at), self.page().load(Place::Data(at)) ^ 1 << chance.below(64)),
            4 => (Place::Control(INDEX), chance.lie(self.model.taken as u32).into()),
            5 => (Place::Control(WAKE_AT), chance.lie(self.model.taken as u32).into()),
            6 => (Place::Data(chance.below((SLOTS * SLOT_WORDS) as u32) as usize), chance.long()),
            _ => (Place::Data(at + chance.below(SLOT_WORDS as u32) as usize), chance.long()),
        };
        if chance.once_in(2) {
            self.page().store(place, value);
            return None;
        }
        Some(Ambush { look: chance.below(4), place, value })
    }

    fn step(&mut self, ambush: Option<Ambush>, chance: &mut Chance, tally: &mut Tally) {
        self.page().lie_in_wait(ambush, Self::start(self.model.taken));
        match chance.below(8) {
            0..=4 => self.receive(tally),
            5 => self.acknowledge(tally),
            _ => self.prepare_sleep(tally),
        }
        assert_eq!(shown(self.own, INDEX), self.model.acked as u32, "the receiver's index");
        assert_eq!(shown(self.own, WAKE_AT), self.model.wake_at, "the receiver's wake_at");
    }

    fn receive(&mut self, tally: &mut Tally) {
        let mut into = [CANARY; BYTES];
        let found = self.ring.try_recv(&mut into);
        match (found, self.slot(0)) {
            (Ok(None), Slot::Empty) => tally.count(Outcome::Nothing),
            (Ok(Some(header)), Slot::Message { length, run }) => {
                assert_eq!((header.sender, header.length), (STAMP, length));
                self.check_bytes(header.msg_id, &into, length);
                self.model.left = if self.model.left == 0 { run } else { self.model.left } - 1;
                self.model.taken += 1;
                assert!(self.model.taken - self.model.acked <= SLOTS as u64, "more than a lap");
                tally.count(Outcome::Delivered);
            }
            (Err(found), Slot::Lie(fault)) if found == fault => {
                assert_eq!(into, [CANARY; BYTES], "bytes of a message that was refused");
                self.poisoned(fault, tally);
            }
            (found, _) => panic!("{found:?} is not what the slot says"),
        }
    }

    /// What was copied is what stood in the slot, and nothing beyond its length was touched.
    fn check_bytes(&self, msg_id: u32, into: &[u8; BYTES], length: usize) {
        let at = Self::start(self.model.taken);
        let word = |at: usize| self.page().load(Place::Data(at));
        assert_eq!(msg_id, word(at + 1) as u32);
        let (bytes, rest) = into.split_at(length);
        for (index, chunk) in bytes.chunks(8).enumerate() {
            assert_eq!(chunk, &word(at + 2 + index).to_le_bytes()[..chunk.len()], "the payload");
        }
        assert!(rest.iter().all(|byte| *byte == CANARY), "bytes beyond the length");
        if self.is_honest {
            let sent = self.model.taken.wrapping_mul(0x0101_0101_0101_0102) as u32;
            assert_eq!(msg_id, sent, "an honest message");
        }
    }

    fn acknowledge(&mut self, tally: &mut Tally) {
        let (old, new) = (self.model.acked, self.model.taken);
        let wake = self.ring.ack();
        let crossed = u64::from(self.page().wake_at_seen().wrapping_sub(old as u32)) < new - old;
        let wanted = if old != new && crossed { Wake::Needed } else { Wake::NotNeeded };
        assert_eq!(wake, wanted, "a wake after {old}..{new}");
        self.model.acked = new;
        tally.count(Outcome::GivenBack);
    }

    fn prepare_sleep(&mut self, tally: &mut Tally) {
        let found = self.ring.prepare_sleep();
        match self.slot(0) {
            Slot::Lie(fault) => {
                assert_eq!(found, Err(fault));
                return self.poisoned(fault, tally);
            }
            Slot::Message { .. } => assert_eq!(found, Ok(None)),
            Slot::Empty => {
                let taken = self.model.taken as u32;
                self.model.wake_at = taken;
                let published = self.page().index_seen();
                if taken.wrapping_sub(published) <= SLOTS as u32 {
                    assert_eq!(found, Ok(Some(published)));
                } else {
                    let room = SLOTS as u64 - (self.model.taken - self.model.acked);
                    let fits = u64::from(published.wrapping_sub(taken)) <= room;
                    match self.slot(1) {
                        Slot::Message { .. } if fits => assert_eq!(found, Ok(None)),
                        Slot::Lie(fault) => {
                            assert_eq!(found, Err(fault));
                            return self.poisoned(fault, tally);
                        }
                        _ => {
                            let fault = Fault::Published { published, taken };
                            assert_eq!(found, Err(fault));
                            return self.poisoned(fault, tally);
                        }
                    }
                }
            }
        }
        tally.count(Outcome::Slept);
    }

    fn poisoned(&mut self, fault: Fault, tally: &mut Tally) {
        assert!(self.model.fault.is_none_or(|first| first == fault), "another fault than the first");
        self.model.fault = Some(fault);
        tally.fault(fault);
    }

    /// What the commit word of the next slot means, as it was at the receiver's first or second look.
    fn slot(&self, look: usize) -> Slot {
        if let Some(fault) = self.model.fault {
            return Slot::Lie(fault);
        }
        let Model { taken, acked, left, .. } = self.model;
        let word = self.page().data_seen(look);
        let (found, length, run) = (word as u32, (word >> 32) as u16, (word >> 48) as u16);
        let expected = (taken as u32).wrapping_add(1);
        if found != expected {
            let lap_before = taken.checked_sub(SLOTS as u64).map(|number| (number as u32).wrapping_add(1));
            let is_old = lap_before.map_or(word == 0, |lap_before| found == lap_before);
            let is_empty = is_old && left == 0;
            return if is_empty { Slot::Empty } else { Slot::Lie(Fault::Sequence { expected, found }) };
        }
        if usize::from(length) > BYTES {
            return Slot::Lie(Fault::Length { length: length.into(), length_max: BYTES as u32 });
        }
        let run_max = if left == 0 { SLOTS as u64 - (taken - acked) } else { 0 };
        if u64::from(run) > run_max || (left == 0 && run == 0) {
            return Slot::Lie(Fault::Run { run, run_max: run_max as u16 });
        }
        Slot::Message { length: length.into(), run: run.into() }
    }
}
