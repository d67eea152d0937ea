//! Compiles the control plane's contracts in `schema/proto` without a `protoc` binary.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../schema/proto");
    let files = ["supervisor.proto", "guardian.proto", "control.proto", "egress.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    let descriptors = protox::compile(files, [root])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
