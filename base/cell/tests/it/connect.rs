//! How a map comes to be, and what it costs while nobody uses it.

use crate::common::{LONG, QUOTA, both};
use ioi_cell::native::{ConnectError, Host, OwnEpochs, Peer, SupervisorEntry, Tier};
use ioi_cell::{ARENA_OFFSET, EPOCH_HEALTH_HOST, EPOCH_HEALTH_PEER, EPOCH_SHUTDOWN, SECTION_ARENA, SECTIONS};
use ioi_shm::{ChannelError, DescriptorChannel, FillError, LeaseError, RejectError, WriterDraft};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// Memory that memory files of ours take in this process, by what the kernel counts.
fn resident(name: &str) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut files = std::collections::BTreeMap::new();
    let mut inode = None;
    for line in maps.lines() {
        if line.contains('-') && line.split(' ').next().unwrap().contains('-') && !line.contains(": ") {
            inode = line.contains(name).then(|| line.split_whitespace().nth(4).unwrap().to_owned());
        } else if let (Some(inode), Some(rest)) = (&inode, line.strip_prefix("Rss:")) {
            let kib: u64 = rest.trim().trim_end_matches(" kB").parse().unwrap();
            // Both ends map the same pages in this process: one file counts once.
            let most = files.entry(inode.clone()).or_insert(0);
            *most = kib.max(*most);
        }
    }
    files.values().sum::<u64>() * 1024
}

#[test]
fn an_idle_peer_costs_at_most_128_kib_although_its_map_has_32_mib() {
    if std::env::var_os("IOI_ALONE").is_none() {
        // Counted in a process of its own: other tests have maps, too.
        let name = "connect::an_idle_peer_costs_at_most_128_kib_although_its_map_has_32_mib";
        let run = std::process::Command::new(std::env::current_exe().unwrap());
        let mut run = run;
        let done = run.args(["--exact", name, "--nocapture"]).env("IOI_ALONE", "1").status().unwrap();
        assert!(done.success());
        return;
    }
    let (_host, _peer) = both(Tier::Light);
    let bytes = resident("memfd:ioi-shared");
    assert!(bytes > 32 << 10, "the count found nothing: {bytes}");
    assert!(bytes <= 128 << 10, "an idle peer costs {bytes} bytes");
}

#[test]
fn the_arena_of_each_tier_is_what_the_map_leaves() {
    for (tier, bytes) in [
        (Tier::Light, 32 << 20),
        (Tier::Moderate, 64 << 20),
        (Tier::Heavy, 256 << 20),
        (Tier::Dedicated, 512u64 << 20),
    ] {
        let (mut host, peer) = both(tier);
        let arena = bytes - u64::from(ARENA_OFFSET);
        let error = host.lender.lease(arena + 1, 0).unwrap_err();
        assert_eq!(error, FillError::Lease(LeaseError::Size { length: arena + 1, length_max: arena }));
        let entries = peer.supervisor.entries();
        assert_eq!(entries.len(), 11);
        for (entry, section) in entries.iter().zip(SECTIONS) {
            let wanted = SupervisorEntry {
                section: section.number,
                flags: section.flags,
                offset: section.offset,
                bytes: section.bytes,
            };
            assert_eq!(*entry, wanted);
        }
        let wanted =
            SupervisorEntry { section: SECTION_ARENA, flags: 3, offset: ARENA_OFFSET, bytes: arena as u32 };
        assert_eq!(entries[9], wanted);
    }
}

#[test]
fn both_arenas_are_lent_from_and_given_back() {
    let (mut host, mut peer) = both(Tier::Light);
    for (round, length) in [1usize, 5000, 3 << 20].into_iter().enumerate() {
        let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + round) as u8).collect();
        let to_peer = host.lender.lease(length as u64, 5).unwrap();
        host.lender.fill(&to_peer).unwrap().copy_from_slice(&bytes);
        host.lender.hand_over(&to_peer).unwrap();
        let loan = peer.borrower.take(&to_peer).unwrap();
        assert_eq!(loan.in_place(), Some(&bytes[..]));
        host.lender.release(&peer.borrower.give_back(loan).unwrap()).unwrap();

        let to_host = peer.lender.lease(length as u64, 5).unwrap();
        peer.lender.fill(&to_host).unwrap().copy_from_slice(&bytes);
        peer.lender.hand_over(&to_host).unwrap();
        let loan = host.borrower.take(&to_host).unwrap();
        assert_eq!(loan.in_place(), None, "the host reads nothing of a peer's in place");
        let mut copy = vec![0; length];
        loan.copy_to(&mut copy, 1 << 16, |_| {});
        assert!(copy == bytes);
        peer.lender.release(&host.borrower.give_back(loan).unwrap()).unwrap();
    }
}

#[test]
fn each_side_raises_its_own_epochs_and_a_peer_that_is_to_end_is_woken() {
    let (mut host, mut peer) = both(Tier::Light);
    let raised = |epochs: &OwnEpochs, number| catch_unwind(AssertUnwindSafe(|| epochs.raise(number))).is_ok();
    for number in 0..33 {
        let is_free = (16..32).contains(&number);
        assert_eq!(
            raised(&host.epochs, number),
            is_free || [0, 2, 3, 4, 7, 8, 10].contains(&number),
            "{number}"
        );
        assert_eq!(raised(&peer.epochs, number), is_free || [1, 5, 6, 9].contains(&number), "{number}");
    }
    let (of_host, of_peer) =
        (peer.host_epochs.current(EPOCH_HEALTH_HOST), host.peer_epochs.current(EPOCH_HEALTH_PEER));
    let sleeper = thread::spawn(move || {
        // The other side's beat, not the time, ends the sleep.
        assert!(peer.host_epochs.wait(EPOCH_HEALTH_HOST, of_host, LONG).unwrap());
        peer.health.beat(1, 2);
        peer
    });
    host.health.beat(1, 1);
    assert!(host.peer_epochs.wait(EPOCH_HEALTH_PEER, of_peer, LONG).unwrap());
    let peer = sleeper.join().unwrap();
    assert_eq!((peer.host_health.last().heartbeat, host.peer_health.last().heartbeat), (1, 1));

    let (host, peer) = both(Tier::Light);
    assert!(!peer.is_to_end());
    let sleeper = thread::spawn(move || {
        assert!(peer.host_epochs.wait(EPOCH_SHUTDOWN, 0, LONG).unwrap());
        assert!(peer.is_to_end());
    });
    host.shut_down();
    sleeper.join().unwrap();
}

#[test]
fn an_end_that_dies_is_noticed() {
    let (host, peer) = both(Tier::Light);
    assert!(!host.bell.is_peer_gone());
    drop(peer);
    assert!(host.bell.is_peer_gone());
    let (host, peer) = both(Tier::Light);
    drop(host);
    assert!(peer.bell.is_peer_gone());
}

#[test]
fn a_peer_that_does_not_answer_or_answers_otherwise_is_refused_by_name() {
    let short = Duration::from_millis(150);
    let open = |channel: &DescriptorChannel| Host::open(channel, Tier::Light, 1, QUOTA, short).unwrap_err();
    let (here, _there) = DescriptorChannel::pair().unwrap();
    assert_eq!(open(&here), ConnectError::Channel(ChannelError::TimedOut));

    let (here, there) = DescriptorChannel::pair().unwrap();
    there.send([3; 16], DescriptorChannel::pair().unwrap().0.as_fd()).unwrap();
    assert_eq!(open(&here), ConnectError::Unexpected { id: [3; 16] });

    let (here, there) = DescriptorChannel::pair().unwrap();
    there.send(*b"ioi-cell-bell\0\0\0", std::fs::File::open("/dev/null").unwrap().as_fd()).unwrap();
    assert_eq!(open(&here), ConnectError::Channel(ChannelError::NotAChannel));
}

#[test]
fn an_offer_waits_for_its_peer_without_a_thread_and_takes_nothing_but_its_bell() {
    let offer = |channel: &DescriptorChannel| Host::offer(channel, Tier::Light, 1, QUOTA, LONG).unwrap();
    let (here, there) = DescriptorChannel::pair().unwrap();
    let offered = offer(&here);
    let mut peer = Peer::join(&there, Tier::Light, QUOTA, LONG).unwrap();
    let (id, bell) = here.try_recv().unwrap().expect("the peer has answered");
    let host = offered.answered(id, bell).unwrap();
    peer.health.beat(1, 5);
    assert_eq!((host.peer_health.last().heartbeat, host.peer_health.last().state), (1, 1));
    let bytes = host.bytes().unwrap();
    assert_eq!(bytes.mapped, 64 << 20);
    assert!((32 << 10..=128 << 10).contains(&bytes.allocated), "{bytes:?}");

    let (here, there) = DescriptorChannel::pair().unwrap();
    let offered = offer(&here);
    let _peer = Peer::join(&there, Tier::Light, QUOTA, LONG).unwrap();
    let (_, bell) = here.try_recv().unwrap().unwrap();
    assert_eq!(offered.answered([3; 16], bell).unwrap_err(), ConnectError::Unexpected { id: [3; 16] });
    let (here, _there) = DescriptorChannel::pair().unwrap();
    let null = std::fs::File::open("/dev/null").unwrap();
    let error = offer(&here).answered(*b"ioi-cell-bell\0\0\0", null.into()).unwrap_err();
    assert_eq!(error, ConnectError::Channel(ChannelError::NotAChannel));
}

#[test]
fn a_peer_that_cuts_or_seals_its_region_before_the_host_does_is_refused() {
    use rustix::fs::{SealFlags, fcntl_add_seals, ftruncate};
    type Trick = fn(&std::os::fd::OwnedFd);
    let tricks: [(&str, Trick); 3] = [
        ("cut", |file| ftruncate(file, 4096).unwrap()),
        ("sealed for good", |file| fcntl_add_seals(file, SealFlags::SEAL).unwrap()),
        ("punched", |file| {
            use rustix::fs::{FallocateFlags, fallocate};
            fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, 4096).unwrap();
        }),
    ];
    for (name, trick) in tricks {
        let (here, there) = DescriptorChannel::pair().unwrap();
        let peer = thread::spawn(move || {
            let _host = there.recv_timeout(LONG).unwrap();
            let (_, file) = there.recv_timeout(LONG).unwrap();
            trick(&file);
            let bell = DescriptorChannel::pair().unwrap().0;
            there.send(*b"ioi-cell-bell\0\0\0", bell.as_fd()).unwrap();
            there
        });
        let error = Host::open(&here, Tier::Light, 1, QUOTA, LONG).unwrap_err();
        assert!(matches!(error, ConnectError::Rejected(_)), "{name}: {error}");
        drop(peer.join().unwrap());
    }
    // And the peer refuses a host's memory of another size.
    let (here, there) = DescriptorChannel::pair().unwrap();
    let host = thread::spawn(move || Host::open(&here, Tier::Moderate, 1, QUOTA, Duration::from_millis(300)));
    let error = Peer::join(&there, Tier::Light, QUOTA, LONG).unwrap_err();
    let wrong = RejectError::WrongSize { bytes: 64 << 20, bytes_agreed: 32 << 20 };
    assert_eq!(error, ConnectError::Rejected(wrong));
    assert!(host.join().unwrap().is_err());
    assert!(WriterDraft::create(0, &[]).is_err());
}
