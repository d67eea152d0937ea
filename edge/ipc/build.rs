//! Compiles the contracts in `schema/`: the control plane's without a `protoc` binary, the data
//! plane's, from its compiled request, without a `capnp` binary.

use capnpc::codegen::CodeGenerationCommand;
use std::fs::File;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    compile_control()?;
    compile_data()
}

fn compile_control() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../schema/proto");
    let files = ["supervisor.proto", "guardian.proto", "control.proto", "egress.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    let descriptors = protox::compile(files, [root])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}

fn compile_data() -> Result<(), Box<dyn std::error::Error>> {
    let request = Path::new("../../schema/data.capnp.req");
    println!("cargo::rerun-if-changed={}", request.display());
    let folder = std::env::var("OUT_DIR")?;
    CodeGenerationCommand::new().output_directory(folder).run(File::open(request)?)?;
    Ok(())
}
