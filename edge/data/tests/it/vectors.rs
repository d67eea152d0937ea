//! The golden vectors hold exactly the values of `values.rs`, in both families.

use crate::{for_each_canonical, for_each_vector, values};
use ioi_data::types::*;
use ioi_data::{lens, types};
use rkyv::util::AlignedVec;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/vectors/data")
}

fn read(file: &str) -> Vec<u8> {
    let path = folder().join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_capnp_vector_reads_as_its_value_in_place_and_packed() {
    macro_rules! check {
        ($file:literal, $name:ident, $value:expr) => {
            let words = lens::Words::copy(&read(concat!($file, ".bin"))).unwrap();
            assert_eq!(lens::read::<$name>(words.as_bytes()).unwrap(), $value, $file);
            let packed = read(concat!($file, ".packed"));
            assert_eq!(lens::unpack(&packed, 1 << 16).unwrap(), words, $file);
            assert_eq!(lens::encode(&$value).unwrap(), words, "{}: writing has changed", $file);
        };
    }
    for_each_vector!(check);
}

#[test]
fn a_message_in_canonical_form_reads_as_its_value() {
    macro_rules! check {
        ($file:literal, $name:ident, $value:expr) => {
            let words = lens::Words::copy(&read(concat!($file, ".bin"))).unwrap();
            assert_eq!(lens::read::<$name>(words.as_bytes()).unwrap(), $value, $file);
            assert_ne!(lens::encode(&$value).unwrap(), words, "{}: it is not shorter", $file);
        };
    }
    for_each_canonical!(check);
}

/// The same values, written by another language: `go-handle.bin` and so on. Each is there: one that is
/// missing would be one that nobody reads.
fn written_by(language: &str) {
    macro_rules! check {
        ($file:literal, $name:ident, $value:expr) => {
            let file = format!("{language}-{}.bin", $file);
            let words = lens::Words::copy(&read(&file)).unwrap();
            let read = lens::read::<$name>(words.as_bytes());
            assert_eq!(read.unwrap_or_else(|error| panic!("{file}: {error}")), $value);
        };
    }
    for_each_vector!(check);
}

#[test]
fn what_go_has_written_reads_as_its_value() {
    written_by("go");
}

#[test]
fn what_python_has_written_reads_as_its_value() {
    written_by("python");
}

#[test]
fn what_a_later_schema_has_written_reads_as_its_value() {
    written_by("later");
}

#[test]
fn what_typescript_has_written_reads_as_its_value() {
    written_by("typescript");
}

/// Neither must a list of structs that hold nothing be taken for an attempt to stand for more than it is.
#[test]
fn what_is_written_can_be_read_however_empty_it_is_and_is_as_long_as_it_was_said_to_be() {
    macro_rules! check {
        ($file:literal, $name:ident, $value:expr) => {
            let written = lens::encode(&$value).unwrap();
            let words = written.as_bytes().len() / 8 - 2;
            // A list of nothing may be written as none.
            assert!(words <= $value.words() && $value.words() <= words + 8, "{}", $file);
        };
    }
    for_each_vector!(check);
    let empty = ContextSlice {
        chunks: vec![Chunk::default(); 1000],
        labels: vec![String::new(); 1000],
        ..ContextSlice::default()
    };
    let written = lens::encode(&empty).unwrap();
    assert_eq!(lens::read::<ContextSlice>(written.as_bytes()).unwrap(), empty);
    let large = Envelope { payload: vec![1; 3 << 20], ..values::envelope() };
    let written = lens::encode(&large).unwrap();
    assert_eq!(lens::read::<Envelope>(written.as_bytes()).unwrap(), large);
}

#[test]
fn each_rkyv_vector_is_viewed_as_its_value_and_its_layout_has_not_changed() {
    macro_rules! check {
        ($file:literal, $name:ident, $value:expr) => {
            let mut bytes = AlignedVec::<16>::new();
            bytes.extend_from_slice(&read(concat!($file, ".rkyv")));
            assert_eq!(types::read::<$name>(&bytes).unwrap(), $value, $file);
            let written = types::encode(&$value).unwrap();
            assert_eq!(written.as_slice(), bytes.as_slice(), "{}: the layout has changed", $file);
        };
    }
    for_each_vector!(check);
}

#[test]
fn every_type_has_ids_of_its_own_and_the_schema_has_no_type_without_a_vector() {
    let mut ids = vec![0];
    let mut names = Vec::new();
    macro_rules! collect {
        ($file:literal, $name:ident, $value:expr) => {
            if !names.contains(&$name::NAME) {
                names.push($name::NAME);
                ids.extend([$name::RKYV.type_id, $name::CAPNP.type_id]);
            }
        };
    }
    for_each_vector!(collect);
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "two types share an id");
    let schema =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/data.capnp"));
    let schema = schema.unwrap();
    let structs = schema.lines().filter_map(|line| line.strip_prefix("struct ")?.split(' ').next());
    for name in structs {
        assert!(names.contains(&name), "{name} has no vector");
    }
}

#[test]
fn what_is_handed_out_in_place_lies_in_the_message() {
    let written = lens::encode(&values::agent_context()).unwrap();
    let own = written.as_bytes().as_ptr_range();
    let lens = lens::open::<AgentContext>(written.as_bytes()).unwrap();
    let embeddings = lens.root().unwrap().get_embeddings().unwrap();
    let tensor = lens::tensor(embeddings.get(0)).unwrap();
    let elements = tensor.elements::<f32>().unwrap();
    assert_eq!(elements, [0.0, -1.5, 0.75, f32::MAX, f32::MIN_POSITIVE, 3.0]);
    let place = tensor.bytes().as_ptr_range();
    assert!(
        own.start <= place.start && place.end <= own.end && elements.as_ptr().addr() == place.start.addr()
    );
    assert_eq!(tensor.elements::<u32>(), Err(TensorError::Element));

    let archived = types::encode(&values::agent_context()).unwrap();
    let view = types::view::<AgentContext>(&archived).unwrap();
    let place = view.embeddings[0].view().unwrap().elements::<f32>().unwrap().as_ptr_range();
    let own = archived.as_ptr_range();
    assert!(own.start.addr() <= place.start.addr() && place.end.addr() <= own.end.addr());
    assert!(place.start.addr().is_multiple_of(16), "a tensor's data are aligned");
}
