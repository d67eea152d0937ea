//! One end of a map as it is, and across from it a process of no code of ours: words that can be read
//! and written anyhow.

use crate::common::{LONG, QUOTA};
use ioi_cell::ARENA_OFFSET;
use ioi_cell::native::{Host, Peer, Tier};
use ioi_shm::{DescriptorChannel, OwnMemory, OwnWords, PeerMemory, PeerWords, WriterDraft};
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::thread;

const TIER: Tier = Tier::Light;
const TABLES: std::ops::Range<u64> = 0..ARENA_OFFSET as u64;

/// The other end.
pub(crate) struct Raw {
    /// What it writes, up to the arena.
    pub(crate) words: OwnWords,
    /// What the end under test writes.
    pub(crate) other: PeerMemory,
    _own: OwnMemory,
    _bells: (DescriptorChannel, DescriptorChannel),
}

impl Raw {
    fn new(own: OwnMemory, other: PeerMemory, bells: (DescriptorChannel, DescriptorChannel)) -> Raw {
        own.allocate(TABLES).unwrap();
        Raw { words: own.words(TABLES).unwrap(), other, _own: own, _bells: bells }
    }

    /// What the end under test has written there, as hexadecimal.
    pub(crate) fn hex(&self, at: u64, bytes: usize) -> String {
        let start = at & !7;
        let range = start..(at + bytes as u64).next_multiple_of(8);
        let mut found = vec![0; (range.end - range.start) as usize];
        let words: PeerWords = self.other.words(range).unwrap();
        words.u64s().copy_to(0, &mut found);
        found[(at - start) as usize..][..bytes].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Writes bytes anywhere.
    pub(crate) fn put(&self, at: u64, bytes: &[u8]) {
        for (at, byte) in (at as usize..).zip(bytes) {
            let (word, shift) = (&self.words.u64s()[at / 8], at % 8 * 8);
            let rest = word.load(Ordering::Relaxed) & !(0xff << shift);
            word.store(rest | u64::from(*byte) << shift, Ordering::Release);
        }
    }
}

/// A host, and a peer that is raw.
pub(crate) fn host() -> (Host, Raw) {
    let (here, there) = DescriptorChannel::pair().unwrap();
    let peer = thread::spawn(move || {
        let [host, own, bell] = [(); 3].map(|()| there.recv_timeout(LONG).unwrap().1);
        let other = PeerMemory::accept(host, TIER.bytes(), 0).unwrap();
        let own = OwnMemory::adopt(own, TIER.bytes()).unwrap();
        let (ours, for_host) = DescriptorChannel::pair().unwrap();
        there.send(*b"ioi-cell-bell\0\0\0", for_host.as_fd()).unwrap();
        Raw::new(own, other, (ours, DescriptorChannel::from_fd(bell).unwrap()))
    });
    let host = Host::open(&here, TIER, 1, QUOTA, LONG).unwrap();
    (host, peer.join().unwrap())
}

/// A peer, and a host that is raw.
pub(crate) fn peer() -> (Peer, Raw) {
    let (here, there) = DescriptorChannel::pair().unwrap();
    let host = thread::spawn(move || {
        let own = OwnMemory::create(TIER.bytes(), TABLES.end).unwrap();
        let draft = WriterDraft::create(TIER.bytes(), &[TABLES]).unwrap();
        let (ours, theirs) = DescriptorChannel::pair().unwrap();
        there.send(*b"ioi-cell-host\0\0\0", own.reader_descriptor().unwrap().as_fd()).unwrap();
        there.send(*b"ioi-cell-peer\0\0\0", draft.writer_descriptor().unwrap().as_fd()).unwrap();
        there.send(*b"ioi-cell-bell\0\0\0", theirs.as_fd()).unwrap();
        let bell = DescriptorChannel::from_fd(there.recv_timeout(LONG).unwrap().1).unwrap();
        let other = draft.seal(&[TABLES]).unwrap();
        Raw::new(own, other, (ours, bell))
    });
    let peer = Peer::join(&here, TIER, QUOTA, LONG).unwrap();
    (peer, host.join().unwrap())
}
