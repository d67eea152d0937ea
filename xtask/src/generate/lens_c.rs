//! C accessors of the Cap'n Proto types: names and numbers over the reader in `ioi_lens.h`.

use super::name::{screaming, snake};
use super::schema::{Field, Schema, Struct, Type};
use anyhow::{Result, bail};
use std::fmt::Write;

pub(crate) const PATH: &str = "sdk/c/include/ioi_data.h";

const HEAD: &str = "\
// Generated from schema/data.capnp by `cargo xtask generate`.
// Accessors of the data plane's types. Everything is read in place: a text, data or list that an
// accessor gives out lies in the message.
#ifndef IOI_DATA_H
#define IOI_DATA_H

#include \"ioi_lens.h\"
";

/// The whole file.
pub(crate) fn write(schema: &Schema) -> Result<String> {
    let mut text = HEAD.to_owned();
    for found in &schema.enums {
        text.push('\n');
        comment(&mut text, &found.docs)?;
        for (value, enumerant) in found.enumerants.iter().enumerate() {
            let (name, enumerant) = (screaming(&found.name), screaming(enumerant));
            writeln!(text, "#define IOI_{name}_{enumerant} UINT16_C({value})")?;
        }
    }
    // All types first, since accessors name types that may come later.
    for found in &schema.structs {
        let name = snake(&found.name);
        text.push('\n');
        comment(&mut text, &found.docs)?;
        writeln!(text, "typedef struct ioi_{name} {{\n    ioi_struct inner;\n}} ioi_{name};")?;
        writeln!(text, "typedef struct ioi_{name}_list {{\n    ioi_list inner;\n}} ioi_{name}_list;")?;
    }
    for found in &schema.structs {
        write_struct(&mut text, schema, found)?;
    }
    Ok(text + "\n#endif\n")
}

fn comment(text: &mut String, docs: &str) -> Result<()> {
    for line in docs.lines() {
        writeln!(text, "// {line}")?;
    }
    Ok(())
}

fn write_struct(text: &mut String, schema: &Schema, found: &Struct) -> Result<()> {
    let name = snake(&found.name);
    writeln!(text, "\n// The root of a message of the type {}.", found.name)?;
    writeln!(text, "static inline ioi_error ioi_root_{name}(ioi_message *message, ioi_{name} *out) {{")?;
    writeln!(text, "    return ioi_message_root(message, &out->inner);\n}}")?;
    writeln!(
        text,
        "\nstatic inline ioi_error ioi_{name}_list_get(ioi_{name}_list from, uint32_t at, ioi_{name} *out) {{"
    )?;
    writeln!(text, "    return ioi_list_struct(&from.inner, at, &out->inner);\n}}")?;
    for field in &found.fields {
        text.push('\n');
        comment(text, &field.docs)?;
        write_accessor(text, schema, &name, field)?;
    }
    Ok(())
}

fn write_accessor(text: &mut String, schema: &Schema, owner: &str, field: &Field) -> Result<()> {
    let (name, slot) = (snake(&field.name), field.slot);
    let value = |kind: &str, call: String| {
        format!("static inline {kind} ioi_{owner}_{name}(ioi_{owner} from) {{\n    return {call};\n}}\n")
    };
    let pointer = |kind: &str, call: String| {
        format!(
            "static inline ioi_error ioi_{owner}_{name}(ioi_{owner} from, {kind} *out) {{\n    return {call};\n}}\n"
        )
    };
    let exactly = field.exactly.unwrap_or_default();
    text.push_str(&match &field.kind {
        Type::Bool => value("bool", format!("ioi_struct_bool(&from.inner, {slot})")),
        Type::Integer(bytes, is_signed) => {
            let kind = format!("{}int{}_t", if *is_signed { "" } else { "u" }, bytes * 8);
            let cast = if *is_signed { format!("({kind})") } else { String::new() };
            value(&kind, format!("{cast}ioi_struct_u{}(&from.inner, {slot})", bytes * 8))
        }
        Type::Float(bytes) => {
            let kind = if *bytes == 4 { "float" } else { "double" };
            value(kind, format!("ioi_struct_f{}(&from.inner, {slot})", bytes * 8))
        }
        Type::Enum(_) => value("uint16_t", format!("ioi_struct_u16(&from.inner, {slot})")),
        Type::Text => pointer("ioi_bytes", format!("ioi_struct_text(&from.inner, {slot}, out)")),
        Type::Data if exactly > 0 => {
            pointer("ioi_bytes", format!("ioi_struct_exact(&from.inner, {slot}, {exactly}, out)"))
        }
        Type::Data => pointer("ioi_bytes", format!("ioi_struct_data(&from.inner, {slot}, out)")),
        Type::Struct(id) => {
            let kind = format!("ioi_{}", snake(&schema.find_struct(*id)?.name));
            pointer(&kind, format!("ioi_struct_struct(&from.inner, {slot}, &out->inner)"))
        }
        Type::List(element) => {
            let (kind, element) = list(schema, field, element)?;
            pointer(&kind, format!("ioi_struct_list(&from.inner, {slot}, {element}, &out->inner)"))
        }
    });
    Ok(())
}

/// The C type of a list and what its elements must be.
pub(super) fn list(schema: &Schema, field: &Field, element: &Type) -> Result<(String, &'static str)> {
    Ok(match element {
        Type::Integer(4, false) => ("ioi_u32_list".into(), "IOI_ELEMENT_FOUR_BYTES"),
        Type::Integer(8, false) => ("ioi_u64_list".into(), "IOI_ELEMENT_EIGHT_BYTES"),
        Type::Text => ("ioi_text_list".into(), "IOI_ELEMENT_POINTER"),
        Type::Data if field.exactly == Some(32) => ("ioi_digest_list".into(), "IOI_ELEMENT_POINTER"),
        Type::Data if field.exactly.is_none() => ("ioi_data_list".into(), "IOI_ELEMENT_POINTER"),
        Type::Struct(id) => {
            (format!("ioi_{}_list", snake(&schema.find_struct(*id)?.name)), "IOI_ELEMENT_STRUCT")
        }
        other => bail!("{}: the C reader has no list of {other:?}", field.name),
    })
}
