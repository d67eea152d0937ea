//! Every hostile message is refused by name.

use crate::hostile;
use ioi_data::lens::{self, LensError};
use ioi_data::types::{AgentContext, ContextSlice, Envelope, Tensor};
use std::path::Path;

/// Bytes that start at a multiple of 8, whatever their number.
fn in_place(bytes: &[u8]) -> lens::Words {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(8), 0);
    lens::Words::copy(&padded).unwrap()
}

/// Reads all of it as the type of this name.
fn read_as(type_name: &str, bytes: &[u8]) -> Result<(), LensError> {
    let room = in_place(bytes);
    let bytes = &room.as_bytes()[..bytes.len()];
    match type_name {
        "Envelope" => lens::read::<Envelope>(bytes).map(drop),
        "Tensor" => lens::read::<Tensor>(bytes).map(drop),
        "AgentContext" => lens::read::<AgentContext>(bytes).map(drop),
        "ContextSlice" => lens::read::<ContextSlice>(bytes).map(drop),
        other => panic!("no case reads a {other}"),
    }
}

#[test]
fn every_hostile_message_is_refused_and_the_error_says_why() {
    for case in hostile::all() {
        let error = read_as(case.type_name, &case.bytes).expect_err(case.name).to_string();
        assert!(error.contains(case.says), "{}: {error}", case.name);
    }
}

#[test]
fn the_hostile_messages_that_other_languages_read_are_these() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/vectors/data/bad");
    let mut names: Vec<_> = hostile::all().iter().map(|case| format!("{}.bin", case.name)).collect();
    for case in hostile::all() {
        assert_eq!(
            std::fs::read(folder.join(format!("{}.bin", case.name))).unwrap(),
            case.bytes,
            "{}",
            case.name
        );
    }
    let found =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<_> = found.filter(|name| name.ends_with(".bin")).collect();
    names.sort();
    found.sort();
    assert_eq!(names, found);
}

#[test]
fn a_message_is_opened_only_at_a_multiple_of_eight() {
    let written = lens::encode(&Envelope::default()).unwrap();
    let shifted = [&[0; 1], written.as_bytes()].concat();
    for beyond in 1..8 {
        let room = in_place(&[&vec![0; beyond][..], written.as_bytes()].concat());
        let bytes = &room.as_bytes()[beyond..beyond + written.as_bytes().len()];
        let error = lens::open::<Envelope>(bytes).map(drop).unwrap_err().to_string();
        assert!(error.starts_with("lens.unaligned"), "{error}");
    }
    assert!(lens::read::<Envelope>(in_place(&shifted[1..]).as_bytes()).is_ok());
}
