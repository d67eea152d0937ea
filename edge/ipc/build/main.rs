//! Compiles the contracts in `schema/`.
#![expect(clippy::print_stdout, reason = "that is how a build script speaks to cargo")]

mod control;
mod data;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    control::compile()?;
    data::compile()
}
