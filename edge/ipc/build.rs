//! The control plane's contracts, without a `protoc` binary: the types and services, the set of
//! descriptors that reflection serves, and the tables of what each method and message is held against.

use prost_types::FileDescriptorSet;
use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
};
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const FILES: [&str; 7] = [
    "common.proto",
    "supervisor.proto",
    "guardian.proto",
    "control.proto",
    "egress.proto",
    "blockchain.proto",
    "public.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../../schema/proto");
    for file in FILES {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).open_files(FILES)?;
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    fs::write(out.join("methods.rs"), methods(&compiler.descriptor_pool())?)?;
    fs::write(out.join("shapes.rs"), shapes(&compiler.descriptor_pool())?)?;

    let mut ours = compiler.include_source_info(true).include_imports(false).file_descriptor_set();
    show_both(&mut ours);
    // The shared types are made on their own, so that every service can name them by one path.
    let mut common = ours.clone();
    common.file.retain(|file| file.name() == FILES[0]);
    let shared = out.join("shared");
    fs::create_dir_all(&shared)?;
    tonic_prost_build::configure().out_dir(shared).compile_fds_with_config(common, named())?;
    tonic_prost_build::configure()
        .extern_path(".ioi.common.v1", "crate::proto::common")
        .codec_path("crate::codec::Codec")
        .compile_fds_with_config(ours, named())?;
    Ok(())
}

/// Each type knows its name, under which its shape is found.
fn named() -> prost_build::Config {
    let mut config = prost_build::Config::new();
    config.enable_type_names();
    config
}

/// In Rust both fields of a `Payload` are there, so that a message with both is seen and refused. As a
/// `oneof` the last one would win in silence. The bytes on the wire are the same.
fn show_both(set: &mut FileDescriptorSet) {
    let messages = set.file.iter_mut().flat_map(|file| &mut file.message_type);
    for message in messages.filter(|message| message.name() == "Payload") {
        message.oneof_decl.truncate(0);
        for field in &mut message.field {
            let name = format!("_{}", field.name());
            field.proto3_optional = Some(true);
            field.oneof_index = i32::try_from(message.oneof_decl.len()).ok();
            message.oneof_decl.push(prost_types::OneofDescriptorProto { name: Some(name), options: None });
        }
    }
}

/// One row for every method that says something of its bounds.
fn methods(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let mut rows = String::from("&[\n");
    for service in pool.services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let option = |name| option(pool, &method.options(), name);
            let deadline = option("deadline_ms_max").and_then(|value| value.as_u32());
            let waits = option("waits").and_then(|value| value.as_bool());
            let part = option("part").and_then(|value| value.as_str().map(str::to_owned));
            writeln!(
                rows,
                "Method {{ path: {path:?}, deadline_ms_max: {deadline:?}, waits: {}, part: {part:?} }},",
                waits.unwrap_or_default()
            )?;
        }
    }
    rows.push(']');
    Ok(rows)
}

/// Items of a repeated field whose contract says nothing.
const ITEMS_MAX: u32 = 4096;

/// One row for every message, and the number of repeated fields in all of them.
fn shapes(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let ours = |message: &MessageDescriptor| message.full_name().starts_with("ioi.");
    let messages: Vec<MessageDescriptor> = pool.all_messages().filter(ours).collect();
    let (mut rows, mut repeated) = (String::new(), 0);
    for message in &messages {
        writeln!(rows, "Shape {{ name: {:?}, fields: &[", message.full_name())?;
        let mut slots: Vec<String> = Vec::new();
        for field in message.fields() {
            let child = match field.kind() {
                Kind::Message(child) => messages.iter().position(|known| *known == child),
                _ => None,
            };
            let (name, count) = if field.is_list() || field.is_map() {
                repeated += 1;
                (field.name().to_owned(), format!("Count::Many {{ {} }}", many(pool, &field, repeated - 1)))
            } else {
                let slot = slot(message, &field);
                let at = slots.iter().position(|known| *known == slot).unwrap_or(slots.len());
                slots.extend((at == slots.len()).then(|| slot.clone()));
                (slot, format!("Count::Once {{ slot: {at} }}"))
            };
            let number = field.number();
            writeln!(
                rows,
                "Field {{ number: {number}, name: {name:?}, child: {child:?}, count: {count} }},"
            )?;
        }
        // Slots are the bits of a word.
        assert!(slots.len() <= 64, "{} has too many fields", message.full_name());
        rows.push_str("] },\n");
    }
    Ok(format!("const REPEATED: usize = {repeated};\nstatic SHAPES: &[Shape] = &[\n{rows}];\n"))
}

/// What may stand in a message once: a field, or a `oneof`; the two of a `Payload` are both seen by who reads it.
fn slot(message: &MessageDescriptor, field: &FieldDescriptor) -> String {
    let oneof = field.containing_oneof().filter(|_| message.name() != "Payload");
    oneof.map_or_else(|| field.name().to_owned(), |oneof| oneof.name().to_owned())
}

fn many(pool: &DescriptorPool, field: &FieldDescriptor, counter: usize) -> String {
    let most = option(pool, &field.options(), "items_max").and_then(|value| value.as_u32());
    let is_packed = match field.kind() {
        Kind::Message(_) | Kind::String | Kind::Bytes => false,
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => true,
        other => panic!("nobody counts {other:?} in one piece"),
    };
    format!("counter: {counter}, most: {}, is_packed: {is_packed}", most.unwrap_or(ITEMS_MAX))
}

fn option(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(&format!("ioi.common.v1.{name}"))?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}
