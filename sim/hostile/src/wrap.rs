//! Past 2³²: honest traffic up to the wrap of the indices, then a lie beside it.

use crate::pages::{CAPACITY, HostilePage, INDEX, Place};
use ioi_shm::byte_ring::{CAPACITY_MIN, Reader, RecvError, Writer};
use ioi_shm::ring::{Layout, Receiver, Sender};
use ioi_shm::{Fault, LocalPage, SendError};

/// Records that carry a byte ring over its wrap quickly: half of the largest capacity here.
const RECORD_BYTES: u32 = CAPACITY_MIN - 8;
const DATA_WORDS: usize = 2 * CAPACITY_MIN as usize / 8;

/// A reader whose next byte is `before` bytes ahead of 2³² gets `index` from its writer.
///
/// # Errors
/// The fault by which it refuses.
///
/// # Panics
/// When the honest records before it don't come as they were written.
pub fn reader_at_the_wrap(before: u32, index: u32) -> Result<bool, Fault> {
    let page = HostilePage::new(LocalPage::new(DATA_WORDS));
    page.store(Place::Control(CAPACITY), (2 * CAPACITY_MIN).into());
    let mut reader = Reader::new(LocalPage::new(0), page, 1);
    let mut into = vec![0; RECORD_BYTES as usize];
    let mut at = 0_u64;
    let mut next = |length: u32, reader: &mut Reader<LocalPage, HostilePage>| {
        let header = u64::from(length) | (at & 0xFFFF_FFFF) << 32;
        reader.peer().store(Place::Data((at % u64::from(2 * CAPACITY_MIN)) as usize / 8), header);
        let start = at as u32;
        at += u64::from(8 + length);
        reader.peer().store(Place::Control(INDEX), at);
        if let Err(RecvError::Grow { capacity }) = reader.look() {
            reader.grow(capacity);
        }
        let record = reader.try_recv(&mut into).expect("an honest record").expect("it is there");
        assert_eq!((record.msg_id, record.payload.len()), (start, length as usize));
        let _ = reader.ack();
        at
    };
    while next(RECORD_BYTES, &mut reader) < (1 << 32) - u64::from(CAPACITY_MIN) {}
    next(CAPACITY_MIN - before - 8, &mut reader);
    reader.peer().store(Place::Data((0_u32.wrapping_sub(before) % (2 * CAPACITY_MIN)) as usize / 8), 0);
    reader.peer().store(Place::Control(INDEX), index.into());
    match reader.try_recv(&mut into) {
        Ok(record) => Ok(record.is_some()),
        Err(RecvError::Poisoned(fault)) => Err(fault),
        Err(other) => panic!("{other}"),
    }
}

/// A writer that has published up to 8 bytes past 2³² hears `index` from its reader; answers
/// whether the whole ring is then free.
///
/// # Errors
/// The fault by which it refuses.
///
/// # Panics
/// When an honest reader's index is refused before.
pub fn writer_at_the_wrap(index: u32) -> Result<bool, Fault> {
    let page = HostilePage::new(LocalPage::new(0));
    let mut writer = Writer::new(LocalPage::new(CAPACITY_MIN as usize / 8), page);
    let bytes = vec![7; CAPACITY_MIN as usize / 2];
    let mut at = 0_u64;
    let mut next = |length: u32, writer: &mut Writer<LocalPage, HostilePage>| {
        writer.peer().store(Place::Control(INDEX), at);
        let _ = writer.send(1, &bytes[..length as usize]).expect("the ring is empty");
        at += u64::from(8 + length);
        at
    };
    while next(CAPACITY_MIN / 2 - 8, &mut writer) < (1 << 32) - u64::from(CAPACITY_MIN / 2) {}
    next(CAPACITY_MIN / 2 - 16, &mut writer);
    next(8, &mut writer);
    writer.peer().store(Place::Control(INDEX), index.into());
    // What is out is not known to be back, so the writer has to look.
    let half = vec![7; CAPACITY_MIN as usize / 2 - 8];
    let _ = writer.push(1, &half);
    match writer.push(1, &half) {
        Ok(()) => Ok(true),
        Err(SendError::Full) => Ok(false),
        Err(SendError::Poisoned(fault)) => Err(fault),
        Err(other) => panic!("{other}"),
    }
}

/// So many honest messages through a ring, each compared: past 2³² it takes most of a minute.
///
/// # Panics
/// When a message is lost, doubled or changed, or an honest side is called a liar.
pub fn messages(count: u64, mut progress: impl FnMut(u64)) {
    const SLOTS: usize = 256;
    const BATCH: u64 = 64;
    let (ours, theirs) = (LocalPage::new(Layout::<SLOTS, 8>::DATA_WORDS), LocalPage::new(0));
    let mut sender = Sender::<SLOTS, 8, _, _>::new(ours.clone(), theirs.clone());
    let mut receiver = Receiver::<SLOTS, 8, _, _>::new(theirs, ours, 1);
    let mut into = [0; 8];
    for first in (0..count).step_by(BATCH as usize) {
        for number in first..first + BATCH {
            sender.push(number as u32, &number.to_le_bytes()).expect("there is room");
        }
        let _ = sender.publish();
        for number in first..first + BATCH {
            let header = receiver.try_recv(&mut into).expect("an honest sender").expect("it was published");
            assert_eq!((header.msg_id, u64::from_le_bytes(into)), (number as u32, number));
        }
        let _ = receiver.ack();
        if first.is_multiple_of(1 << 24) {
            assert_eq!(receiver.prepare_sleep(), Ok(Some((first + BATCH) as u32)));
            progress(first);
        }
    }
}
