//! Descriptors that are not what the hand-over of a port asks for.

use super::scene::{PATIENCE, Scene, within};
use super::{Row, Small, raw, row};
use ioi_shm::{ChannelError, ConnectError, DescriptorChannel, OwnMemory, RejectError};
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::{
    FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
    open,
};
use rustix::io::pwrite;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, bind,
    listen, sendmsg, socket, socketpair,
};
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

pub(crate) const MEMORY_ID: [u8; 16] = *b"ioi-port-memory\0";
pub(crate) const BELL_ID: [u8; 16] = *b"ioi-port-bell\0\0\0";
const BYTES: u64 = Small::REGION_BYTES;
const ALL: SealFlags =
    SealFlags::FUTURE_WRITE.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::SEAL);
/// A deadline that is met on purpose.
const SHORT: Duration = Duration::from_millis(300);

pub(super) const ROWS: &[Row] = &[
    row("nothing-comes", |_| (), late),
    row("descriptors-drip", drip, late),
    row("leaves-at-once", |_| std::process::exit(0), |scene| scene.refused(is_closed)),
    row("no-descriptor", |channel| packet(channel, &MEMORY_ID, &[]), |scene| scene.refused(is_fault)),
    row("two-descriptors", |channel| many(channel, 2), |scene| scene.refused(is_fault)),
    row("253-descriptors-of-wrong-kinds", |channel| many(channel, 253), |scene| scene.refused(is_fault)),
    row(
        "a-short-id",
        |channel| packet(channel, b"short", &[wrong(0).as_fd()]),
        |scene| scene.refused(is_fault),
    ),
    row(
        "a-long-id",
        |channel| packet(channel, &[7; 64], &[wrong(0).as_fd()]),
        |scene| scene.refused(is_fault),
    ),
    row(
        "an-empty-packet",
        |channel| packet(channel, &[], &[]),
        |scene| scene.refused(|error| is_closed(error) || is_fault(error)),
    ),
    row(
        "another-id",
        |channel| give(channel, *b"ioi-port-memoryX", honest()),
        |scene| {
            scene.refused(|error| matches!(error, ConnectError::Unexpected { .. }));
        },
    ),
    row(
        "the-bell-first",
        |channel| give(channel, BELL_ID, bell()),
        |scene| {
            scene.refused(|error| matches!(error, ConnectError::Unexpected { id } if *id == BELL_ID));
        },
    ),
    row(
        "the-memory-twice",
        |channel| (0..2).for_each(|_| give(channel, MEMORY_ID, honest())),
        |scene| {
            scene.refused(|error| matches!(error, ConnectError::Unexpected { id } if *id == MEMORY_ID));
        },
    ),
    row("memory-is-an-eventfd", |channel| memory(channel, wrong(0)), not_a_file),
    row("memory-is-an-epoll", |channel| memory(channel, wrong(1)), not_a_file),
    row("memory-is-a-pipe", |channel| memory(channel, wrong(2)), not_a_file),
    row("memory-is-a-socket", |channel| memory(channel, wrong(3)), not_a_file),
    row("memory-is-a-directory", |channel| memory(channel, wrong(4)), not_a_file),
    row("memory-is-a-device", |channel| memory(channel, wrong(5)), not_a_file),
    row("memory-is-a-pidfd", |channel| memory(channel, wrong(6)), not_a_file),
    row(
        "memory-is-a-file-on-disk",
        |channel| memory(channel, wrong(7)),
        |scene| {
            scene.refused(|error| rejected(error, |why| matches!(why, RejectError::NotAMemoryFile)));
        },
    ),
    row("memory-can-only-be-named", |channel| memory(channel, mode(OFlags::PATH)), not_readable),
    row("memory-can-only-be-written", |channel| memory(channel, mode(OFlags::WRONLY)), not_readable),
    row("memory-in-huge-pages", huge, not_ordinary),
    row("memory-without-seals", |channel| lacking(channel, ALL), lacks),
    row("memory-that-others-write", |channel| lacking(channel, SealFlags::FUTURE_WRITE), lacks),
    row("memory-that-shrinks", |channel| lacking(channel, SealFlags::SHRINK), lacks),
    row("memory-that-grows", |channel| lacking(channel, SealFlags::GROW), lacks),
    row("memory-that-takes-seals", |channel| lacking(channel, SealFlags::SEAL), lacks),
    row(
        "memory-smaller-than-claimed",
        |channel| memory(channel, file(BYTES - 4096, BYTES - 4096)),
        wrong_size,
    ),
    row("memory-larger-than-claimed", |channel| memory(channel, file(BYTES + 4096, BYTES)), wrong_size),
    row("memory-of-no-bytes", |channel| memory(channel, file(0, 0)), wrong_size),
    row("memory-with-a-hole-at-its-end", |channel| memory(channel, file(BYTES, BYTES - 4096)), sparse),
    row("memory-that-is-one-hole", |channel| memory(channel, file(BYTES, 0)), sparse),
    row("memory-punched-before-its-seals", punched, sparse),
    row("memory-with-its-pages-beyond-its-end", beyond, sparse),
    row("memory-allocated-and-never-touched", untouched, sparse),
    row("bell-is-an-eventfd", |channel| bell_is(channel, wrong(0)), no_bell),
    row("bell-is-a-pipe", |channel| bell_is(channel, wrong(2)), no_bell),
    row("bell-is-a-stream", |channel| bell_is(channel, wrong(3)), no_bell),
    row("bell-is-memory", |channel| bell_is(channel, honest()), no_bell),
    row("bell-that-nobody-is-connected-to", |channel| bell_is(channel, alone(false)), rings_in_vain),
    row("bell-that-listens", |channel| bell_is(channel, alone(true)), rings_in_vain),
    row("bell-is-the-victims-own", own_bell, rings_in_vain),
];

fn late(scene: &mut Scene) {
    let error = within(SHORT, || Small::connect(&scene.channel, 1, SHORT)).err();
    assert_eq!(error, Some(ConnectError::Channel(ChannelError::TimedOut)));
}

fn is_closed(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Channel(ChannelError::Closed))
}

fn is_fault(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Channel(ChannelError::Fault(_)))
}

fn rejected(error: &ConnectError, is_it: fn(&RejectError) -> bool) -> bool {
    matches!(error, ConnectError::Rejected(why) if is_it(why))
}

fn not_a_file(scene: &mut Scene) {
    scene.refused(|error| rejected(error, |why| matches!(why, RejectError::NotAFile(_))));
}

fn not_ordinary(scene: &mut Scene) {
    if memfd_create("hostile", HUGE).is_err() {
        eprintln!("skipped: no huge pages");
        return;
    }
    scene.refused(|error| rejected(error, |why| matches!(why, RejectError::NotMemory(_))));
}

fn not_readable(scene: &mut Scene) {
    scene.refused(|error| rejected(error, |why| matches!(why, RejectError::NotReadable)));
}

fn lacks(scene: &mut Scene) {
    scene.refused(|error| rejected(error, |why| matches!(why, RejectError::SealsMissing(_))));
}

fn wrong_size(scene: &mut Scene) {
    scene.refused(|error| rejected(error, |why| matches!(why, RejectError::WrongSize { .. })));
}

fn sparse(scene: &mut Scene) {
    scene.refused(|error| rejected(error, |why| matches!(why, RejectError::Sparse { .. })));
}

fn no_bell(scene: &mut Scene) {
    scene.refused(|error| matches!(error, ConnectError::Channel(ChannelError::NotAChannel)));
}

/// A bell that reaches nobody costs nothing: sends and rings return, a wait ends in time.
fn rings_in_vain(scene: &mut Scene) {
    let mut port = scene.connected();
    within(Duration::ZERO, || {
        for number in 0..8 {
            port.sender.try_send(number, b"nobody hears").expect("there is room");
            port.sender.bell().ring();
            port.receiver.bell().silence();
        }
    });
    let mut into = [0; 48];
    within(SHORT, || port.receiver.recv_timeout(&mut into, SHORT)).expect_err("nothing was sent");
}

fn drip(channel: &DescriptorChannel) {
    sleep(SHORT * 2 / 3);
    give(channel, MEMORY_ID, honest());
    sleep(SHORT * 2 / 3);
    give(channel, BELL_ID, bell());
}

pub(crate) fn give(channel: &DescriptorChannel, id: [u8; 16], descriptor: OwnedFd) {
    channel.send_timeout(id, descriptor.as_fd(), PATIENCE).ok();
}

/// The right id, and then an honest bell.
fn memory(channel: &DescriptorChannel, descriptor: OwnedFd) {
    give(channel, MEMORY_ID, descriptor);
    give(channel, BELL_ID, bell());
}

fn bell_is(channel: &DescriptorChannel, descriptor: OwnedFd) {
    give(channel, MEMORY_ID, honest());
    give(channel, BELL_ID, descriptor);
}

/// Gives the victim its own bell back: it would ring itself, and hold its own end open.
fn own_bell(channel: &DescriptorChannel) {
    let received = [channel.recv_timeout(PATIENCE), channel.recv_timeout(PATIENCE)];
    let [_, Ok((BELL_ID, bell))] = received else { return };
    bell_is(channel, bell);
}

pub(crate) fn honest() -> OwnedFd {
    let memory = OwnMemory::create(BYTES, BYTES).expect("memory");
    memory.reader_descriptor().expect("a descriptor")
}

fn bell() -> OwnedFd {
    let (one, other) = DescriptorChannel::pair().expect("a pair");
    // The other end stays open as long as this process.
    std::mem::forget(one);
    other.into()
}

/// A socket of the right kind at whose other end is nobody.
fn alone(listens: bool) -> OwnedFd {
    let socket = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).expect("a socket");
    if listens {
        let name = format!("ioi-hostile-{}", getpid().as_raw_nonzero());
        let address = rustix::net::SocketAddrUnix::new_abstract_name(name.as_bytes()).expect("a name");
        bind(&socket, &address).expect("it binds");
        listen(&socket, 1).expect("it listens");
    }
    socket
}

/// Things that are no memory.
fn wrong(kind: usize) -> OwnedFd {
    let opened = |path, flags| open(path, flags | OFlags::CLOEXEC, Mode::empty());
    let descriptor = match kind % 8 {
        0 => eventfd(0, EventfdFlags::CLOEXEC),
        1 => epoll::create(epoll::CreateFlags::CLOEXEC),
        2 => rustix::pipe::pipe().map(|(read, _)| read),
        3 => socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map(|(one, _)| one),
        4 => opened("/", OFlags::RDONLY | OFlags::DIRECTORY),
        5 => opened("/dev/zero", OFlags::RDWR),
        6 => pidfd_open(getpid(), PidfdFlags::empty()),
        _ => opened("/proc/self/exe", OFlags::RDONLY),
    };
    descriptor.expect("one of a wrong kind")
}

fn many(channel: &DescriptorChannel, count: usize) {
    let descriptors: Vec<OwnedFd> = (0..count).map(wrong).collect();
    let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    packet(channel, &MEMORY_ID, &descriptors);
}

/// Any packet at all.
fn packet(channel: &DescriptorChannel, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)), "there is room for 253");
    }
    sendmsg(channel, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL).expect("it was sent");
}

/// A memory file that is `bytes` long, of which the first are there.
fn unsealed(bytes: u64, there: u64) -> OwnedFd {
    let file =
        memfd_create("hostile", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("a memory file");
    ftruncate(&file, bytes).expect("its size");
    for page in (0..there).step_by(4096) {
        pwrite(&file, &[0; 4096], page).expect("its pages");
    }
    file
}

fn sealed(file: OwnedFd, seals: SealFlags) -> OwnedFd {
    fcntl_add_seals(&file, seals).expect("its seals");
    file
}

fn file(bytes: u64, there: u64) -> OwnedFd {
    sealed(unsealed(bytes, there), ALL)
}

fn mode(flags: OFlags) -> OwnedFd {
    raw::reopen(file(BYTES, BYTES).as_fd(), flags).expect("opened in that mode")
}

fn lacking(channel: &DescriptorChannel, seals: SealFlags) {
    memory(channel, sealed(unsealed(BYTES, BYTES), ALL.difference(seals)));
}

/// Its size and its blocks are right; one page in its middle is not there.
fn punched(channel: &DescriptorChannel) {
    let file = unsealed(BYTES, BYTES);
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&file, punch, 0, 4096).expect("a hole");
    memory(channel, sealed(file, ALL));
}

/// As many blocks as it is long, but behind its end.
fn beyond(channel: &DescriptorChannel) {
    let file = unsealed(BYTES, 0);
    fallocate(&file, FallocateFlags::KEEP_SIZE, BYTES, BYTES).expect("pages beyond the end");
    memory(channel, sealed(file, ALL));
}

fn untouched(channel: &DescriptorChannel) {
    let file = unsealed(BYTES, 0);
    fallocate(&file, FallocateFlags::empty(), 0, BYTES).expect("pages");
    memory(channel, sealed(file, ALL));
}

const HUGE: MemfdFlags = MemfdFlags::CLOEXEC.union(MemfdFlags::ALLOW_SEALING).union(MemfdFlags::HUGETLB);

fn huge(channel: &DescriptorChannel) {
    let Ok(file) = memfd_create("hostile", HUGE) else { return };
    ftruncate(&file, 2 << 20).expect("its size");
    memory(channel, sealed(file, ALL));
}
