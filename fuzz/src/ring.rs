//! A ring's receiver over any page: a message is what its slot says, within its bounds, or there is none.

use crate::script::Script;
use ioi_shm::ring::{Layout, Receiver};
use ioi_shm::sync::Ordering;
use ioi_shm::{Fault, LocalPage, OwnPage};

const SLOTS: usize = 4;
const BYTES: usize = 24;
const SLOT_WORDS: usize = Layout::<SLOTS, BYTES>::SLOT_WORDS;
const INDEX: usize = 0;

/// A receiver and the page that the input writes.
struct Scene {
    receiver: Receiver<SLOTS, BYTES, LocalPage, LocalPage>,
    page: LocalPage,
    taken: u64,
    acked: u64,
    fault: Option<Fault>,
}

/// Steps: words of the sender's page, and what the receiver does next.
pub(crate) fn check(input: &[u8]) {
    let page = LocalPage::new(Layout::<SLOTS, BYTES>::DATA_WORDS);
    let receiver = Receiver::new(LocalPage::new(0), page.clone(), 5);
    let mut scene = Scene { receiver, page, taken: 0, acked: 0, fault: None };
    let mut script = Script::new(input);
    while !script.is_empty() {
        scene.step(&mut script);
    }
}

impl Scene {
    fn step(&mut self, script: &mut Script<'_>) {
        let words = OwnPage::data(&self.page);
        let start = self.taken as usize % SLOTS * SLOT_WORDS;
        match script.byte() % 8 {
            // A commit word for the next slot, or one after it, with fields near what is lawful.
            0..=2 => {
                let ahead = script.byte() % 4;
                let at = (self.taken as usize + usize::from(ahead)) % SLOTS * SLOT_WORDS;
                let off = script.byte() as i8;
                let sequence = (self.taken as u32 + 1 + u32::from(ahead)).wrapping_add_signed(off.into());
                let (length, run) = (u64::from(script.byte()), u64::from(script.byte() % 8));
                words[at].store(u64::from(sequence) | length << 32 | run << 48, Ordering::Relaxed);
            }
            3 => words[start].store(script.long(), Ordering::Relaxed),
            4 => words[script.below(words.len())].store(script.long(), Ordering::Relaxed),
            5 => {
                let index = if script.flag() {
                    self.taken as u32 + u32::from(script.byte())
                } else {
                    script.long() as u32
                };
                OwnPage::control(&self.page)[INDEX].store(index, Ordering::Relaxed);
            }
            6 => self.acknowledge(script),
            _ => self.receive(start),
        }
    }

    fn receive(&mut self, start: usize) {
        let word = |at: usize| OwnPage::data(&self.page)[start + at].load(Ordering::Relaxed);
        let mut into = [0xC5; BYTES];
        let received = self.receiver.try_recv(&mut into);
        let (commit, next) = (word(0), self.taken as u32 + 1);
        match received {
            Ok(Some(header)) => {
                assert!(self.fault.is_none(), "a message after a fault");
                assert_eq!((header.sender, header.msg_id), (5, word(1) as u32));
                assert_eq!((commit as u32, commit >> 32 & 0xFFFF), (next, header.length as u64));
                let bytes: Vec<u8> = (2..5).flat_map(|at| word(at).to_le_bytes()).collect();
                assert_eq!(into[..header.length], bytes[..header.length]);
                assert!(into[header.length..].iter().all(|byte| *byte == 0xC5), "bytes beyond the length");
                self.taken += 1;
                assert!(self.taken - self.acked <= SLOTS as u64, "more than a lap");
            }
            Ok(None) => {
                let before = self.taken.checked_sub(SLOTS as u64).map_or(0, |number| number as u32 + 1);
                assert_eq!(commit as u32, before, "a message, or a lie, that was not seen");
            }
            Err(fault) => assert_eq!(*self.fault.get_or_insert(fault), fault),
        }
    }

    fn acknowledge(&mut self, script: &mut Script<'_>) {
        if script.flag() {
            let _ = self.receiver.ack();
            self.acked = self.taken;
            let index = OwnPage::control(self.receiver.own())[INDEX].load(Ordering::Relaxed);
            assert_eq!(index, self.acked as u32);
        } else if let Err(fault) = self.receiver.prepare_sleep() {
            assert_eq!(*self.fault.get_or_insert(fault), fault);
        }
    }
}
