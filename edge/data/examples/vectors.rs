//! Writes the golden vectors of `schema/vectors/data`: `cargo xtask generate --vectors`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool of the repository")]

#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
mod evolved {
    pub mod data_capnp {
        include!(concat!(env!("OUT_DIR"), "/evolved/data_capnp.rs"));
    }
}
#[path = "../tests/it/hostile.rs"]
mod hostile;
#[path = "../tests/it/later.rs"]
mod later;
#[path = "../tests/it/values.rs"]
mod values;

use capnp::dynamic_value::Reader;
use capnp::message::Builder;
use capnp::traits::Owned;
use ioi_data::types::*;
use ioi_data::{lens, types};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("the folder to write into"));
    let bad = folder.join("bad");
    fs::create_dir_all(&bad).unwrap();
    macro_rules! put_capnp {
        ($file:literal, $name:ident, $words:expr) => {
            let words = $words;
            put(&folder.join(concat!($file, ".bin")), words.as_bytes());
            put(&folder.join(concat!($file, ".packed")), &lens::pack(&words));
            let lens = lens::open::<$name>(words.as_bytes()).unwrap();
            let (identity, root) = ($name::CAPNP, show(lens.root().unwrap().into()));
            describe(&folder.join(concat!($file, ".json")), $name::NAME, identity, root);
        };
    }
    macro_rules! write {
        ($file:literal, $name:ident, $value:expr) => {
            put_capnp!($file, $name, lens::encode(&$value).unwrap());
            put(&folder.join(concat!($file, ".rkyv")), &types::encode(&$value).unwrap());
        };
    }
    macro_rules! write_canonical {
        ($file:literal, $name:ident, $value:expr) => {
            put_capnp!($file, $name, canonical(&$value));
        };
    }
    macro_rules! write_later {
        ($file:literal, $module:ident, $name:ident, $value:expr) => {
            let words = later::<evolved::data_capnp::$module::Owned, _>(&$value);
            put(&folder.join(concat!("later-", $file, ".bin")), words.as_bytes());
        };
    }
    for_each_vector!(write);
    for_each_module!(write_later);
    for_each_canonical!(write_canonical);
    let mut index = Vec::new();
    for case in hostile::all() {
        put(&bad.join(format!("{}.bin", case.name)), &case.bytes);
        index.push(json!({"file": format!("{}.bin", case.name), "type": case.type_name, "says": case.says}));
    }
    put(&bad.join("index.json"), (serde_json::to_string_pretty(&index).unwrap() + "\n").as_bytes());
}

/// As a schema that has more fields in every struct writes it.
fn later<T: Owned, M: Message>(value: &M) -> lens::Words
where
    for<'a> T::Builder<'a>: Into<capnp::dynamic_value::Builder<'a>>,
    for<'a> <M::Owned as Owned>::Reader<'a>: Into<Reader<'a>>,
{
    let words = lens::encode(value).unwrap();
    let lens = lens::open::<M>(words.as_bytes()).unwrap();
    let from: Reader<'_> = lens.root().unwrap().into();
    let mut builder = Builder::new_default();
    let to: capnp::dynamic_value::Builder<'_> = builder.init_root::<T::Builder<'_>>().into();
    later::copy(from.downcast(), to.downcast());
    later::flat(builder)
}

fn canonical<T: Message>(value: &T) -> lens::Words {
    let mut builder = Builder::new_default();
    value.write(builder.init_root::<<T::Owned as Owned>::Builder<'_>>()).unwrap();
    let words = builder.into_reader().canonicalize().unwrap();
    let head = (words.len() as u64) << 32;
    lens::Words::copy(&[&head.to_le_bytes(), capnp::Word::words_to_bytes(&words)].concat()).unwrap()
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    println!("{}: {} bytes", path.display(), bytes.len());
}

fn describe(path: &Path, name: &str, identity: Identity, value: Value) {
    let described = json!({
        "type": name,
        "typeId": identity.type_id,
        "schemaHash": hex(&identity.schema_hash),
        "value": value,
    });
    put(path, (serde_json::to_string_pretty(&described).unwrap() + "\n").as_bytes());
}

/// By the schema that the generated code carries, so that no field can be forgotten.
fn show(value: Reader<'_>) -> Value {
    match value {
        Reader::Bool(value) => json!(value),
        Reader::UInt8(value) => json!(value),
        Reader::UInt16(value) => json!(value),
        Reader::UInt32(value) => json!(value),
        // Not every language's numbers hold 64 bits.
        Reader::UInt64(value) => json!(value.to_string()),
        Reader::Float32(value) => json!(value),
        Reader::Enum(value) => {
            json!(value.get_enumerant().unwrap().unwrap().get_proto().get_name().unwrap().to_str().unwrap())
        }
        Reader::Text(value) => json!(value.to_str().unwrap()),
        Reader::Data(value) => json!(hex(value)),
        Reader::List(list) => (0..list.len()).map(|at| show(list.get(at).unwrap())).collect(),
        Reader::Struct(from) => {
            let fields = from.get_schema().get_fields().unwrap();
            let member = |field: capnp::schema::Field| {
                let name = field.get_proto().get_name().unwrap().to_string().unwrap();
                (name, show(from.get(field).unwrap()))
            };
            Value::Object(fields.iter().map(member).collect::<Map<_, _>>())
        }
        _ => panic!("no type has such a field"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
