//! A walk through all of a message in C, for each type: what can be refused is refused before the
//! first field is used.

use super::lens_c::list;
use super::name::snake;
use super::schema::{Field, Schema, Struct, Type};
use anyhow::Result;
use std::fmt::Write;

pub(crate) const PATH: &str = "sdk/c/include/ioi_validate.h";

const HEAD: &str = "\
// Generated from schema/data.capnp by `cargo xtask generate`.
// Reads all of a message once: pointers, texts, enums, lengths, the data of tensors. One in which
// anything is reached twice is refused too. After it, every accessor of that type gives what the message
// says, for as long as the bytes stay as they are.
#ifndef IOI_VALIDATE_H
#define IOI_VALIDATE_H

#include \"ioi_tensor.h\"
";

/// These are looked at together, each of them once.
const TENSOR_CHECKS: &[&str] = &["elementType", "shape", "data"];

/// The whole file.
pub(crate) fn write(schema: &Schema) -> Result<String> {
    let mut text = HEAD.to_owned();
    for found in &schema.enums {
        let (name, count) = (snake(&found.name), found.enumerants.len());
        writeln!(text, "\n// Whether the schema has a name for it.")?;
        writeln!(
            text,
            "static inline bool ioi_is_{name}(uint16_t value) {{\n    return value < {count};\n}}"
        )?;
    }
    writeln!(
        text,
        "\n// What the functions below are made of: walks through one value, out of a message's budget."
    )?;
    for found in &schema.structs {
        let name = snake(&found.name);
        writeln!(text, "static inline ioi_error ioi_walk_{name}(ioi_{name} from);")?;
    }
    for found in &schema.structs {
        write_walk(&mut text, schema, found)?;
    }
    for found in &schema.structs {
        write_validate(&mut text, found)?;
    }
    Ok(text + "\n#endif\n")
}

fn write_walk(text: &mut String, schema: &Schema, found: &Struct) -> Result<()> {
    let name = snake(&found.name);
    let is_tensor = found.name == "Tensor";
    let mut body = String::new();
    if is_tensor {
        body += &refused_when("        ", "error = ioi_tensor_checked(from, &value)");
        body = format!("    {{\n        ioi_bytes value;\n{body}    }}\n");
    }
    for field in &found.fields {
        if !(is_tensor && TENSOR_CHECKS.contains(&field.name.as_str())) {
            body += &walk_field(schema, &name, field)?;
        }
    }
    writeln!(text, "\nstatic inline ioi_error ioi_walk_{name}(ioi_{name} from) {{")?;
    if body.contains("error") {
        writeln!(text, "    ioi_error error;")?;
    }
    if body.is_empty() {
        body += "    (void)from;\n";
    }
    writeln!(text, "{body}    return IOI_OK;\n}}")?;
    Ok(())
}

fn write_validate(text: &mut String, found: &Struct) -> Result<()> {
    let name = snake(&found.name);
    writeln!(text, "\n// Refuses a message of the type {} in which anything is wrong.", found.name)?;
    writeln!(text, "static inline ioi_error ioi_validate_{name}(const void *bytes, size_t count) {{")?;
    writeln!(text, "    ioi_message message;\n    ioi_{name} root;")?;
    writeln!(text, "    ioi_error error = ioi_message_open(&message, bytes, count);")?;
    writeln!(text, "    message.budget = message.count;")?;
    writeln!(text, "    error = error ? error : ioi_root_{name}(&message, &root);")?;
    writeln!(text, "    return error ? error : ioi_walk_{name}(root);\n}}")?;
    Ok(())
}

/// What looks at one field; nothing where no number can be wrong.
fn walk_field(schema: &Schema, owner: &str, field: &Field) -> Result<String> {
    let accessor = format!("ioi_{owner}_{}", snake(&field.name));
    let (kind, walk) = match &field.kind {
        Type::Bool | Type::Integer(..) | Type::Float(_) => return Ok(String::new()),
        Type::Enum(id) => {
            let name = snake(&schema.find_enum(*id)?.name);
            return Ok(format!(
                "    if (!ioi_is_{name}({accessor}(from))) {{\n        return IOI_ENUM;\n    }}\n"
            ));
        }
        Type::Text | Type::Data => ("ioi_bytes".to_owned(), String::new()),
        Type::Struct(id) => {
            let name = snake(&schema.find_struct(*id)?.name);
            (format!("ioi_{name}"), format!("ioi_walk_{name}(value)"))
        }
        Type::List(element) => {
            let (kind, _) = list(schema, field, element)?;
            return walk_list(schema, &accessor, &kind, element);
        }
    };
    let check = refused_when("        ", &both(&format!("error = {accessor}(from, &value)"), &walk));
    Ok(format!("    {{\n        {kind} value;\n{check}    }}\n"))
}

fn walk_list(schema: &Schema, accessor: &str, kind: &str, element: &Type) -> Result<String> {
    let (value, walk) = match element {
        Type::Text | Type::Data => ("ioi_bytes".to_owned(), String::new()),
        Type::Struct(id) => {
            let name = snake(&schema.find_struct(*id)?.name);
            (format!("ioi_{name}"), format!("ioi_walk_{name}(value)"))
        }
        // Any number is one.
        _ => (String::new(), String::new()),
    };
    let mut text = format!("    {{\n        {kind} list;\n");
    text += &refused_when("        ", &format!("error = {accessor}(from, &list)"));
    if !value.is_empty() {
        writeln!(
            text,
            "        for (uint32_t at = 0; at < list.inner.count; at++) {{\n            {value} value;"
        )?;
        let get = format!("error = {kind}_get(list, at, &value)");
        text += &refused_when("            ", &both(&get, &walk));
        text += "        }\n";
    }
    Ok(text + "    }\n")
}

/// An assignment, and one more if there is another call.
fn both(first: &str, then: &str) -> String {
    if then.is_empty() { first.to_owned() } else { format!("({first}) || (error = {then})") }
}

fn refused_when(indent: &str, condition: &str) -> String {
    let condition = if condition.starts_with('(') { condition.to_owned() } else { format!("({condition})") };
    format!("{indent}if ({condition}) {{\n{indent}    return error;\n{indent}}}\n")
}
