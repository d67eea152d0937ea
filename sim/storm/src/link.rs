//! Everything that two processes have between them, as one of them has it.
//!
//! Beside the port, each side has one region that it writes:
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 256 | ring: the sender's words |
//! | 256 | 256 | ring: the receiver's words |
//! | 512 | 256 | byte ring: the writer's words |
//! | 768 | 256 | byte ring: the reader's words |
//! | 1024 | 256 | marks: what this side has done so far |
//! | 4096 | 2048 | ring: 16 slots |
//! | 8192 | 512 KiB | byte ring: data, of which 16 KiB are allocated at first |
//! | 532480 | 8 MiB | arena |

use ioi_shm::byte_ring::{CAPACITY_MAX, CAPACITY_MIN};
use ioi_shm::ring::Layout;
use ioi_shm::sync::Ordering;
use ioi_shm::{
    Borrower, DescriptorChannel, Lender, OwnMemory, OwnPage, OwnSection, PeerMemory, PeerPage, PeerSection,
    Port, Quota, Reader, Receiver, Sender, Writer,
};
use std::error::Error;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const SLOTS: usize = 16;
pub(crate) const SLOT_BYTES: usize = 64;
/// Whoever needs longer to connect is no part of the storm.
const PATIENCE: Duration = Duration::from_secs(20);
const REGION_ID: [u8; 16] = *b"ioi-storm-region";
const REGION: u64 = 11;

const RING: [u64; 2] = [0, 256];
const BYTES: [u64; 2] = [512, 768];
const MARKS: u64 = 1024;
const SLOTS_START: u64 = 4096;
const DATA_START: u64 = 8192;
const ARENA_START: u64 = DATA_START + CAPACITY_MAX as u64;
const REGION_BYTES: u64 = ARENA_START + (8 << 20);
const ALLOCATED: u64 = DATA_START + CAPACITY_MIN as u64;

pub(crate) const QUOTA: Quota = Quota { leases_max: 6, bytes_max: 1 << 20 };

/// What a side says that it has done, for who counts after its death.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// It is inside its window.
    Window = 0,
    /// Messages that it has published in the ring.
    Messages = 1,
    /// Records that it has published in the byte ring.
    Records = 2,
    /// Leases that it has handed over.
    Leases = 3,
    /// It has begun.
    Begun = 4,
}

pub(crate) type MessageSender = Sender<SLOTS, SLOT_BYTES, OwnSection, PeerSection>;
pub(crate) type MessageReceiver = Receiver<SLOTS, SLOT_BYTES, OwnSection, PeerSection>;

/// One end.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) port: Port<16, 64>,
    pub(crate) sender: MessageSender,
    pub(crate) receiver: MessageReceiver,
    pub(crate) writer: Writer<OwnSection, PeerSection>,
    pub(crate) reader: Reader<OwnSection, PeerSection>,
    pub(crate) lender: Lender,
    pub(crate) borrower: Borrower,
    memory: Arc<OwnMemory>,
    peer: Arc<PeerMemory>,
    marks: OwnSection,
    peer_marks: PeerSection,
}

impl Link {
    /// Both sides do this.
    pub(crate) fn connect(channel: &DescriptorChannel) -> Result<Link, Box<dyn Error>> {
        let port = Port::connect(channel, 1, PATIENCE)?;
        let memory = Arc::new(OwnMemory::create(REGION_BYTES, ALLOCATED)?);
        channel.send_timeout(REGION_ID, memory.reader_descriptor()?.as_fd(), PATIENCE)?;
        let (_, file) = channel.recv_timeout(PATIENCE)?;
        let peer = Arc::new(PeerMemory::accept(file, REGION_BYTES, ALLOCATED)?);

        let slots = SLOTS_START..SLOTS_START + 8 * Layout::<SLOTS, SLOT_BYTES>::DATA_WORDS as u64;
        let nothing = SLOTS_START..SLOTS_START;
        let sender = Sender::new(memory.page(RING[0], slots.clone())?, peer.page(RING[1], nothing.clone())?);
        let receiver = Receiver::new(memory.page(RING[1], nothing.clone())?, peer.page(RING[0], slots)?, 1);
        let data = DATA_START..ARENA_START;
        let writer = Writer::new(memory.page(BYTES[0], data.clone())?, peer.page(BYTES[1], nothing.clone())?);
        let reader = Reader::new(memory.page(BYTES[1], nothing.clone())?, peer.page(BYTES[0], data)?, 1);
        let (marks, peer_marks) = (memory.page(MARKS, nothing.clone())?, peer.page(MARKS, nothing)?);
        let arena = ARENA_START..REGION_BYTES;
        let lender = Lender::new(Arc::clone(&memory), REGION, arena.clone(), QUOTA)?;
        let borrower = Borrower::untrusted(Arc::clone(&peer), REGION, arena, QUOTA);
        Ok(Link { port, sender, receiver, writer, reader, lender, borrower, memory, peer, marks, peer_marks })
    }

    /// Says something about itself.
    pub(crate) fn mark(&self, mark: Mark, value: u32) {
        self.marks.control()[mark as usize].store(value, Ordering::SeqCst);
    }

    /// What the other side said, also when it is dead: its memory is still mapped here.
    pub(crate) fn marked(&self, mark: Mark) -> u32 {
        self.peer_marks.control(mark as usize).load(Ordering::SeqCst)
    }

    /// What the peer has published of its byte ring is there.
    pub(crate) fn check_present(&self, capacity: u32) {
        let data = DATA_START..DATA_START + u64::from(capacity);
        self.peer.check_present(data).expect("the peer is honest");
    }

    /// Allocates the byte ring's memory for a new capacity.
    pub(crate) fn allocate(&self, capacity: u32) {
        let data = DATA_START..DATA_START + u64::from(capacity);
        self.memory.allocate(data).expect("memory for a larger byte ring");
    }
}
