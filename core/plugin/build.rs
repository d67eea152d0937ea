//! Compiles the payloads of the plugin frames without a `protoc` binary.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../schema/proto");
    println!("cargo::rerun-if-changed={}", root.join("plugin.proto").display());
    let descriptors = protox::compile(["plugin.proto"], [root])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
