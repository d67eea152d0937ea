//! The control plane's contracts, without a `protoc` binary: the types and services, the set of
//! descriptors that reflection serves, and the table of what each method is held against.

use prost_types::FileDescriptorSet;
use protox::prost_reflect::{DescriptorPool, MethodDescriptor};
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

    let mut ours = compiler.include_source_info(true).include_imports(false).file_descriptor_set();
    show_both(&mut ours);
    // The shared types are made on their own, so that every service can name them by one path.
    let mut common = ours.clone();
    common.file.retain(|file| file.name() == FILES[0]);
    let shared = out.join("shared");
    fs::create_dir_all(&shared)?;
    tonic_prost_build::configure().out_dir(shared).compile_fds(common)?;
    tonic_prost_build::configure()
        .extern_path(".ioi.common.v1", "crate::proto::common")
        .codec_path("crate::codec::Codec")
        .compile_fds(ours)?;
    Ok(())
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
            let deadline = option(pool, &method, "deadline_ms_max").and_then(|value| value.as_u32());
            let waits = option(pool, &method, "waits").and_then(|value| value.as_bool());
            let part = option(pool, &method, "part").and_then(|value| value.as_str().map(str::to_owned));
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

fn option(
    pool: &DescriptorPool,
    method: &MethodDescriptor,
    name: &str,
) -> Option<protox::prost_reflect::Value> {
    let extension = pool.get_extension_by_name(&format!("ioi.common.v1.{name}"))?;
    let options = method.options();
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}
