//! Both ends of a map in one process.

use ioi_cell::native::{Host, Peer, Tier};
use ioi_shm::{DescriptorChannel, Quota};
use std::thread;
use std::time::Duration;

pub(crate) const QUOTA: Quota = Quota { leases_max: 64, bytes_max: 30 << 20 };
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn both(tier: Tier) -> (Host, Peer) {
    let (here, there) = DescriptorChannel::pair().unwrap();
    let peer = thread::spawn(move || Peer::join(&there, tier, QUOTA, LONG).unwrap());
    let host = Host::open(&here, tier, 77, QUOTA, LONG).unwrap();
    (host, peer.join().unwrap())
}
