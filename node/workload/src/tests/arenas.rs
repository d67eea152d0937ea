//! What is lent by somebody who goes on writing.

use super::*;
use crate::arenas::Arena;
use ioi_ipc::proto::control::LeaveArenasRequest;
use ioi_shm::{Lender, OwnMemory, PeerMemory};
use std::sync::atomic::Ordering;

/// Fills a lease and hands it over.
pub(super) fn lend(lender: &mut Lender, bytes: &[u8]) -> SharedMemoryHandle {
    let handle = lender.lease(bytes.len() as u64, 0).unwrap();
    lender.fill(&handle).unwrap().copy_from_slice(bytes);
    lender.hand_over(&handle).unwrap();
    let ioi_shm::Handle { region, generation, type_id, offset, length } = handle;
    SharedMemoryHandle { region, generation, type_id, offset, length }
}

#[tokio::test]
async fn a_lease_is_taken_once_in_its_order_and_within_its_arena() {
    let mut met = Met::new().await;
    let (region, mut lender) = met.supervisor.arena(1 << 16);
    let first = lend(&mut lender, TEXT.as_bytes());
    let second = lend(&mut lender, TEXT.as_bytes());
    let job = |handle| ingest(Payload::of_handle(handle));
    let Done::Ingest(_) = met.execute(job(second)).await.unwrap() else { panic!("another result") };
    let (unknown, range) = (ErrorCode::RegionUnknown, ErrorCode::SliceRange);
    let next = SharedMemoryHandle { generation: 9, ..second };
    let bad = [
        (second, unknown, "nothing is leased there in generation 2"),
        (first, unknown, "generation 1"),
        (SharedMemoryHandle { offset: 1 << 16, ..next }, range, "do not lie within the arena"),
        (SharedMemoryHandle { length: 1 << 17, ..next }, range, "do not lie within the arena"),
        (SharedMemoryHandle { offset: 3, ..next }, range, "offset 3"),
        (SharedMemoryHandle { generation: 0, ..next }, ErrorCode::ArgumentInvalid, "generation 0"),
        (SharedMemoryHandle { generation: u32::MAX, ..next }, unknown, "generation 4294967295"),
        (SharedMemoryHandle { type_id: 9, ..next }, ErrorCode::ArgumentInvalid, "type 9"),
    ];
    for (handle, expected, words) in bad {
        let (ours, message) = met.refusal(job(handle)).await;
        assert_eq!((ours, message.contains(words)), (expected, true), "{handle:?}: {message}");
        assert_eq!(met.health().await.documents, 1, "{handle:?}");
    }
    let Done::Ingest(_) = met.execute(job(next)).await.unwrap() else { panic!("another result") };
    assert_eq!((met.health().await.documents, met.health().await.arenas), (2, 1));

    let regions = vec![7, region];
    met.client.leave_arenas(LeaveArenasRequest { regions }).await.unwrap();
    assert_eq!(met.health().await.arenas, 0, "it is mapped although its owner has ended");
}

/// Raised when it goes, after a failure too, so that nobody waits for a thread that waits for it.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The writer rewrites its lease as fast as it can while it is copied out.
#[test]
fn the_digest_is_that_of_the_bytes_that_are_kept_whatever_the_writer_does_meanwhile() {
    const BYTES: u64 = 1 << 20;
    const ROUNDS: u32 = 100;
    let memory = OwnMemory::create(BYTES, BYTES).unwrap();
    let words = memory.words::<std::sync::atomic::AtomicU64>(0..BYTES).unwrap();
    let arena = Arena::accept(memory.reader_descriptor().unwrap(), 1, BYTES).unwrap();
    let done = AtomicBool::new(false);
    let torn = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut value = 0;
            while !done.load(Ordering::Relaxed) {
                value += 1;
                words.u64s().iter().for_each(|word| word.store(value, Ordering::Relaxed));
            }
        });
        let _ends = Raised(&done);
        let mut torn = 0;
        for generation in 1..=ROUNDS {
            let lease = ioi_shm::Handle { region: 1, generation, type_id: 0, offset: 0, length: BYTES };
            let kept = arena.copy_out(&lease, "the text").unwrap();
            assert_eq!(kept.digest(), blake3(&kept), "round {generation}");
            torn += u32::from(kept.chunks(8).any(|word| word != &kept[..8]));
        }
        torn
    });
    assert!(torn > 0, "the writer never met the copy, so nothing was shown");
}

#[test]
fn memory_that_is_not_all_there_or_open_to_others_or_too_large_is_no_arena() {
    let sparse = OwnMemory::create(8192, 4096).unwrap();
    assert!(Arena::accept(sparse.reader_descriptor().unwrap(), 1, 8192).is_err());
    let other_size = OwnMemory::create(8192, 8192).unwrap();
    assert!(Arena::accept(other_size.reader_descriptor().unwrap(), 1, 4096).is_err());
    let most = ioi_types::limits::ARENA_BYTES_MAX;
    let large = OwnMemory::create(most + 4096, most + 4096).unwrap();
    assert!(Arena::accept(large.reader_descriptor().unwrap(), 1, most + 4096).is_err());
    let open = ioi_shm::WriterDraft::create(4096, std::slice::from_ref(&(0..4096))).unwrap();
    assert!(Arena::accept(open.writer_descriptor().unwrap(), 1, 4096).is_err());
    let whole = OwnMemory::create(8192, 8192).unwrap();
    assert!(Arena::accept(whole.reader_descriptor().unwrap(), 1, 8192).is_ok());
    assert!(PeerMemory::accept(whole.reader_descriptor().unwrap(), 8192, 8192).is_ok());
}
