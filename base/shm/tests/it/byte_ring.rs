//! The byte ring against a queue, its growth, and peers that write what they like.

use ioi_shm::byte_ring::{CAPACITY_MAX, CAPACITY_MIN, RecvError, record_bytes_max};
use ioi_shm::sync::Ordering;
use ioi_shm::{Fault, LocalPage, OwnPage, Reader, SendError, Writer};
use proptest::prelude::*;
use std::collections::VecDeque;

/// Miri interprets every access, so its ring is small.
const LARGEST: u32 = if cfg!(miri) { CAPACITY_MIN * 2 } else { CAPACITY_MAX };
const WORDS: usize = LARGEST as usize / 8;

struct Ring {
    tx: Writer<LocalPage, LocalPage>,
    rx: Reader<LocalPage, LocalPage>,
    writer_page: LocalPage,
    reader_page: LocalPage,
}

fn ring_of(words: usize) -> Ring {
    let (writer_page, reader_page) = (LocalPage::new(words), LocalPage::new(0));
    let tx = Writer::new(writer_page.clone(), reader_page.clone());
    let rx = Reader::new(reader_page.clone(), writer_page.clone(), 3);
    Ring { tx, rx, writer_page, reader_page }
}

/// Whether there is a record; a page on the heap is all there, so every growth is confirmed.
fn look(rx: &mut Reader<LocalPage, LocalPage>) -> Result<bool, RecvError> {
    loop {
        match rx.look() {
            Err(RecvError::Grow { capacity }) => rx.grow(capacity),
            // No second look: the ring may have grown again since.
            seen => return seen,
        }
    }
}

fn take(ring: &mut Ring) -> Result<Option<(u32, Vec<u8>)>, RecvError> {
    let mut buffer = vec![0; record_bytes_max(LARGEST) as usize];
    look(&mut ring.rx)?;
    let record = ring.rx.try_recv(&mut buffer)?;
    Ok(record.map(|record| {
        assert_eq!(record.sender, 3, "the reader stamps the sender");
        (record.msg_id, record.payload.to_vec())
    }))
}

fn bytes(id: u32, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u32).wrapping_mul(31).wrapping_add(id) as u8).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Publish,
    Take,
    Ack,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![4 => 0..64usize, 3 => 0..6000usize, 1 => 0..=262_144usize];
    prop_oneof![
        4 => length.prop_map(Step::Push),
        3 => Just(Step::Publish),
        4 => Just(Step::Take),
        3 => Just(Step::Ack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    #[cfg_attr(miri, ignore = "records of 256 KiB")]
    fn records_come_out_as_a_queue_would_give_them(
        steps in prop::collection::vec(step(), 0..300), max_log in 14..=19u32, memory in any::<bool>(),
    ) {
        let capacity_max = 1u32 << max_log;
        let mut ring = ring_of(capacity_max as usize / 8);
        let (mut staged, mut visible) = (VecDeque::new(), VecDeque::new());
        let (mut in_use, mut unacked) = (0, 0);
        let (mut largest, mut wants) = (capacity_max, false);
        let size = |length: usize| 8 + length.next_multiple_of(8);
        for (id, step) in steps.into_iter().enumerate() {
            let id = id as u32;
            match step {
                Step::Push(length) => {
                    let payload = bytes(id, length);
                    let mut result = ring.tx.push(id, &payload);
                    if let Err(SendError::Grow { capacity }) = result {
                        prop_assert!(capacity.is_power_of_two() && capacity > ring.tx.capacity() && capacity <= capacity_max);
                        prop_assert_eq!(in_use, 0, "growth is asked for only while the ring is empty");
                        if memory { ring.tx.grow(capacity); } else { ring.tx.decline_growth(); largest = ring.tx.capacity(); }
                        wants = false;
                        result = ring.tx.push(id, &payload);
                    }
                    match result {
                        Ok(()) => { prop_assert!(!wants, "nothing goes in before it has grown"); in_use += size(length); staged.push_back((id, payload)); }
                        Err(SendError::Full) => {
                            let fits = in_use + size(length) <= ring.tx.capacity() as usize;
                            prop_assert!(wants || !fits);
                            wants |= ring.tx.capacity() < largest;
                            prop_assert!(in_use > 0, "an empty ring grows or takes the record");
                        }
                        Err(SendError::TooLong { length_max, .. }) => {
                            prop_assert!(length > length_max);
                            prop_assert!(!memory || length > capacity_max as usize / 2);
                        }
                        other => prop_assert!(false, "{:?}", other),
                    }
                    prop_assert!(in_use <= ring.tx.capacity() as usize);
                }
                Step::Publish => { let _ = ring.tx.publish(); visible.append(&mut staged); }
                Step::Take => {
                    let taken = take(&mut ring).unwrap();
                    if let Some((_, payload)) = &taken { unacked += size(payload.len()); }
                    prop_assert_eq!(taken, visible.pop_front());
                }
                Step::Ack => { let _ = ring.rx.ack(); in_use -= unacked; unacked = 0; }
            }
        }
    }
}

#[test]
fn a_record_may_fill_half_of_what_the_ring_can_grow_to_and_no_more() {
    let mut ring = ring_of(WORDS);
    let longest = record_bytes_max(LARGEST) as usize;
    let too_long = ring.tx.push(0, &vec![0; longest + 1]).unwrap_err();
    assert_eq!(too_long, SendError::TooLong { length: longest + 1, length_max: longest });
    let payload = bytes(5, longest);
    assert_eq!(ring.tx.push(5, &payload), Err(SendError::Grow { capacity: LARGEST }));
    ring.tx.grow(LARGEST);
    let _ = ring.tx.send(5, &payload).unwrap();
    assert_eq!(take(&mut ring).unwrap(), Some((5, payload)));
    assert_eq!(ring.rx.capacity(), LARGEST);
}

#[test]
fn a_writer_that_lacked_room_takes_nothing_more_until_the_ring_is_empty_and_grows_then() {
    let mut ring = ring_of(WORDS);
    let payload = bytes(0, 4000);
    let sent = (0..).take_while(|id| ring.tx.send(*id, &payload).is_ok()).count() as u32;
    assert_eq!(sent, 4, "16 KiB hold four");
    // The reader is never far behind and never told to stop, as in a stream.
    for id in 0..sent {
        assert_eq!(ring.tx.push(9, &[]), Err(SendError::Full), "there is room, and it would never end");
        assert_eq!(take(&mut ring).unwrap(), Some((id, payload.clone())));
        let _ = ring.rx.ack();
    }
    assert_eq!(ring.tx.push(9, &[]), Err(SendError::Grow { capacity: 2 * CAPACITY_MIN }));
    ring.tx.grow(2 * CAPACITY_MIN);
    let _ = ring.tx.send(9, &[]).unwrap();
    assert_eq!(take(&mut ring).unwrap(), Some((9, vec![])));
}

#[test]
fn memory_of_a_ring_that_has_grown_is_not_touched_before_it_is_confirmed() {
    let mut ring = ring_of(WORDS);
    let payload = bytes(5, CAPACITY_MIN as usize);
    assert_eq!(ring.tx.push(5, &payload), Err(SendError::Grow { capacity: 2 * CAPACITY_MIN }));
    ring.tx.grow(2 * CAPACITY_MIN);
    let _ = ring.tx.send(5, &payload).unwrap();
    let grown = RecvError::Grow { capacity: 2 * CAPACITY_MIN };
    let mut buffer = vec![0; CAPACITY_MIN as usize];
    for _ in 0..2 {
        assert_eq!(ring.rx.prepare_sleep(), Ok(None), "there is something to do");
        assert_eq!(ring.rx.try_recv(&mut buffer).unwrap_err(), grown);
        assert_eq!(ring.rx.capacity(), CAPACITY_MIN);
    }
    // Nobody may confirm what was not asked for, and a second lie is asked about as well.
    ring.rx.grow(2 * CAPACITY_MIN);
    ring.writer_page.control()[1].store(LARGEST, Ordering::Release);
    if LARGEST > 2 * CAPACITY_MIN {
        assert_eq!(ring.rx.look(), Err(RecvError::Grow { capacity: LARGEST }));
    }
    ring.writer_page.control()[1].store(2 * CAPACITY_MIN, Ordering::Release);
    assert_eq!(ring.rx.try_recv(&mut buffer).unwrap().map(|record| record.msg_id), Some(5));
    assert!(buffer == payload);
}

#[test]
fn a_poisoned_ring_with_records_left_is_not_waited_for() {
    let mut ring = with_one_record();
    ring.writer_page.data()[4].store(25, Ordering::Release);
    let fault = Fault::Length { length: 25, length_max: 24 };
    assert_eq!(take(&mut ring).unwrap_err(), RecvError::Poisoned(fault));
    assert_eq!(ring.rx.prepare_sleep(), Err(fault));
}

#[test]
fn a_buffer_that_is_too_short_loses_nothing() {
    let mut ring = ring_of(WORDS);
    let _ = ring.tx.send(1, &[9; 100]).unwrap();
    assert_eq!(ring.rx.try_recv(&mut [0; 99]).unwrap_err(), RecvError::TooShort { length: 100 });
    assert_eq!(take(&mut ring).unwrap(), Some((1, vec![9; 100])));
}

/// Twenty bytes under id 1, taken and given back, then a second such record written but not taken.
fn with_one_record() -> Ring {
    let mut ring = ring_of(WORDS);
    let _ = ring.tx.send(1, &[1; 20]).unwrap();
    take(&mut ring).unwrap();
    let _ = ring.rx.ack();
    let _ = ring.tx.send(2, &[2; 20]).unwrap();
    ring
}

#[test]
fn every_lie_of_a_writer_poisons_the_ring_for_good() {
    const RECORD: u32 = 32;
    let published = |written: u32| Fault::Published { published: written, taken: RECORD };
    type Lie = fn(&LocalPage);
    let rows: Vec<(&str, Lie, Fault)> = vec![
        (
            "more than the capacity",
            |p| p.control()[0].store(RECORD + CAPACITY_MIN + 8, Ordering::Release),
            published(RECORD + CAPACITY_MIN + 8),
        ),
        ("an index behind", |p| p.control()[0].store(RECORD - 8, Ordering::Release), published(RECORD - 8)),
        ("half a word", |p| p.control()[0].store(RECORD + 12, Ordering::Release), published(RECORD + 12)),
        ("2^31 ahead", |p| p.control()[0].store(1 << 31, Ordering::Release), published(1 << 31)),
        ("a capacity of 0", |p| p.control()[1].store(0, Ordering::Release), Fault::Capacity { capacity: 0 }),
        (
            "a capacity below the least",
            |p| p.control()[1].store(CAPACITY_MIN / 2, Ordering::Release),
            Fault::Capacity { capacity: CAPACITY_MIN / 2 },
        ),
        (
            "no power of two",
            |p| p.control()[1].store(CAPACITY_MIN + 8, Ordering::Release),
            Fault::Capacity { capacity: CAPACITY_MIN + 8 },
        ),
        (
            "a capacity beyond the memory",
            |p| p.control()[1].store(CAPACITY_MAX * 2, Ordering::Release),
            Fault::Capacity { capacity: CAPACITY_MAX * 2 },
        ),
        (
            "the largest number",
            |p| p.control()[1].store(u32::MAX, Ordering::Release),
            Fault::Capacity { capacity: u32::MAX },
        ),
        (
            "a record beyond what was written",
            |p| p.data()[RECORD as usize / 8].store(25, Ordering::Release),
            Fault::Length { length: 25, length_max: 24 },
        ),
        (
            "the longest record",
            |p| p.data()[RECORD as usize / 8].store(u64::from(u32::MAX), Ordering::Release),
            Fault::Length { length: u32::MAX, length_max: 24 },
        ),
    ];
    for (name, lie, fault) in rows {
        let mut ring = with_one_record();
        lie(&ring.writer_page);
        assert_eq!(take(&mut ring).unwrap_err(), RecvError::Poisoned(fault), "{name}");
        ring.writer_page.control()[0].store(RECORD * 2, Ordering::Release);
        ring.writer_page.control()[1].store(CAPACITY_MIN, Ordering::Release);
        assert_eq!(take(&mut ring).unwrap_err(), RecvError::Poisoned(fault), "{name}: stays poisoned");
        assert_eq!(ring.rx.prepare_sleep(), Err(fault), "{name}: nobody sleeps on it");
    }
}

#[test]
fn a_capacity_that_changes_while_records_are_held_is_a_lie() {
    let mut ring = with_one_record();
    take(&mut ring).unwrap();
    // Not given back yet; now the writer goes on under another capacity.
    ring.writer_page.control()[1].store(CAPACITY_MIN * 2, Ordering::Release);
    ring.writer_page.control()[0].store(96, Ordering::Release);
    let fault = Fault::Capacity { capacity: CAPACITY_MIN * 2 };
    assert_eq!(take(&mut ring).unwrap_err(), RecvError::Poisoned(fault));
}

#[test]
fn an_index_that_takes_back_or_gives_back_too_much_poisons_the_writer() {
    let lies = [31, 36, 72, 1 << 31, u32::MAX, 0];
    for lie in &lies[..if cfg!(miri) { 2 } else { lies.len() }] {
        let lie = *lie;
        let mut ring = with_one_record();
        ring.reader_page.control()[0].store(lie, Ordering::Release);
        // The writer looks at the index only when it needs room.
        let error = loop {
            match ring.tx.push(1, &[0; 4000]) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        let is_honest = lie == 0;
        if is_honest {
            // 0 was the index before the first record was given back; the writer has not looked since.
            assert_eq!(error, SendError::Full);
        } else {
            assert_eq!(error, SendError::Poisoned(Fault::Acked { acked: lie, sent: 64 }), "{lie}");
            assert_eq!(ring.tx.push(1, &[]), Err(error), "stays poisoned");
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "4 GiB of stream")]
fn indices_wrap_without_losing_a_byte() {
    let mut ring = ring_of(CAPACITY_MIN as usize / 8);
    let payload = bytes(0, 8000);
    // 2^32 bytes of stream, and some more.
    for id in 0..(1u64 << 32) / 8008 + 10 {
        let _ = ring.tx.send(id as u32, if id % 64 == 0 { &payload } else { &payload[..7999] }).unwrap();
        if id % 64 == 0 {
            assert_eq!(take(&mut ring).unwrap(), Some((id as u32, payload.clone())));
        } else {
            let mut buffer = [0; 8192];
            assert_eq!(ring.rx.try_recv(&mut buffer).unwrap().unwrap().msg_id, id as u32);
        }
        let _ = ring.rx.ack();
    }
}

#[test]
fn two_threads_pass_records_whole_and_in_order_while_the_ring_grows() {
    let records: u32 = if cfg!(miri) { 12 } else { 30_000 };
    let Ring { mut tx, mut rx, .. } = ring_of(WORDS);
    let length =
        |id: u32| if id % 4 == 3 { LARGEST as usize / 2 - (id % 1000) as usize } else { (id % 90) as usize };
    let writer = std::thread::spawn(move || {
        for id in 0..records {
            let payload = bytes(id, length(id));
            loop {
                match tx.send(id, &payload) {
                    Ok(_) => break,
                    Err(SendError::Grow { capacity }) => tx.grow(capacity),
                    Err(SendError::Full) => std::thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
    let mut buffer = vec![0; LARGEST as usize];
    let mut next = 0;
    while next < records {
        let is_there = look(&mut rx).unwrap();
        match is_there.then(|| rx.try_recv(&mut buffer).unwrap()).flatten() {
            Some(record) => {
                assert_eq!(record.msg_id, next);
                assert!(record.payload == bytes(next, length(next)), "record {next} was torn");
                next += 1;
            }
            None => std::thread::yield_now(),
        }
        if rx.ack_is_due() {
            let _ = rx.ack();
        }
    }
    writer.join().unwrap();
}
