//! Generates the code of the two peers that have a schema. Neither `protoc` nor `capnp` is needed:
//! `schema/peer.request` is what `capnp compile -I STD -o- --src-prefix=schema schema/peer.capnp` prints,
//! STD being the folder that holds Cap'n Proto's own `capnp/stream.capnp`.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=schema");
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    let request = std::fs::File::open("schema/peer.request")?;
    let mut capnp = capnpc::codegen::CodeGenerationCommand::new();
    let module = ["transports", "capnp_rpc"].map(str::to_owned).to_vec();
    capnp.output_directory(&folder).default_parent_module(module).run(request)?;
    let files = protox::compile(["peer.proto"], ["schema"])?;
    tonic_prost_build::configure().bytes(".").compile_fds(files)?;
    Ok(())
}
