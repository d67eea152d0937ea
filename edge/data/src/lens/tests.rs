use super::*;
use crate::types::{Chunk, ContextSlice, Envelope, Tensor};
use capnp::message::Builder;
use capnp::schema_capnp::type_;
use capnp::{ErrorKind, serialize_packed};

/// A head and words.
fn message(words: &[u64]) -> Words {
    let head = (words.len() as u64) << 32;
    Words([&[head], words].concat())
}

/// A type that is a list of a list of … of this depth. Of all types that are at hand, the compiler's
/// own is the one that holds itself.
fn lists_of_lists(depth: usize) -> Words {
    const LIST: u64 = 14;
    const STRUCT_OF_ONE_WORD_AND_ONE_POINTER: u64 = 1 << 32 | 1 << 48;
    message(&[STRUCT_OF_ONE_WORD_AND_ONE_POINTER, LIST].repeat(depth)[..])
}

/// Follows as many pointers.
fn descend(words: &Words, depth: usize) -> capnp::Result<()> {
    let lens = open::<Envelope>(words.as_bytes()).unwrap();
    let mut at = lens.message.get_root::<type_::Reader<'_>>()?;
    for _ in 1..depth {
        let type_::List(list) = at.which()? else { return Err(capnp::Error::failed("the end".into())) };
        at = list.get_element_type()?;
    }
    Ok(())
}

#[test]
fn pointers_nested_64_deep_are_followed_and_65_are_not() {
    let words = lists_of_lists(100);
    descend(&words, 64).unwrap();
    let error = descend(&words, 65).unwrap_err();
    assert_eq!(error.kind, ErrorKind::MessageIsTooDeeplyNestedOrContainsCycles);
}

#[test]
fn a_struct_that_holds_itself_ends_at_the_nesting_limit() {
    // Its pointer leads back to itself: the word after it, minus two.
    let words = message(&[1 << 32 | 1 << 48, 14, (1 << 32 | 1 << 48) + (0x3fff_fffe << 2)]);
    let error = descend(&words, 1000).unwrap_err();
    let limits = [ErrorKind::MessageIsTooDeeplyNestedOrContainsCycles, ErrorKind::ReadLimitExceeded];
    assert!(limits.contains(&error.kind), "{error:?}");
}

#[test]
fn a_message_can_be_walked_a_few_times_in_place_and_not_for_ever() {
    let chunk = Chunk { text: "x".repeat(1000), ..Chunk::default() };
    let slice = ContextSlice { chunks: vec![chunk], ..ContextSlice::default() };
    let written = encode(&slice).unwrap();
    let lens = open::<ContextSlice>(written.as_bytes()).unwrap();
    let walk = || -> Result<usize, LensError> { Ok(lens.root()?.get_chunks()?.get(0).get_text()?.len()) };
    let walks = (0..100).map_while(|_| walk().ok()).inspect(|bytes| assert_eq!(*bytes, 1000)).count();
    assert!((TRAVERSALS_MAX - 1..=TRAVERSALS_MAX + 1).contains(&walks), "{walks}");
    assert!(walk().unwrap_err().to_string().contains("ead limit"));
}

#[test]
fn what_does_not_fit_its_shape_can_neither_be_written_nor_read() {
    let bad = Tensor { shape: vec![3], data: vec![0; 11], ..Tensor::default() };
    assert!(matches!(encode(&bad), Err(LensError::Tensor(_))));
    // Written by a writer that does not look.
    let mut builder = Builder::new_default();
    bad.write(builder.init_root()).unwrap();
    let written = Words::copy(&capnp::serialize::write_message_to_words(&builder)).unwrap();
    assert!(matches!(read::<Tensor>(written.as_bytes()), Err(LensError::Tensor(_))));
    let lens = open::<Tensor>(written.as_bytes()).unwrap();
    assert!(matches!(tensor(lens.root().unwrap()), Err(LensError::Tensor(_))));
}

/// Words with many zero bytes, zero words and full words, so that every branch of packing is taken.
fn some_words(state: &mut u64, count: usize) -> Vec<u64> {
    let mut next = || {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    };
    (0..count)
        .map(|_| match next() % 4 {
            0 => 0,
            1 => next() | 0x0101_0101_0101_0101,
            2 => next() & next() & 0xff00_00ff_00ff_0000,
            _ => next(),
        })
        .collect()
}

/// The message by the library's own writers, flat and packed.
fn written_by_the_library(payload: &[u8]) -> (Words, Vec<u8>) {
    let mut builder = Builder::new(HeapAllocator::new().first_segment_words(1 << 14));
    builder.init_root::<data::envelope::Builder<'_>>().set_payload(payload);
    let mut packed = Vec::new();
    serialize_packed::write_message(&mut packed, &builder).unwrap();
    (Words::copy(&capnp::serialize::write_message_to_words(&builder)).unwrap(), packed)
}

#[test]
fn packing_agrees_with_the_librarys_own_both_ways() {
    let mut state = 0x2545_f491_4f6c_dd1d;
    println!("seed {state:#x}");
    for count in (0..40).chain([255, 256, 257, 600, 5000]) {
        let payload = Words(some_words(&mut state, count));
        let (flat, packed_there) = written_by_the_library(payload.as_bytes());
        assert_eq!(unpack(&packed_there, usize::MAX).unwrap(), flat, "{count} words");
        let packed_here = pack(&flat);
        assert_eq!(unpack(&packed_here, usize::MAX).unwrap(), flat, "{count} words");
        let read = serialize_packed::read_message(packed_here.as_slice(), ReaderOptions::new()).unwrap();
        let root = read.get_root::<data::envelope::Reader<'_>>().unwrap();
        assert_eq!(root.get_payload().unwrap(), payload.as_bytes(), "{count} words");
    }
}

#[test]
fn nothing_is_unpacked_beyond_its_bound_and_no_cut_is_taken_for_a_message() {
    let written = encode(&Envelope { payload: vec![0; 1 << 16], ..Envelope::default() }).unwrap();
    let bytes = written.as_bytes().len();
    let packed = pack(&written);
    // Nor is memory taken beyond the bound, which is no power of two.
    let unpacked = unpack(&packed, bytes + 7).unwrap();
    assert!(packed.len() < 200 && unpacked == written);
    assert!(!bytes.is_power_of_two() && unpacked.0.capacity() * WORD_BYTES <= bytes);
    assert!(matches!(unpack(&packed, bytes - 1), Err(LensError::Long { .. })));
    for cut in 0..packed.len() {
        assert!(unpack(&packed[..cut], usize::MAX).is_err(), "{cut}");
    }
    // 2 bytes stand for 2 KiB: the bound holds, however long the packed form goes on.
    assert!(matches!(unpack(&[0, 255].repeat(100_000), 1 << 20), Err(LensError::Long { .. })));
    assert!(matches!(unpack(&[0xff, 1, 2, 3], 1 << 20), Err(LensError::Packed)));
    assert!(matches!(unpack(&[0], 1 << 20), Err(LensError::Packed)));
    assert!(matches!(unpack(&[], 1 << 20), Err(LensError::Short { bytes: 0 })));
}

#[test]
fn no_changed_byte_makes_a_lens_panic() {
    let proof = crate::types::RetrievalProof { leaves: vec![Default::default(); 3], ..Default::default() };
    let slice = ContextSlice {
        question: "why?".into(),
        chunks: vec![Chunk { text: "because".into(), ..Chunk::default() }],
        labels: vec!["a".into(), "b".into()],
        retrieval_proof: proof,
        ..ContextSlice::default()
    };
    let good = encode(&slice).unwrap();
    let mut refused = 0;
    for at in 0..good.as_bytes().len() * 8 {
        let mut bad = good.clone();
        bad.0[at / 64] ^= 1 << (at % 64);
        refused += usize::from(read::<ContextSlice>(bad.as_bytes()).is_err());
    }
    assert!(refused > 500, "{refused}");
}
