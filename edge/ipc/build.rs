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

/// The types of today, and those that were released, which a test reads the same messages with.
fn compile_data() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    let schemas = Path::new("../../schema");
    for (request, folder, module) in [
        ("data.capnp.req", folder.clone(), vec![]),
        ("frozen/data.capnp.req", folder.join("frozen"), vec!["frozen".to_owned()]),
    ] {
        let request = schemas.join(request);
        println!("cargo::rerun-if-changed={}", request.display());
        std::fs::create_dir_all(&folder)?;
        let mut command = CodeGenerationCommand::new();
        command.output_directory(folder).default_parent_module(module).run(File::open(request)?)?;
    }
    Ok(())
}
