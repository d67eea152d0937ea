//! The victim sends messages; the liar says what it has given back.

use super::{Ambush, HostilePage, INDEX, Place, WAKE_AT, shown, wipe};
use crate::chance::Chance;
use crate::tally::{Outcome, Tally};
use ioi_shm::ring::{Layout, Sender};
use ioi_shm::sync::Ordering;
use ioi_shm::{Fault, LocalPage, OwnPage, SendError, Wake};

const SLOTS: usize = 8;
const BYTES: usize = 24;
const SLOT_WORDS: usize = Layout::<SLOTS, BYTES>::SLOT_WORDS;
const STEPS: u32 = 14;

type Ring = Sender<SLOTS, BYTES, LocalPage, HostilePage>;

#[derive(Debug)]
pub(crate) struct Stage {
    own: LocalPage,
    peer: LocalPage,
}

/// What the sender must be.
#[derive(Debug, Default)]
struct Model {
    sent: u64,
    published: u64,
    acked: u64,
    wake_at: u32,
    fault: Option<Fault>,
    /// Length and id of message *n* at *n* mod `SLOTS`.
    messages: [(u64, u32); SLOTS],
}

struct Scene<'a> {
    ring: Ring,
    own: &'a LocalPage,
    model: Model,
    bytes: [u8; BYTES + 1],
}

impl Stage {
    pub(crate) fn new() -> Stage {
        Stage { own: LocalPage::new(Layout::<SLOTS, BYTES>::DATA_WORDS), peer: LocalPage::new(0) }
    }

    pub(crate) fn episode(&mut self, chance: &mut Chance, tally: &mut Tally) {
        wipe(&self.own, true);
        wipe(&self.peer, false);
        let ring = Ring::new(self.own.clone(), HostilePage::new(self.peer.clone()));
        let bytes = std::array::from_fn(|at| at as u8 ^ 0x5A);
        let mut scene = Scene { ring, own: &self.own, model: Model::default(), bytes };
        for _ in 0..chance.below(2 * SLOTS as u32) {
            let taken = scene.model.acked + u64::from(chance.below(4));
            scene.page().store(Place::Control(INDEX), taken.min(scene.model.published));
            scene.step(None, chance, tally);
        }
        assert!(scene.model.fault.is_none(), "an honest receiver was called a liar");
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
        let truth = [self.model.acked, self.model.published, self.model.sent][chance.below(3) as usize];
        let place = Place::Control(if chance.once_in(3) { WAKE_AT } else { INDEX });
        let value = chance.lie(truth as u32).into();
        if chance.once_in(2) {
            self.page().store(place, value);
            return None;
        }
        Some(Ambush { look: chance.below(3), place, value })
    }

    fn step(&mut self, ambush: Option<Ambush>, chance: &mut Chance, tally: &mut Tally) {
        self.page().lie_in_wait(ambush, 0);
        match chance.below(8) {
            0..=3 => self.push(chance, tally),
            4 | 5 => self.publish(tally),
            6 => self.room(tally),
            _ => self.prepare_sleep(tally),
        }
        self.check_slots(chance);
        assert_eq!(shown(self.own, INDEX), self.model.published as u32, "the sender's index");
        assert_eq!(shown(self.own, WAKE_AT), self.model.wake_at, "the sender's wake_at");
    }

    fn push(&mut self, chance: &mut Chance, tally: &mut Tally) {
        let length = chance.below(BYTES as u32 + 2) as usize;
        let msg_id = chance.long() as u32;
        let found = self.ring.push(msg_id, &self.bytes[..length]);
        let wanted = self.may_push(length);
        assert_eq!(found, wanted);
        match wanted {
            Ok(()) => {
                self.model.messages[(self.model.sent % SLOTS as u64) as usize] = (length as u64, msg_id);
                self.model.sent += 1;
                tally.count(Outcome::Sent);
            }
            Err(SendError::Poisoned(fault)) => tally.fault(fault),
            Err(SendError::TooLong { .. }) => tally.count(Outcome::TooLong),
            Err(_) => tally.count(Outcome::Full),
        }
    }

    /// What a push of so many bytes must answer; looks at the liar's index only when there is no room.
    fn may_push(&mut self, length: usize) -> Result<(), SendError> {
        if length > BYTES {
            return Err(SendError::TooLong { length, length_max: BYTES });
        }
        if let Some(fault) = self.model.fault {
            return Err(SendError::Poisoned(fault));
        }
        if self.model.sent - self.model.acked == SLOTS as u64 {
            self.believe(self.page().index_seen())?;
        }
        if self.model.sent - self.model.acked == SLOTS as u64 { Err(SendError::Full) } else { Ok(()) }
    }

    fn publish(&mut self, tally: &mut Tally) {
        let (old, new) = (self.model.published, self.model.sent);
        let wake = self.ring.publish();
        let crossed = u64::from(self.page().wake_at_seen().wrapping_sub(old as u32)) < new - old;
        let wanted = if old != new && crossed { Wake::Needed } else { Wake::NotNeeded };
        assert_eq!(wake, wanted, "a wake after {old}..{new}");
        self.model.published = new;
        tally.count(Outcome::Slept);
    }

    fn room(&mut self, tally: &mut Tally) {
        let found = self.ring.room();
        let wanted = self.believe(self.page().index_seen());
        let wanted = wanted.map(|()| SLOTS - (self.model.sent - self.model.acked) as usize);
        assert_eq!(found, wanted);
        self.count(wanted.err(), tally);
    }

    fn prepare_sleep(&mut self, tally: &mut Tally) {
        let found = self.ring.prepare_sleep();
        let before = self.model.acked;
        self.model.wake_at = before as u32;
        let wanted = self.believe(self.page().index_seen()).map(|()| {
            let is_full = self.model.sent - self.model.acked == SLOTS as u64;
            (is_full && self.model.acked == before).then_some(before as u32)
        });
        assert_eq!(found, wanted);
        self.count(wanted.err(), tally);
    }

    fn count(&self, fault: Option<Fault>, tally: &mut Tally) {
        match fault {
            Some(fault) => tally.fault(fault),
            None => tally.count(Outcome::Slept),
        }
    }

    /// An index between what was given back before and what was published; anything else poisons for good.
    fn believe(&mut self, index: u32) -> Result<(), Fault> {
        if let Some(fault) = self.model.fault {
            return Err(fault);
        }
        let lawful = (self.model.acked..=self.model.published).find(|count| *count as u32 == index);
        match lawful {
            Some(count) => self.model.acked = count,
            None => {
                let fault = Fault::Acked { acked: index, sent: self.model.published as u32 };
                self.model.fault = Some(fault);
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Reads slots as the layout page says, with no code of the ring: a message that the
    /// receiver has not given back stands there as it was pushed, and shows itself only
    /// after it was published.
    fn check_slots(&self, chance: &mut Chance) {
        let Model { sent, published, acked, messages, .. } = &self.model;
        let any = acked + u64::from(chance.below(SLOTS as u32));
        for number in [any, *published].into_iter().filter(|number| number < sent) {
            let at = (number % SLOTS as u64) as usize;
            let words = &OwnPage::data(self.own)[at * SLOT_WORDS..][..SLOT_WORDS];
            let word = |at: usize| words[at].load(Ordering::Relaxed);
            let (length, msg_id) = messages[at];
            assert_eq!(word(1), u64::from(msg_id), "the id of message {number}");
            for (index, chunk) in self.bytes[..length as usize].chunks(8).enumerate() {
                assert_eq!(word(2 + index).to_le_bytes()[..chunk.len()], *chunk, "the payload");
            }
            let (sequence, run) = (word(0) as u32, word(0) >> 48);
            if number == *published {
                assert_ne!(sequence, number as u32 + 1, "message {number} shows before it was published");
            } else {
                assert_eq!((sequence, word(0) >> 32 & 0xFFFF), (number as u32 + 1, length));
                let is_whole = number < *published || run == 0;
                assert!(is_whole && number + run <= *sent, "a batch of {run} from {number}");
            }
        }
    }
}
