//! The data plane's types, from their compiled request, without a `capnp` binary.

use capnp::message::{Builder, ReaderOptions};
use capnp::schema_capnp::{code_generator_request, field, node};
use capnp::serialize;
use capnpc::codegen::CodeGenerationCommand;
use std::path::{Path, PathBuf};

type Done = Result<(), Box<dyn std::error::Error>>;
type Request<'a> = code_generator_request::Reader<'a>;

/// The types of today; and for the tests those that were released, those of a schema that has more fields,
/// and those of one that breaks the rule that fields stay what they are.
fn main() -> Done {
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    let (today, released) = (read("data.capnp.req")?, read("frozen/data.capnp.req")?);
    generate(&folder, vec![], &today)?;
    generate(&folder.join("frozen"), vec!["frozen".into()], &released)?;
    generate(&folder.join("evolved"), vec!["evolved".into()], &changed(&today, evolve)?)?;
    generate(&folder.join("broken"), vec!["broken".into()], &changed(&today, break_it)?)
}

fn read(request: &str) -> std::io::Result<Vec<u8>> {
    let request = Path::new("../../schema").join(request);
    println!("cargo::rerun-if-changed={}", request.display());
    std::fs::read(request)
}

fn generate(folder: &Path, module: Vec<String>, request: &[u8]) -> Done {
    std::fs::create_dir_all(folder)?;
    let mut command = CodeGenerationCommand::new();
    Ok(command.output_directory(folder).default_parent_module(module).run(request)?)
}

/// The request with each of its structs changed.
fn changed(
    request: &[u8],
    change: impl Fn(&str, node::struct_::Reader<'_>, node::struct_::Builder<'_>) -> capnp::Result<()>,
) -> capnp::Result<Vec<u8>> {
    let message = serialize::read_message(request, ReaderOptions::new())?;
    let from: Request<'_> = message.get_root()?;
    let mut builder = Builder::new_default();
    builder.set_root(from)?;
    let mut nodes = builder.get_root::<code_generator_request::Builder<'_>>()?.get_nodes()?;
    for (at, node) in (0..).zip(from.get_nodes()?) {
        if let (node::Struct(old), node::Struct(new)) = (node.which()?, nodes.reborrow().get(at).which()?) {
            change(node.get_display_name()?.to_str()?, old, new)?;
        }
    }
    Ok(serialize::write_message_to_words(&builder))
}

/// Adds a number and a text at the end of a struct, as a later schema may.
fn evolve(_: &str, old: node::struct_::Reader<'_>, mut new: node::struct_::Builder<'_>) -> capnp::Result<()> {
    let (words, pointers, fields) = (old.get_data_word_count(), old.get_pointer_count(), old.get_fields()?);
    new.set_data_word_count(words + 1);
    new.set_pointer_count(pointers + 1);
    let mut added = new.init_fields(fields.len() + 2);
    for (at, field) in (0..).zip(fields) {
        added.set_with_caveats(at, field)?;
    }
    let mut number = add(&mut added, fields.len(), "laterNumber").init_slot();
    number.set_offset(words.into());
    number.reborrow().init_type().set_uint64(());
    number.init_default_value().set_uint64(0);
    let mut text = add(&mut added, fields.len() + 1, "laterText").init_slot();
    text.set_offset(pointers.into());
    text.reborrow().init_type().set_text(());
    text.init_default_value().set_text("");
    Ok(())
}

type Fields<'a> = capnp::struct_list::Builder<'a, field::Owned>;

fn add<'a>(fields: &'a mut Fields<'_>, ordinal: u32, name: &str) -> field::Builder<'a> {
    let mut field = fields.reborrow().get(ordinal);
    field.set_name(name);
    field.set_code_order(ordinal as u16);
    field.reborrow().init_ordinal().set_explicit(ordinal as u16);
    field
}

/// Exchanges the places of two numbers of a handle, and makes a time another type of the same size.
fn break_it(name: &str, _: node::struct_::Reader<'_>, new: node::struct_::Builder<'_>) -> capnp::Result<()> {
    let mut fields = new.get_fields()?;
    for at in 0..fields.len() {
        let field = fields.reborrow().get(at);
        let (field_name, field::Slot(mut slot)) =
            (field.reborrow_as_reader().get_name()?.to_string()?, field.which()?)
        else {
            continue;
        };
        match (name.rsplit(':').next(), field_name.as_str()) {
            (Some("Handle"), "region") => slot.set_offset(2),
            (Some("Handle"), "offset") => slot.set_offset(0),
            (Some("Envelope"), "timestamp") => {
                slot.reborrow().init_type().set_float64(());
                slot.init_default_value().set_float64(0.0);
            }
            _ => {}
        }
    }
    Ok(())
}
