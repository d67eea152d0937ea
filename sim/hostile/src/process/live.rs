//! A port that was connected honestly, and a peer that then lies, stalls or floods.

use super::hand_over::{BELL_ID, MEMORY_ID};
use super::scene::{PATIENCE, Scene, within};
use super::{Row, Small, row};
use ioi_shm::ring::Layout;
use ioi_shm::{
    DescriptorChannel, Fault, OwnMemory, OwnPage, OwnSection, PeerMemory, RecvError, SendError,
    SendTimeoutError,
};
use rustix::fs::OFlags;
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use rustix::process::{Pid, Signal, kill_process};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const RECEIVER: u64 = 0;
const SENDER: u64 = 256;
const SLOTS: u64 = 512;
const SLOT_WORDS: usize = Layout::<8, 48>::SLOT_WORDS;
const INDEX: usize = 0;
const WAKE_AT: usize = 32;
const SLEEPS_IN: usize = 33;
const SHORT: Duration = Duration::from_millis(300);
const ROUNDS: u32 = 100_000;
/// More rings than any queue takes.
const RINGS: u32 = 3000;

pub(super) const ROWS: &[Row] = &[
    row("withholds-every-wake", withhold, in_time_without_a_wake),
    row("takes-nothing", |channel| drop(Live::connect(channel).stay(channel)), no_room),
    row("stops-in-the-middle", |channel| drop(Live::connect(channel).stay(channel)), stopped),
    row("never-drains-its-bell", never_drain, rings_without_end),
    row("floods-the-bell", flood, flooded),
    row("half-closes-its-bell", half_close, half_closed),
    row("clears-the-flags-of-its-bell", clear_flags, flags_cleared),
    row("passes-descriptors-through-the-bell", smuggle, smuggled),
    row(
        "says-it-took-what-was-never-sent",
        |channel| say_acked(channel, 5),
        |scene| {
            poisoned(scene, |port| {
                port.sender
                    .push(0, b"")
                    .err()
                    .is_some_and(|error| error == SendError::Poisoned(Fault::Acked { acked: 5, sent: 0 }))
            });
        },
    ),
    row(
        "commits-a-message-longer-than-a-slot",
        |channel| commit(channel, 1 | 49 << 32 | 1 << 48),
        |scene| {
            let fault = Fault::Length { length: 49, length_max: 48 };
            assert_eq!(first(scene).err(), Some(RecvError::Poisoned(fault)));
        },
    ),
    row(
        "commits-a-batch-beyond-its-slots",
        |channel| commit(channel, 1 | 9 << 48),
        |scene| {
            assert_eq!(first(scene).err(), Some(RecvError::Poisoned(Fault::Run { run: 9, run_max: 8 })));
        },
    ),
    row(
        "commits-another-lap",
        |channel| commit(channel, 10 | 1 << 48),
        |scene| {
            let fault = Fault::Sequence { expected: 1, found: 10 };
            assert_eq!(first(scene).err(), Some(RecvError::Poisoned(fault)));
        },
    ),
    row("publishes-what-no-slot-shows", publish_nothing, |scene| {
        let fault = Fault::Published { published: 3, taken: 0 };
        assert_eq!(first(scene).err(), Some(RecvError::Poisoned(fault)));
    }),
    row("spins-on-every-word", spin, spun),
];

/// The peer's end of a port, with every word in its hands.
pub(super) struct Live {
    receiver: OwnSection,
    sender: OwnSection,
    pub(super) own_file: OwnedFd,
    pub(super) theirs_file: OwnedFd,
    _theirs: PeerMemory,
    /// What the victim rings, and what rings the victim.
    own_bell: DescriptorChannel,
    their_bell: OwnedFd,
}

impl Live {
    /// The hand-over, kept to.
    pub(super) fn connect(channel: &DescriptorChannel) -> Live {
        let bytes = Small::REGION_BYTES;
        let memory = OwnMemory::create(bytes, bytes).expect("memory");
        let (own_bell, for_victim) = DescriptorChannel::pair().expect("a bell");
        let own_file = memory.reader_descriptor().expect("a descriptor");
        channel.send(MEMORY_ID, own_file.as_fd()).expect("it was sent");
        channel.send(BELL_ID, for_victim.as_fd()).expect("it was sent");
        let (_, theirs_file) = channel.recv_timeout(PATIENCE).expect("the victim's memory");
        let (_, their_bell) = channel.recv_timeout(PATIENCE).expect("the victim's bell");
        let copy = theirs_file.try_clone().expect("a descriptor");
        let _theirs = PeerMemory::accept(copy, bytes, bytes).expect("it is whole");
        let end = SLOTS + 8 * Layout::<8, 48>::DATA_WORDS as u64;
        let receiver = memory.page(RECEIVER, SENDER..SENDER).expect("a page");
        let sender = memory.page(SENDER, SLOTS..end).expect("a page");
        Live { receiver, sender, own_file, theirs_file, _theirs, own_bell, their_bell }
    }

    /// Commits message `number` as an honest sender does, and rings nobody.
    pub(super) fn say(&self, number: u32, bytes: &[u8]) {
        let slot = &self.sender.data()[number as usize % 8 * SLOT_WORDS..][..SLOT_WORDS];
        for (word, chunk) in slot[2..].iter().zip(bytes.chunks(8)) {
            let mut padded = [0; 8];
            padded[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
        }
        slot[1].store(number.into(), Ordering::Relaxed);
        let commit = u64::from(number + 1) | (bytes.len() as u64) << 32 | 1 << 48;
        slot[0].store(commit, Ordering::Release);
        self.sender.control()[INDEX].store(number + 1, Ordering::Release);
    }

    fn ring(&self) -> bool {
        send(&self.their_bell, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok()
    }

    /// Does nothing more until the victim leaves.
    fn stay(self, channel: &DescriptorChannel) -> Live {
        while channel.recv().is_ok() {}
        self
    }
}

fn withhold(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    channel.recv_timeout(PATIENCE).ok();
    // The victim sleeps by now, or is about to.
    std::thread::sleep(Duration::from_millis(30));
    live.say(0, b"unannounced");
    live.stay(channel);
}

/// The message is found without a wake, at the latest by the deadline.
fn in_time_without_a_wake(scene: &mut Scene) {
    let mut port = scene.connected();
    scene.channel.send([0; 16], scene.channel.as_fd()).expect("the sign to begin");
    let mut into = [0; 48];
    let received = within(SHORT * 4, || port.receiver.recv_timeout(&mut into, SHORT * 4));
    assert_eq!(received.map(|header| header.length), Ok(11));
    let received = within(SHORT, || port.receiver.recv_timeout(&mut into, SHORT));
    assert_eq!(received, Err(RecvError::TimedOut));
}

fn fill(port: &mut Small) {
    for number in 0..8 {
        port.sender.try_send(number, b"x").expect("there is room");
    }
}

fn no_room(scene: &mut Scene) {
    let mut port = scene.connected();
    fill(&mut port);
    assert_eq!(port.sender.try_send(8, b"x"), Err(SendError::Full));
    let sent = within(SHORT, || port.sender.send_timeout(8, b"x", SHORT));
    assert_eq!(sent, Err(SendTimeoutError::TimedOut));
}

fn stopped(scene: &mut Scene) {
    let mut port = scene.connected();
    let peer = Pid::from_raw(scene.peer_pid() as i32).expect("its id");
    kill_process(peer, Signal::STOP).expect("it stops");
    fill(&mut port);
    let mut into = [0; 48];
    let sent = within(SHORT, || port.sender.send_timeout(8, b"x", SHORT));
    let received = within(SHORT, || port.receiver.recv_timeout(&mut into, SHORT));
    assert_eq!((sent, received), (Err(SendTimeoutError::TimedOut), Err(RecvError::TimedOut)));
    scene.kill();
    let received = within(SHORT, || port.receiver.recv_timeout(&mut into, PATIENCE));
    assert_eq!(received, Err(RecvError::Closed), "a death is seen at once");
}

/// Wants to be rung for each message, and never listens.
fn never_drain(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    live.receiver.control()[SLEEPS_IN].store(1, Ordering::Relaxed);
    let victim = live._theirs.page(SENDER, SLOTS..SLOTS).expect("its page");
    loop {
        let published = ioi_shm::PeerPage::control(&victim, INDEX).load(Ordering::Acquire);
        live.receiver.control()[WAKE_AT].store(published, Ordering::SeqCst);
        live.receiver.control()[INDEX].store(published, Ordering::SeqCst);
        if published >= RINGS {
            break;
        }
    }
    live.stay(channel);
}

fn rings_without_end(scene: &mut Scene) {
    let mut port = scene.connected();
    for number in 0..RINGS {
        // It answers at some time; what must not be is that one call waits.
        while let Err(error) = within(Duration::ZERO, || port.sender.try_send(number, b"x")) {
            assert_eq!(error, SendError::Full);
            std::thread::yield_now();
        }
        within(Duration::ZERO, || port.sender.bell().ring());
    }
}

fn flood(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    for number in 0..8 {
        live.say(number, b"flood");
    }
    let big = [0; 1024];
    loop {
        let sent = send(&live.their_bell, &big, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        if sent.is_err_and(|errno| errno == rustix::io::Errno::PIPE) || channel.try_recv().is_err() {
            return;
        }
    }
}

/// Each ring costs its hearer one call; messages come as ever.
fn flooded(scene: &mut Scene) {
    let mut port = scene.connected();
    let mut into = [0; 48];
    for number in 0..8 {
        within(Duration::ZERO, || (0..50).filter(|_| port.receiver.bell().silence()).count());
        let header = within(SHORT, || port.receiver.recv_timeout(&mut into, PATIENCE)).expect("a message");
        assert_eq!(header.msg_id, number);
    }
    assert!(port.receiver.prepare_reactor().expect("no lie"), "nothing more was sent");
    assert!(!port.receiver.bell().is_peer_gone());
}

/// Lives, holds everything, and will never ring again.
fn half_close(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    live.say(0, b"the last");
    shutdown(&live.their_bell, Shutdown::Write).expect("its own end");
    channel.send([0; 16], channel.as_fd()).expect("it was sent");
    live.stay(channel);
}

/// It is gone: what it had sent is received, and nobody waits for more, or for ever finds its bell rung.
fn half_closed(scene: &mut Scene) {
    let mut port = scene.connected();
    scene.channel.recv_timeout(PATIENCE).expect("it is done");
    assert!(port.receiver.bell().is_peer_gone());
    let mut into = [0; 48];
    let received = within(SHORT, || port.receiver.recv_timeout(&mut into, PATIENCE));
    assert_eq!(received.map(|header| header.length), Ok(8));
    let received = within(SHORT, || port.receiver.recv_timeout(&mut into, PATIENCE));
    assert_eq!(received, Err(RecvError::Closed));
    fill(&mut port);
    let sent = within(SHORT, || port.sender.send_timeout(8, b"x", PATIENCE));
    assert_eq!(sent, Err(SendTimeoutError::Closed));
}

/// Both ends of what it holds are made to block.
fn clear_flags(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    for end in [live.their_bell.as_fd(), live.own_bell.as_fd()] {
        rustix::fs::fcntl_setfl(end, OFlags::empty()).expect("flags");
    }
    // Its queue is full before the victim rings for the first time.
    while live.ring() {}
    live.say(0, b"ready");
    live.stay(channel);
}

fn flags_cleared(scene: &mut Scene) {
    let mut port = scene.connected();
    let mut into = [0; 48];
    port.receiver.recv_timeout(&mut into, PATIENCE).expect("the peer is ready");
    within(Duration::ZERO, || {
        for _ in 0..2000 {
            port.sender.bell().ring();
            port.receiver.bell().silence();
        }
    });
}

/// Rings that carry descriptors, which nobody asked for.
fn smuggle(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    let bell =
        DescriptorChannel::from_fd(live.their_bell.try_clone().expect("a descriptor")).expect("a bell");
    while bell.try_send([9; 16], live.own_file.as_fd()).is_ok_and(|sent| sent) {}
    live.say(0, b"smuggled");
    live.stay(channel);
}

fn smuggled(scene: &mut Scene) {
    let mut port = scene.connected();
    let mut into = [0; 48];
    port.receiver.recv_timeout(&mut into, PATIENCE).expect("the peer is ready");
    let before = super::Left::now();
    let silenced = (0..2000).filter(|_| port.receiver.bell().silence()).count();
    assert!(silenced > 0, "the peer rang");
    assert_eq!(super::Left::now(), before, "a descriptor came in by the bell");
}

fn say_acked(channel: &DescriptorChannel, acked: u32) {
    let live = Live::connect(channel);
    live.receiver.control()[INDEX].store(acked, Ordering::SeqCst);
    channel.send([0; 16], channel.as_fd()).expect("it was sent");
    live.stay(channel);
}

/// `meets` is tried until the ring is full and the sender has to look.
fn poisoned(scene: &mut Scene, meets: fn(&mut Small) -> bool) {
    let mut port = scene.connected();
    scene.channel.recv_timeout(PATIENCE).expect("the lie is told");
    let waited = port.sender.prepare_reactor();
    assert_eq!(waited, Err(Fault::Acked { acked: 5, sent: 0 }));
    assert!(meets(&mut port), "poisoned for good");
}

fn commit(channel: &DescriptorChannel, word: u64) {
    let live = Live::connect(channel);
    live.sender.data()[0].store(word, Ordering::SeqCst);
    live.stay(channel);
}

fn publish_nothing(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    live.sender.control()[INDEX].store(3, Ordering::SeqCst);
    live.stay(channel);
}

/// The first answer of a victim that waits, and that it stays so.
fn first(scene: &mut Scene) -> Result<(), RecvError> {
    let mut port = scene.connected();
    let mut into = [0; 48];
    let answer = port.receiver.recv_timeout(&mut into, PATIENCE).map(|_| ());
    for _ in 0..3 {
        assert_eq!(port.receiver.try_recv(&mut into).err().map(RecvError::Poisoned), answer.err());
    }
    answer
}

/// Writes all of its page without end, mostly what an honest sender would.
fn spin(channel: &DescriptorChannel) {
    let live = Live::connect(channel);
    let mut number = 0_u64;
    loop {
        number += 1;
        for (at, slot) in live.sender.data().chunks(SLOT_WORDS).enumerate() {
            let sequence = 1 + at as u64;
            slot[0].store(sequence | (number % 49) << 32 | 1 << 48, Ordering::Relaxed);
            slot[2..].iter().for_each(|word| word.store(number, Ordering::Relaxed));
            if number.is_multiple_of(1 << 20) {
                slot[0].store(number, Ordering::Relaxed);
            }
        }
        live.sender.control()[INDEX].store(number as u32 % 16, Ordering::Relaxed);
        live.receiver.control()[INDEX].store(number as u32 % 5, Ordering::Relaxed);
    }
}

/// Each answer is a message of a lawful length, none, or a fault that stays.
fn spun(scene: &mut Scene) {
    let mut fault = None;
    let mut port = scene.connected();
    let mut into = [0; 48];
    let mut delivered = 0;
    let (mut rounds, began) = (0, Instant::now());
    // It may take a while until the peer has written its first word.
    while rounds < ROUNDS || (delivered == 0 && fault.is_none() && began.elapsed() < PATIENCE) {
        rounds += 1;
        match port.receiver.try_recv(&mut into) {
            Ok(Some(header)) => {
                assert!(header.length <= 48 && fault.is_none());
                delivered += 1;
            }
            Ok(None) => assert!(fault.is_none(), "a fault that went away"),
            Err(found) => assert_eq!(*fault.get_or_insert(found), found),
        }
        if let Err(error) = port.sender.try_send(1, b"x") {
            assert!(matches!(error, SendError::Full | SendError::Poisoned(Fault::Acked { .. })));
        }
    }
    assert!(delivered > 0 || fault.is_some(), "nothing that the peer wrote was seen");
    assert!(delivered <= 8, "a second lap of the same messages");
}
