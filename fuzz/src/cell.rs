//! A host's end of a cell when the process across from it writes anything into its own region: a value or a
//! named error, records within the reader's buffer, and what the host says itself as it said it.

use crate::script::Script;
use ioi_cell::native::{BoxError, Host, LookError, Tier};
use ioi_cell::{
    ARENA_OFFSET, EPOCH_COUNT, HEADER_LINE_BYTES, HEADER_LINE_COUNT, HEADER_OUTBOX_WRITER,
    HEADER_PING_PONG_WRITER, HEADERS_OFFSET, OUTBOX_OFFSET, PATTERNS_OFFSET, PING_PONG_FIRST_OFFSET,
    SYSCALLS_OFFSET,
};
use ioi_shm::byte_ring::{CAPACITY_MAX, CAPACITY_MIN, RecvError};
use ioi_shm::sync::Ordering;
use ioi_shm::{DescriptorChannel, Handle, OwnMemory, OwnWords, PeerMemory, Quota};
use std::ops::Range;
use std::time::Duration;

const TIER: Tier = Tier::Light;
const QUOTA: Quota = Quota { leases_max: 4, bytes_max: 1 << 20 };
const LONG: Duration = Duration::from_secs(20);
const PEER: u32 = 6;
const MSG_ID: u32 = 9;
const BUFFER_BYTES: usize = 4096;

/// Epochs, lines and calls; then what of the outbox is there from the start.
const FIXED: Range<u64> = 0..PATTERNS_OFFSET as u64;
const OUTBOX: Range<u64> = OUTBOX_OFFSET as u64..OUTBOX_OFFSET as u64 + CAPACITY_MIN as u64;
const PICTURE_LINE: usize = (HEADERS_OFFSET + HEADER_PING_PONG_WRITER * HEADER_LINE_BYTES) as usize / 8;
const OUTBOX_LINE: usize = (HEADERS_OFFSET + HEADER_OUTBOX_WRITER * HEADER_LINE_BYTES) as usize / 8;

struct Scene {
    host: Host,
    /// What the peer may write, and all of what is its own.
    fixed: OwnWords,
    outbox: OwnWords,
    own: OwnMemory,
    other: PeerMemory,
    /// What the outbox said when it was broken; it says nothing else from then on.
    fault: Option<BoxError>,
    sent: u32,
    _channels: [DescriptorChannel; 3],
}

/// Steps: words of the peer's region, and what the host does next.
pub(crate) fn check(input: &[u8]) {
    let mut scene = Scene::new();
    let mut script = Script::new(input);
    while !script.is_empty() {
        scene.step(&mut script);
    }
    scene.check_own();
}

impl Scene {
    /// The hand-over with a peer of no code of ours, in one thread.
    fn new() -> Self {
        let (here, there) = DescriptorChannel::pair().expect("a socket pair");
        let offer = Host::offer(&here, TIER, PEER, QUOTA, LONG).expect("memory for a cell");
        let [host, own, bell] = [(); 3].map(|()| there.recv().expect("three descriptors").1);
        let other = PeerMemory::accept(host, TIER.bytes(), 0).expect("the host's region");
        let own = OwnMemory::adopt(own, TIER.bytes()).expect("the peer's region");
        let (ours, for_host) = DescriptorChannel::pair().expect("a socket pair");
        let host = offer.answered(*b"ioi-cell-bell\0\0\0", for_host.into()).expect("a cell");
        let bell = DescriptorChannel::from_fd(bell).expect("a bell");
        Self {
            host,
            fixed: own.words(FIXED).expect("within the region"),
            outbox: own.words(OUTBOX).expect("within the region"),
            own,
            other,
            fault: None,
            sent: 0,
            _channels: [there, ours, bell],
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let (fixed, outbox) = (self.fixed.u64s(), self.outbox.u64s());
        let lines = HEADERS_OFFSET as usize / 8;
        let line_words = (HEADER_LINE_BYTES * HEADER_LINE_COUNT) as usize / 8;
        match script.byte() % 12 {
            0 => fixed[script.below(fixed.len())].store(script.long(), Ordering::Relaxed),
            1 => fixed[lines + script.below(line_words)].store(u64::from(script.short()), Ordering::Relaxed),
            2 => fixed[SYSCALLS_OFFSET as usize / 8 + script.below(512)]
                .store(script.long(), Ordering::Relaxed),
            // Its index, and a capacity that can be.
            3 => {
                let capacity = CAPACITY_MIN << (script.byte() % 7);
                let index = u64::from(script.short());
                fixed[OUTBOX_LINE].store(index | u64::from(capacity) << 32, Ordering::Release);
            }
            4 => outbox[script.below(64)].store(u64::from(script.short()), Ordering::Relaxed),
            5 => outbox[script.below(outbox.len())].store(script.long(), Ordering::Relaxed),
            // As it should be: allocated before it is published.
            6 => {
                let end = u64::from(OUTBOX_OFFSET + (CAPACITY_MIN << (script.byte() % 3)));
                self.own.allocate(OUTBOX.start..end).expect("memory for an outbox");
                self.own
                    .allocate(ARENA_OFFSET.into()..u64::from(ARENA_OFFSET) + 4096)
                    .expect("memory for pictures");
            }
            7 => self.reads(|scene| scene.receive(script)),
            8 => self.say(script),
            9 => self.reads(Self::look),
            10 => self.take(script),
            _ => {
                let _ = self.host.outbox.wait(Duration::ZERO);
            }
        }
    }

    /// What was never allocated isn't there after a look either.
    fn reads(&mut self, read: impl FnOnce(&mut Self)) {
        let before = self.own.allocated().expect("the kernel says");
        read(self);
        assert_eq!(self.own.allocated().expect("the kernel says"), before, "a look has allocated memory");
    }

    fn receive(&mut self, script: &mut Script<'_>) {
        let room = if script.flag() { BUFFER_BYTES } else { script.below(BUFFER_BYTES) };
        let mut buffer = [0xC5; BUFFER_BYTES + 8];
        match self.host.outbox.try_recv(&mut buffer[..room]) {
            Ok(Some(record)) => {
                assert!(self.fault.is_none(), "a record after {:?}", self.fault);
                assert!(record.sender == PEER && record.payload.len() <= room);
                let length = record.payload.len();
                assert!(buffer[length..].iter().all(|byte| *byte == 0xC5), "bytes beyond the length");
            }
            Ok(None) => assert_eq!(self.fault, None),
            Err(BoxError::Recv(RecvError::TooShort { length })) => {
                assert!(length > room && length <= CAPACITY_MAX as usize / 2);
            }
            // What isn't there may come later.
            Err(BoxError::Rejected(_)) => assert_eq!(self.fault, None),
            Err(fault @ BoxError::Recv(RecvError::Poisoned(_))) => {
                assert_eq!(*self.fault.get_or_insert_with(|| fault.clone()), fault);
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// The peer's page says how much of the inbox it has read; what it says can only poison.
    fn say(&mut self, script: &mut Script<'_>) {
        if self.host.inbox.send(MSG_ID, &script.piece().repeat(16)).is_ok() {
            self.sent += 1;
        }
        assert!(self.host.inbox.capacity() <= CAPACITY_MAX);
        self.host.health.beat(1, script.long());
    }

    fn look(&mut self) {
        assert!(self.host.syscalls.all().is_ok_and(|calls| calls.len() <= 64), "bytes at rest are some call");
        let _ = self.host.peer_health.last();
        let _: u32 = (0..EPOCH_COUNT).map(|number| self.host.peer_epochs.current(number) & 1).sum();
        let mut picture = [0xC5; 72];
        match self.host.viewer.read(&mut picture[..64]) {
            Ok(None) | Err(LookError::Busy | LookError::Outside { .. } | LookError::TooShort { .. }) => {}
            Ok(Some(seen)) => {
                let first = &self.fixed.u64s()[PICTURE_LINE + PING_PONG_FIRST_OFFSET as usize / 8];
                let first = first.load(Ordering::Relaxed);
                assert!((1..=64).contains(&seen.bytes), "a picture of {} bytes", seen.bytes);
                assert!(first >= ARENA_OFFSET.into() && first.is_multiple_of(64), "a picture at {first:#x}");
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(picture[64..], [0xC5; 8], "bytes beyond the buffer");
    }

    fn take(&mut self, script: &mut Script<'_>) {
        let handle = Handle {
            region: script.long() % 4,
            generation: script.short().into(),
            type_id: 0,
            offset: u64::from(ARENA_OFFSET) + 64 * u64::from(script.short()),
            length: script.short().into(),
        };
        if let Ok(loan) = self.host.borrower.take(&handle) {
            assert_eq!(loan.bytes() as u64, handle.length);
            self.host.borrower.give_back(loan).expect("what was taken is given back");
        }
    }

    /// What the host published is what it did, whatever was written across from it.
    fn check_own(&self) {
        let (mut epochs, inbox) = ([0; 128], ioi_cell::EPOCH_INBOX as usize * 4);
        self.other.words(0..128).expect("within the region").u64s().copy_to(0, &mut epochs);
        let raised = u32::from_le_bytes(epochs[inbox..][..4].try_into().expect("four bytes"));
        assert_eq!(raised, self.sent, "the inbox was raised as often as something was sent");
    }
}
