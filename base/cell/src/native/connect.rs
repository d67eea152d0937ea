//! Both ends of a map, and how they come to be.

use super::Tier;
use super::boxes::{BoxReader, BoxWriter};
use super::epochs::{BY_HOST, BY_PEER, OwnEpochs, PeerEpochs};
use super::health::{OwnHealth, PeerHealth};
use super::ping_pong::{self, Lines, PingPongReader, PingPongWriter};
use super::tables::{
    Late, OwnHistory, OwnPatterns, OwnRegistry, OwnSyscalls, PeerHistory, PeerLate, PeerPatterns,
    PeerRegistry, PeerSupervisor, PeerSyscalls, SupervisorEntry, write_supervisor,
};
use crate::{
    ARENA_OFFSET, EPOCH_HEALTH_HOST, EPOCH_HEALTH_PEER, EPOCH_INBOX, EPOCH_OUTBOX, EPOCH_SHUTDOWN,
    EPOCHS_BYTES, EPOCHS_OFFSET, HEADER_HEALTH_HOST, HEADER_HEALTH_PEER, HEADER_INBOX_READER,
    HEADER_INBOX_WRITER, HEADER_LINE_BYTES, HEADER_OUTBOX_READER, HEADER_OUTBOX_WRITER,
    HEADER_PING_PONG_READER, HEADER_PING_PONG_WRITER, HEADERS_OFFSET, HISTORY_BYTES, HISTORY_OFFSET,
    INBOX_BYTES, INBOX_OFFSET, OUTBOX_BYTES, OUTBOX_OFFSET, PATTERNS_BYTES, PATTERNS_OFFSET, REGISTRY_BYTES,
    REGISTRY_OFFSET, SECTION_ARENA, SECTION_PING_PONG, SECTIONS, SUPERVISOR_BYTES, SUPERVISOR_FLAG_HOST,
    SUPERVISOR_FLAG_PEER, SUPERVISOR_OFFSET, SYSCALLS_BYTES, SYSCALLS_OFFSET,
};
use ioi_shm::byte_ring::CAPACITY_MIN;
use ioi_shm::{
    Bell, Borrower, ConnectError, DescriptorChannel, FillError, Handover, Lender, OwnMemory, PeerMemory,
    Quota, RangeError, Reader, SystemError, Writer, WriterDraft,
};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

const HOST_ID: [u8; 16] = *b"ioi-cell-host\0\0\0";
const PEER_ID: [u8; 16] = *b"ioi-cell-peer\0\0\0";
const BELL_ID: [u8; 16] = *b"ioi-cell-bell\0\0\0";

/// Region numbers of a map: what handles name.
const HOST_REGION: u64 = 1;
const PEER_REGION: u64 = 2;

/// Everything up to the end of the syscall table is there from the start.
const FIXED: Range<u64> = 0..(SYSCALLS_OFFSET + SYSCALLS_BYTES) as u64;

/// The host's end.
#[derive(Debug)]
pub struct Host {
    /// What it raises.
    pub epochs: Arc<OwnEpochs>,
    /// What the peer raises.
    pub peer_epochs: Arc<PeerEpochs>,
    /// Its modules.
    pub registry: OwnRegistry,
    /// The types that were seen.
    pub patterns: OwnPatterns,
    /// The jobs that are done.
    pub history: OwnHistory,
    /// The peer's calls in flight.
    pub syscalls: PeerSyscalls,
    /// Instructions to the peer.
    pub inbox: BoxWriter,
    /// The peer's results.
    pub outbox: BoxReader,
    /// Its arena, which the peer reads in place.
    pub lender: Lender,
    /// The peer's arena, which is copied out of.
    pub borrower: Borrower,
    /// The peer's ping-pong buffers.
    pub viewer: PingPongReader,
    /// Its own beats.
    pub health: OwnHealth,
    /// The peer's beats.
    pub peer_health: PeerHealth,
    /// Rings the peer, and tells when it is gone.
    pub bell: Bell,
    own: Arc<OwnMemory>,
    other: Arc<PeerMemory>,
}

/// Bytes of a map, in both regions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// What there may be.
    pub mapped: u64,
    /// What there is.
    pub allocated: u64,
}

/// A map whose regions were sent, while the peer has not answered.
#[derive(Debug)]
pub struct Offer {
    own: OwnMemory,
    draft: WriterDraft,
    bell: DescriptorChannel,
    tier: Tier,
    peer: u32,
    quota: Quota,
}

/// The peer's end.
#[derive(Debug)]
pub struct Peer {
    /// What it raises.
    pub epochs: Arc<OwnEpochs>,
    /// What the host raises.
    pub host_epochs: Arc<PeerEpochs>,
    /// The parts of the map.
    pub supervisor: PeerSupervisor,
    /// The host's modules.
    pub registry: PeerRegistry,
    /// The types that were seen.
    pub patterns: PeerPatterns,
    /// The jobs that are done.
    pub history: PeerHistory,
    /// Its calls in flight.
    pub syscalls: OwnSyscalls,
    /// The host's instructions.
    pub inbox: BoxReader,
    /// Its results.
    pub outbox: BoxWriter,
    /// Its arena.
    pub lender: Lender,
    /// The host's arena, read in place.
    pub borrower: Borrower,
    /// Its own beats.
    pub health: OwnHealth,
    /// The host's beats.
    pub host_health: PeerHealth,
    /// Rings the host, and tells when it is gone.
    pub bell: Bell,
    ping_pong: Option<Lines>,
}

/// Lines of the headers section, in bytes of the region.
fn lines(first: u32, count: u32) -> Range<u64> {
    let start = HEADERS_OFFSET + first * HEADER_LINE_BYTES;
    u64::from(start)..u64::from(start + count * HEADER_LINE_BYTES)
}

fn section(offset: u32, bytes: u32) -> Range<u64> {
    u64::from(offset)..u64::from(offset) + u64::from(bytes)
}

/// A box's data, and the part of them that is there from the start.
fn first_part(data: &Range<u64>) -> Range<u64> {
    data.start..data.start + u64::from(CAPACITY_MIN)
}

/// One side's memory and the other's, with what both ends have alike.
struct Both {
    own: Arc<OwnMemory>,
    other: Arc<PeerMemory>,
    epochs: Arc<OwnEpochs>,
    other_epochs: Arc<PeerEpochs>,
}

impl Both {
    fn new(own: OwnMemory, other: PeerMemory, may_raise: u32) -> Result<Both, RangeError> {
        let words = own.words(section(EPOCHS_OFFSET, EPOCHS_BYTES))?;
        let epochs = Arc::new(OwnEpochs::new(words, may_raise));
        let other_epochs = Arc::new(PeerEpochs(other.words(section(EPOCHS_OFFSET, EPOCHS_BYTES))?));
        Ok(Both { own: Arc::new(own), other: Arc::new(other), epochs, other_epochs })
    }

    fn box_writer(
        &self,
        data: Range<u64>,
        writer: u32,
        reader: u32,
        epoch: u32,
    ) -> Result<BoxWriter, RangeError> {
        let page = self.own.page(lines(writer, 2).start, data.clone())?;
        let ring = Writer::new(page, self.other.page(lines(reader, 2).start, 0..0)?);
        Ok(BoxWriter {
            memory: Arc::clone(&self.own),
            ring,
            start: data.start,
            epochs: Arc::clone(&self.epochs),
            epoch,
        })
    }

    fn box_reader(
        &self,
        data: Range<u64>,
        (writer, reader, epoch): (u32, u32, u32),
        peer: u32,
    ) -> Result<BoxReader, RangeError> {
        let page = self.own.page(lines(reader, 2).start, 0..0)?;
        let ring = Reader::new(page, self.other.page(lines(writer, 2).start, data.clone())?, peer);
        let (memory, epochs) = (Arc::clone(&self.other), Arc::clone(&self.other_epochs));
        Ok(BoxReader { memory, ring, start: data.start, epochs, epoch, present: CAPACITY_MIN })
    }

    fn health(&self, line: u32, epoch: u32) -> Result<OwnHealth, RangeError> {
        Ok(OwnHealth::new(self.own.words(lines(line, 1))?, Arc::clone(&self.epochs), epoch))
    }

    fn late(&self, range: Range<u64>) -> Late {
        Late { memory: Arc::clone(&self.own), range, is_there: false }
    }

    fn peer_late(&self, range: Range<u64>) -> PeerLate {
        PeerLate { memory: Arc::clone(&self.other), range }
    }
}

impl Host {
    /// Makes both regions and hands them to the process at the other end of `channel`,
    /// which calls [`Peer::join`] within `timeout`. What it sends is stamped with `peer`,
    /// and `quota` is what each side may hold of the other's arena.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn open(
        channel: &DescriptorChannel,
        tier: Tier,
        peer: u32,
        quota: Quota,
        timeout: Duration,
    ) -> Result<Host, ConnectError> {
        let handover = Handover::new(channel, timeout);
        let offer = Offer::send(&handover, tier, peer, quota)?;
        offer.complete(handover.expect(BELL_ID)?)
    }

    /// As [`Host::open`], for whoever waits for the peer's answer in another way: makes both regions and
    /// sends them, which waits only while the channel is full, at most `timeout`.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn offer(
        channel: &DescriptorChannel,
        tier: Tier,
        peer: u32,
        quota: Quota,
        timeout: Duration,
    ) -> Result<Offer, ConnectError> {
        Offer::send(&Handover::new(channel, timeout), tier, peer, quota)
    }

    /// Tells the peer to end.
    pub fn shut_down(&self) {
        self.epochs.raise(EPOCH_SHUTDOWN);
    }

    /// What both regions take together.
    ///
    /// # Errors
    /// [`SystemError`] when the kernel doesn't say.
    pub fn bytes(&self) -> Result<Bytes, SystemError> {
        let allocated = self.own.allocated()?.saturating_add(self.other.allocated()?);
        Ok(Bytes { mapped: self.own.bytes().saturating_add(self.other.bytes()), allocated })
    }
}

impl Offer {
    fn send(handover: &Handover<'_>, tier: Tier, peer: u32, quota: Quota) -> Result<Offer, ConnectError> {
        let own = OwnMemory::create(tier.bytes(), FIXED.end)?;
        own.allocate(first_part(&section(INBOX_OFFSET, INBOX_BYTES)))?;
        let draft = WriterDraft::create(tier.bytes(), &of_peer())?;
        let (bell, theirs) = DescriptorChannel::pair()?;
        write_supervisor(&own.words(section(SUPERVISOR_OFFSET, SUPERVISOR_BYTES))?, &parts(tier));
        handover.send(HOST_ID, own.reader_descriptor()?.as_fd())?;
        handover.send(PEER_ID, draft.writer_descriptor()?.as_fd())?;
        handover.send(BELL_ID, theirs.as_fd())?;
        Ok(Offer { own, draft, bell, tier, peer, quota })
    }

    /// The descriptor that came back from the peer, with its id, makes it a map.
    ///
    /// # Errors
    /// [`ConnectError`] for anything but the bell of a peer that has mapped its region and changed nothing.
    pub fn answered(self, id: [u8; 16], descriptor: OwnedFd) -> Result<Host, ConnectError> {
        if id == BELL_ID { self.complete(descriptor) } else { Err(ConnectError::Unexpected { id }) }
    }

    /// The peer's bell is its answer: it has mapped its region.
    fn complete(self, bell: OwnedFd) -> Result<Host, ConnectError> {
        let theirs = DescriptorChannel::from_fd(bell)?;
        let other = self.draft.seal(&of_peer())?;
        let both = Both::new(self.own, other, BY_HOST)?;
        Ok(both.host(Bell::new(self.bell, theirs), self.peer, self.quota, self.tier)?)
    }
}

/// What of the peer's region is there from the start.
fn of_peer() -> [Range<u64>; 2] {
    [FIXED, first_part(&section(OUTBOX_OFFSET, OUTBOX_BYTES))]
}

impl Both {
    fn host(self, bell: Bell, peer: u32, quota: Quota, tier: Tier) -> Result<Host, RangeError> {
        let arena = u64::from(ARENA_OFFSET)..tier.bytes();
        let (patterns, history) =
            (section(PATTERNS_OFFSET, PATTERNS_BYTES), section(HISTORY_OFFSET, HISTORY_BYTES));
        let registry = OwnRegistry::new(
            self.own.words(section(REGISTRY_OFFSET, REGISTRY_BYTES))?,
            Arc::clone(&self.epochs),
        );
        let outbox = (HEADER_OUTBOX_WRITER, HEADER_OUTBOX_READER, EPOCH_OUTBOX);
        let viewer = PingPongReader {
            line: self.own.words(lines(HEADER_PING_PONG_READER, 1))?,
            writer: self.other.words(lines(HEADER_PING_PONG_WRITER, 1))?,
            memory: Arc::clone(&self.other),
        };
        Ok(Host {
            registry,
            patterns: OwnPatterns::new(
                self.own.words(patterns.clone())?,
                Arc::clone(&self.epochs),
                self.late(patterns),
            ),
            history: OwnHistory::new(
                self.own.words(history.clone())?,
                Arc::clone(&self.epochs),
                self.late(history),
            ),
            syscalls: PeerSyscalls::new(self.other.words(section(SYSCALLS_OFFSET, SYSCALLS_BYTES))?),
            inbox: self.box_writer(
                section(INBOX_OFFSET, INBOX_BYTES),
                HEADER_INBOX_WRITER,
                HEADER_INBOX_READER,
                EPOCH_INBOX,
            )?,
            outbox: self.box_reader(section(OUTBOX_OFFSET, OUTBOX_BYTES), outbox, peer)?,
            lender: Lender::new(Arc::clone(&self.own), HOST_REGION, arena.clone(), quota)?,
            borrower: Borrower::untrusted(Arc::clone(&self.other), PEER_REGION, arena, quota),
            viewer,
            health: self.health(HEADER_HEALTH_HOST, EPOCH_HEALTH_HOST)?,
            peer_health: PeerHealth(self.other.words(lines(HEADER_HEALTH_PEER, 1))?),
            epochs: self.epochs,
            peer_epochs: self.other_epochs,
            bell,
            own: self.own,
            other: self.other,
        })
    }

    fn peer(self, bell: Bell, quota: Quota, tier: Tier) -> Result<Peer, RangeError> {
        let arena = u64::from(ARENA_OFFSET)..tier.bytes();
        let (patterns, history) =
            (section(PATTERNS_OFFSET, PATTERNS_BYTES), section(HISTORY_OFFSET, HISTORY_BYTES));
        let syscalls = OwnSyscalls::new(
            self.own.words(section(SYSCALLS_OFFSET, SYSCALLS_BYTES))?,
            Arc::clone(&self.epochs),
        );
        let inbox = (HEADER_INBOX_WRITER, HEADER_INBOX_READER, EPOCH_INBOX);
        let ping_pong = Lines {
            line: self.own.words(lines(HEADER_PING_PONG_WRITER, 1))?,
            reader: self.other.words(lines(HEADER_PING_PONG_READER, 1))?,
            epochs: Arc::clone(&self.epochs),
        };
        Ok(Peer {
            supervisor: PeerSupervisor::new(self.other.words(section(SUPERVISOR_OFFSET, SUPERVISOR_BYTES))?),
            registry: PeerRegistry::new(self.other.words(section(REGISTRY_OFFSET, REGISTRY_BYTES))?),
            patterns: PeerPatterns::new(self.other.words(patterns.clone())?, self.peer_late(patterns)),
            history: PeerHistory::new(self.other.words(history.clone())?, self.peer_late(history)),
            syscalls,
            inbox: self.box_reader(section(INBOX_OFFSET, INBOX_BYTES), inbox, 0)?,
            outbox: self.box_writer(
                section(OUTBOX_OFFSET, OUTBOX_BYTES),
                HEADER_OUTBOX_WRITER,
                HEADER_OUTBOX_READER,
                EPOCH_OUTBOX,
            )?,
            lender: Lender::new(Arc::clone(&self.own), PEER_REGION, arena.clone(), quota)?,
            borrower: Borrower::trusted(Arc::clone(&self.other), HOST_REGION, arena, quota),
            health: self.health(HEADER_HEALTH_PEER, EPOCH_HEALTH_PEER)?,
            host_health: PeerHealth(self.other.words(lines(HEADER_HEALTH_HOST, 1))?),
            epochs: self.epochs,
            host_epochs: self.other_epochs,
            bell,
            ping_pong: Some(ping_pong),
        })
    }
}

impl Peer {
    /// Takes its end of the map from the host at the other end of `channel`.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn join(
        channel: &DescriptorChannel,
        tier: Tier,
        quota: Quota,
        timeout: Duration,
    ) -> Result<Peer, ConnectError> {
        let handover = Handover::new(channel, timeout);
        let host = handover.expect(HOST_ID)?;
        let own = handover.expect(PEER_ID)?;
        let theirs = DescriptorChannel::from_fd(handover.expect(BELL_ID)?)?;
        let other = PeerMemory::accept(host, tier.bytes(), FIXED.end)?;
        other.check_present(first_part(&section(INBOX_OFFSET, INBOX_BYTES)))?;
        let own = OwnMemory::adopt(own, tier.bytes())?;
        let both = Both::new(own, other, BY_PEER)?;
        let (ours, for_host) = DescriptorChannel::pair()?;
        let peer = both.peer(Bell::new(ours, theirs), quota, tier)?;
        handover.send(BELL_ID, for_host.as_fd())?;
        Ok(peer)
    }

    /// Makes its two ping-pong buffers of `bytes` bytes in its arena. Once; where that fails, again.
    ///
    /// # Errors
    /// [`FillError`] when the arena has no room; [`FillError::HandedOver`] the second time.
    pub fn ping_pong(&mut self, bytes: u64) -> Result<PingPongWriter, FillError> {
        let lines = self.ping_pong.take().ok_or(FillError::HandedOver)?;
        match self.lender.lease(ping_pong::lease_bytes(bytes), 0) {
            Ok(lease) => Ok(PingPongWriter::new(lines, lease, bytes)),
            Err(error) => {
                self.ping_pong = Some(lines);
                Err(error)
            }
        }
    }

    /// Whether the host has said that this side is to end ([`Host::shut_down`]). To sleep until then, wait
    /// on [`EPOCH_SHUTDOWN`] of [`Peer::host_epochs`].
    #[must_use]
    pub fn is_to_end(&self) -> bool {
        self.host_epochs.current(EPOCH_SHUTDOWN) != 0
    }
}

/// The parts of a map of that size, as its supervisor table lists them.
fn parts(tier: Tier) -> Vec<SupervisorEntry> {
    let of = |section, offset, bytes, flags| SupervisorEntry { section, flags, offset, bytes };
    let both = SUPERVISOR_FLAG_HOST | SUPERVISOR_FLAG_PEER;
    let mut entries: Vec<_> = SECTIONS.iter().map(|s| of(s.number, s.offset, s.bytes, s.flags)).collect();
    let arena = u32::try_from(tier.bytes()).unwrap_or(u32::MAX) - ARENA_OFFSET;
    entries.push(of(SECTION_ARENA, ARENA_OFFSET, arena, both));
    // Where they lie in the arena stands in their writer's line.
    entries.push(of(SECTION_PING_PONG, ARENA_OFFSET, 0, SUPERVISOR_FLAG_PEER));
    entries
}
