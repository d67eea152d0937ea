//! Memory that is cut, punched, reopened, mapped too early or rewritten, and leases.

use super::live::Live;
use super::scene::{PATIENCE, Scene};
use super::{Row, Small, raw, row};
use ioi_shm::{
    Borrower, DescriptorChannel, FillError, HANDLE_BYTES, Handle, HandleError, LeaseError, Lender, OwnMemory,
    OwnPage, PeerBuffer, PeerMemory, Quota, Region, RejectError, SealError,
};
use rustix::fs::{FallocateFlags, OFlags, SealFlags, fallocate, fcntl_get_seals};
use rustix::mm::ProtFlags;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

const BYTES: u64 = 1 << 20;
const REGION: u64 = 5;
const QUOTA: Quota = Quota { leases_max: 8, bytes_max: 64 << 10 };

pub(super) const ROWS: &[Row] = &[
    row("attacks-the-victims-memory", attack_theirs, stands),
    row("attacks-its-own-sealed-memory", attack_own, stands),
    row("maps-twice-before-the-seal", map_twice, |scene| {
        let region = filled_by_peer(scene);
        assert!(matches!(region.seal(), Err(SealError::StillMapped)));
    }),
    row("a-read-only-mapping-before-the-seal-stays-one", map_read_only, |scene| {
        let view = filled_by_peer(scene).seal().expect("nobody maps it for writing").map().expect("a view");
        assert_eq!(managed(scene), "", "after the seal");
        assert_eq!(view[0], 0x11);
    }),
    row("punches-what-it-filled", punch_filled, |scene| {
        let sealed = filled_by_peer(scene).seal();
        assert!(matches!(sealed, Err(SealError::Rejected(RejectError::Sparse { .. }))), "{sealed:?}");
    }),
    row("lends-memory-that-is-not-there", lend, not_there),
    row("rewrites-a-lease-while-it-is-copied", lend, copied_once),
    row("never-gives-a-lease-back", |channel| drop(channel.recv()), never_back),
];

/// The peer says by a descriptor's id what it managed, in 16 bytes.
fn report(channel: &DescriptorChannel, managed: &[&'static str]) {
    let mut id = [0; 16];
    let text = managed.join(",");
    let count = text.len().min(16);
    id[..count].copy_from_slice(&text.as_bytes()[..count]);
    channel.send_timeout(id, channel.as_fd(), PATIENCE).ok();
}

fn managed(scene: &Scene) -> String {
    let (id, _) = scene.channel.recv_timeout(PATIENCE).expect("the peer reports");
    String::from_utf8_lossy(&id).trim_end_matches('\0').to_owned()
}

/// Connects, and tries everything on the victim's region.
fn attack_theirs(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    report(channel, &raw::break_file(live.theirs_file.as_fd(), Small::REGION_BYTES));
    live.say(0, b"still here");
    channel.recv().ok();
}

/// Connects, and tries everything on its own region, which the victim maps.
fn attack_own(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    report(channel, &raw::break_file(live.own_file.as_fd(), Small::REGION_BYTES));
    live.say(0, b"still here");
    channel.recv().ok();
}

/// Nothing was managed, and the port works as before.
fn stands(scene: &mut Scene) {
    let mut port = scene.connected();
    port.sender.try_send(7, b"before").expect("there is room");
    assert_eq!(managed(scene), "");
    let mut into = [0; 48];
    let header = port.receiver.recv_timeout(&mut into, PATIENCE).expect("the peer's message");
    assert_eq!((header.length, &into[..10]), (10, &b"still here"[..]));
}

/// A region that a peer was sent to fill, and has said that it did.
fn filled_by_peer(scene: &mut Scene) -> Region {
    let region = Region::create(BYTES).expect("a region");
    let writer = region.writer_descriptor().expect("a descriptor");
    scene.channel.send([1; 16], writer.as_fd()).expect("it was sent");
    drop(writer);
    managed(scene);
    region
}

fn receive(channel: &DescriptorChannel) -> std::os::fd::OwnedFd {
    channel.recv_timeout(PATIENCE).expect("a region").1
}

fn map_twice(channel: &DescriptorChannel) {
    let file = receive(channel);
    raw::map(file.as_fd(), ProtFlags::READ | ProtFlags::WRITE).expect("a second mapping");
    PeerBuffer::map(file, BYTES).expect("the first")[0] = 1;
    report(channel, &[]);
    channel.recv().ok();
}

fn map_read_only(channel: &DescriptorChannel) {
    let file = receive(channel);
    // A mapping through a descriptor for reading and writing would count as a writer's.
    let reader = raw::reopen(file.as_fd(), OFlags::RDONLY).expect("a descriptor");
    let start = raw::map(reader.as_fd(), ProtFlags::READ).expect("a second mapping");
    let again = file.try_clone().expect("a descriptor");
    PeerBuffer::map(file, BYTES).expect("the first")[0] = 0x11;
    report(channel, &[]);
    // Sealed meanwhile or not: wait until it is, then try.
    while fcntl_get_seals(&again).is_ok_and(|seals| !seals.contains(SealFlags::WRITE)) {
        std::thread::yield_now();
    }
    if raw::is_writable(start) {
        raw::scribble(start, 0x22);
        report(channel, &["re-protected"]);
    } else {
        report(channel, &raw::break_file(again.as_fd(), BYTES));
    }
}

fn punch_filled(channel: &DescriptorChannel) {
    let file = receive(channel);
    fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 4096, 4096).expect("a hole");
    drop(file);
    report(channel, &[]);
}

/// Lends memory of which only the first half is there, and rewrites its first page without end.
fn lend(channel: &DescriptorChannel) {
    let memory = OwnMemory::create(BYTES, BYTES / 2).expect("memory");
    let page = memory.page(0, 4096..8192).expect("a page");
    channel.send([3; 16], memory.reader_descriptor().expect("a descriptor").as_fd()).expect("it was sent");
    for value in 0_u64.. {
        let spread = value.wrapping_mul(0x0101_0101_0101_0101);
        page.data().iter().for_each(|word| word.store(spread, Ordering::Relaxed));
    }
}

fn borrower(scene: &Scene) -> Borrower {
    let (_, file) = scene.channel.recv_timeout(PATIENCE).expect("the peer's memory");
    let memory = PeerMemory::accept(file, BYTES, BYTES / 2).expect("its first half is there");
    Borrower::untrusted(std::sync::Arc::new(memory), REGION, 4096..BYTES, QUOTA)
}

fn handle(generation: u32, offset: u64, length: u64) -> Handle {
    let handle = Handle { region: REGION, generation, type_id: 0, offset, length };
    let bytes: [u8; HANDLE_BYTES] = handle.to_bytes();
    Handle::from_bytes(&bytes)
}

fn not_there(scene: &mut Scene) {
    let mut borrower = borrower(scene);
    let before = super::Left::now().shared_kib;
    for (generation, offset) in [(1, BYTES / 2), (2, BYTES - 4096), (3, BYTES / 2 - 64)] {
        let claim = handle(generation, offset, 4096.min(BYTES - offset));
        let outside = HandleError::Outside { offset, length: claim.length };
        assert_eq!(borrower.take(&claim).map(|_| ()), Err(outside));
    }
    assert_eq!((borrower.held().loans(), super::Left::now().shared_kib), (0, before), "nothing was touched");
}

/// What landed is what the copy holds, however the peer goes on writing.
fn copied_once(scene: &mut Scene) {
    let mut borrower = borrower(scene);
    let mut changed = 0;
    let mut last = vec![0; 4096];
    let began = Instant::now();
    for generation in 1.. {
        if changed == 500 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "the peer wrote {changed} times only");
        let loan = borrower.take(&handle(generation, 4096, 4096)).expect("a lawful handle");
        assert!(loan.in_place().is_none(), "no view of memory that the peer writes");
        let (mut copy, mut landed) = (vec![0; 4096], Vec::new());
        loan.copy_to(&mut copy, 512, |piece| landed.extend_from_slice(piece));
        // Were the bytes shown from where they lie, and then copied, the two would differ.
        assert!(copy == landed, "what was shown is not what the copy holds");
        changed += u32::from(copy != last);
        last = copy;
        borrower.give_back(loan).expect("it is held");
    }
}

/// A peer that never gives back uses up its own quota, and its end gives everything back.
fn never_back(scene: &mut Scene) {
    let memory = Arc::new(OwnMemory::create(BYTES, 4096).expect("memory"));
    let mut lender = Lender::new(Arc::clone(&memory), REGION, 4096..BYTES, QUOTA).expect("bounds");
    for count in 1..=QUOTA.leases_max {
        let lease = lender.lease(4000, 0).expect("within the quota");
        lender.fill(&lease).expect("ours to fill")[0] = count as u8;
        lender.hand_over(&lease).expect("once");
        assert!(matches!(lender.fill(&lease), Err(FillError::HandedOver)));
    }
    let starved = FillError::Lease(LeaseError::Quota { leases: 8, bytes: 8 * 4096 });
    assert_eq!(lender.lease(1, 0), Err(starved));
    scene.kill();
    assert_eq!((lender.reclaim(), lender.reclaim()), (QUOTA.leases_max, 0));
    assert_eq!((lender.arena().leases(), lender.arena().bytes()), (0, 0));
}
