//! Compiles the contracts in `schema/`.

mod control;
mod data;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    control::compile()?;
    data::compile()
}
