//! The rings of `ioi-shm` lie as the schema says: every constant of theirs is held against where a ring
//! really puts its words.

use ioi_cell::*;
use ioi_shm::ring::Layout;
use ioi_shm::{Handle, LocalPage, OwnPage, Reader, Receiver, Sender, Writer};
use std::sync::atomic::Ordering;

/// Control word at a byte of a page.
fn control(page: &LocalPage, offset: u32) -> u32 {
    OwnPage::control(page)[offset as usize / 4].load(Ordering::Relaxed)
}

/// Bytes of a page's data.
fn data(page: &LocalPage, offset: u32, bytes: usize) -> Vec<u8> {
    let byte = |at: usize| OwnPage::data(page)[at / 8].load(Ordering::Relaxed).to_le_bytes()[at % 8];
    (offset as usize..offset as usize + bytes).map(byte).collect()
}

#[test]
fn a_ring_of_messages_lies_as_the_schema_says() {
    const BYTES: usize = 50;
    let slot = (RING_SLOT_PAYLOAD_OFFSET + BYTES as u32).next_multiple_of(RING_SLOT_ALIGN_BYTES);
    assert_eq!(Layout::<4, BYTES>::SLOT_WORDS * 8, slot as usize);
    let (own, other) = (LocalPage::new(Layout::<4, BYTES>::DATA_WORDS), LocalPage::new(0));
    let mut sender = Sender::<4, BYTES, _, _>::new(own.clone(), other.clone());
    let mut receiver = Receiver::<4, BYTES, _, _>::new(other.clone(), own.clone(), 1);
    sender.push(0x0a0b_0c0d, b"first").unwrap();
    sender.push(0x0102_0304, b"the second").unwrap();
    let _ = sender.publish();
    assert_eq!(control(&own, RING_PUBLISHED_OFFSET), 2);
    for (start, sequence, length, run, msg_id, payload) in
        [(0, 1u32, 5u16, 2u16, 0x0a0b_0c0du32, &b"first"[..]), (slot, 2, 10, 0, 0x0102_0304, b"the second")]
    {
        assert_eq!(data(&own, start + RING_SLOT_SEQUENCE_OFFSET, 4), sequence.to_le_bytes());
        assert_eq!(data(&own, start + RING_SLOT_LENGTH_OFFSET, 2), length.to_le_bytes());
        assert_eq!(data(&own, start + RING_SLOT_RUN_OFFSET, 2), run.to_le_bytes());
        assert_eq!(data(&own, start + RING_SLOT_MSG_ID_OFFSET, 4), msg_id.to_le_bytes());
        assert_eq!(data(&own, start + RING_SLOT_PAYLOAD_OFFSET, payload.len()), payload);
    }
    let mut buffer = [0; BYTES];
    for _ in 0..2 {
        receiver.try_recv(&mut buffer).unwrap().unwrap();
        let _ = receiver.ack();
    }
    assert_eq!(control(&other, RING_ACKED_OFFSET), 2);
    assert_eq!(receiver.prepare_sleep().unwrap(), Some(2));
    assert_eq!(control(&other, RING_RECEIVER_WAKE_AT_OFFSET), 2);
    (0..4).for_each(|n| sender.push(n, &[]).unwrap());
    let _ = sender.publish();
    assert!(sender.push(9, &[]).is_err() && sender.prepare_sleep().unwrap().is_some());
    assert_eq!(control(&own, RING_SENDER_WAKE_AT_OFFSET), 2);
}

#[test]
fn a_ring_of_records_lies_as_the_schema_says() {
    let (own, other) = (LocalPage::new(BYTE_RING_CAPACITY_BYTES_MAX as usize / 8), LocalPage::new(0));
    let mut writer = Writer::new(own.clone(), other.clone());
    let mut reader = Reader::new(other.clone(), own.clone(), 1);
    let _ = writer.send(0x0a0b_0c0d, b"a record").unwrap();
    assert_eq!(control(&own, BYTE_RING_CAPACITY_OFFSET), BYTE_RING_CAPACITY_BYTES_MIN);
    let record = BYTE_RING_RECORD_PAYLOAD_OFFSET + 8;
    assert_eq!(
        control(&own, BYTE_RING_WRITTEN_OFFSET),
        record.next_multiple_of(BYTE_RING_RECORD_ALIGN_BYTES)
    );
    assert_eq!(data(&own, BYTE_RING_RECORD_LENGTH_OFFSET, 4), 8u32.to_le_bytes());
    assert_eq!(data(&own, BYTE_RING_RECORD_MSG_ID_OFFSET, 4), 0x0a0b_0c0du32.to_le_bytes());
    assert_eq!(data(&own, BYTE_RING_RECORD_PAYLOAD_OFFSET, 8), b"a record");
    // Another byte takes all of the alignment.
    let _ = writer.send(1, b"nine bytes").unwrap();
    let both = record + (BYTE_RING_RECORD_PAYLOAD_OFFSET + 10).next_multiple_of(BYTE_RING_RECORD_ALIGN_BYTES);
    assert_eq!(control(&own, BYTE_RING_WRITTEN_OFFSET), both);
    let mut buffer = [0; 16];
    while reader.try_recv(&mut buffer).unwrap().is_some() {
        let _ = reader.ack();
    }
    assert_eq!(control(&other, BYTE_RING_READ_OFFSET), both);
    assert_eq!(reader.prepare_sleep().unwrap(), Some(both));
    assert_eq!(control(&other, BYTE_RING_READER_WAKE_AT_OFFSET), both);
    let most = BYTE_RING_PAYLOAD_BYTES_MAX as usize;
    let too_long = ioi_shm::SendError::TooLong { length: most + 1, length_max: most };
    assert_eq!(writer.send(2, &vec![0; most + 1]).unwrap_err(), too_long);
    let half = BYTE_RING_CAPACITY_BYTES_MIN as usize / 2;
    let _ = writer.send(3, &vec![0; half]).unwrap();
    assert!(writer.push(4, &vec![0; half]).is_err() && writer.prepare_sleep().unwrap().is_some());
    assert_eq!(control(&own, BYTE_RING_WRITER_WAKE_AT_OFFSET), both);
}

#[test]
fn a_handle_lies_as_the_schema_says() {
    let handle = Handle { region: 1, generation: 2, type_id: 3, offset: 64, length: 5 };
    let bytes = handle.to_bytes();
    let u32_at = |at: u32| u32::from_le_bytes(std::array::from_fn(|i| bytes[at as usize + i]));
    let u64_at = |at: u32| u64::from_le_bytes(std::array::from_fn(|i| bytes[at as usize + i]));
    assert_eq!(u64_at(HANDLE_REGION_OFFSET), handle.region);
    assert_eq!(u32_at(HANDLE_GENERATION_OFFSET), handle.generation);
    assert_eq!(u32_at(HANDLE_TYPE_ID_OFFSET), handle.type_id);
    assert_eq!(u64_at(HANDLE_OFFSET_OFFSET), handle.offset);
    assert_eq!(u64_at(HANDLE_LENGTH_OFFSET), handle.length);
    assert_eq!(Handle::from_bytes(&bytes), handle);
}
