//! The golden vectors hold exactly the values of `values.rs`, in both families.

use crate::{for_each_vector, values};
use ioi_ipc::types::*;
use ioi_ipc::{lens, types};
use rkyv::rancor::Error as RkyvError;
use rkyv::util::AlignedVec;
use std::path::Path;

fn read(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/vectors/data").join(file);
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
fn each_rkyv_vector_is_viewed_as_its_value_and_its_layout_has_not_changed() {
    macro_rules! check {
        ($file:literal, $name:ident, $value:expr) => {
            let mut bytes = AlignedVec::<16>::new();
            bytes.extend_from_slice(&read(concat!($file, ".rkyv")));
            let archived = types::view::<$name>(&bytes).unwrap();
            assert_eq!(rkyv::deserialize::<$name, RkyvError>(archived).unwrap(), $value, $file);
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
    (ids.sort_unstable(), ids.dedup());
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
