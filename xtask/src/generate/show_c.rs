//! What the C test prints of a message: the JSON of the golden vectors, by the C accessors alone.

use super::name::{screaming, snake};
use super::schema::{Field, Schema, Struct, Type};
use anyhow::{Result, bail};
use std::fmt::Write;

pub(crate) const PATH: &str = "sdk/c/tests/show_data.h";

const HEAD: &str = "\
// Generated from schema/data.capnp by `cargo xtask generate`.
// Each type as the JSON of the golden vectors, by its accessors.
#ifndef IOI_SHOW_DATA_H
#define IOI_SHOW_DATA_H

#include \"ioi_validate.h\"
#include \"show.h\"
";

/// The whole file. Types come before those that hold them.
pub(crate) fn write(schema: &Schema) -> Result<String> {
    let mut text = HEAD.to_owned();
    for found in &schema.enums {
        let name = snake(&found.name);
        writeln!(
            text,
            "\nstatic ioi_error show_{name}(show *out, uint16_t value) {{\n    switch (value) {{"
        )?;
        for enumerant in &found.enumerants {
            let constant = format!("IOI_{}_{}", screaming(&found.name), screaming(enumerant));
            writeln!(
                text,
                "    case {constant}:\n        return show_literal(out, \"\\\"{enumerant}\\\"\");"
            )?;
        }
        writeln!(text, "    default:\n        return IOI_ENUM;\n    }}\n}}")?;
    }
    writeln!(text)?;
    for found in &schema.structs {
        let name = snake(&found.name);
        writeln!(text, "static ioi_error show_{name}(show *out, ioi_{name} from);")?;
    }
    for found in &schema.structs {
        write_struct(&mut text, schema, found)?;
    }
    writeln!(text, "\n// Opens the message as the type of this name and shows all of it.")?;
    writeln!(text, "static ioi_error show_root(show *out, const char *type, ioi_message *message) {{")?;
    for found in &schema.structs {
        let name = snake(&found.name);
        writeln!(text, "    if (strcmp(type, \"{}\") == 0) {{\n        ioi_{name} root;", found.name)?;
        writeln!(text, "        ioi_error error = ioi_root_{name}(message, &root);")?;
        writeln!(text, "        return error ? error : show_{name}(out, root);\n    }}")?;
    }
    writeln!(text, "    return IOI_ENUM;\n}}")?;
    write_validate_root(&mut text, schema)?;
    Ok(text + "\n#endif\n")
}

fn write_validate_root(text: &mut String, schema: &Schema) -> Result<()> {
    writeln!(text, "\n// Validates a message of the type of this name.")?;
    writeln!(text, "static ioi_error validate_root(const char *type, const void *bytes, size_t count) {{")?;
    for found in &schema.structs {
        let name = snake(&found.name);
        writeln!(text, "    if (strcmp(type, \"{}\") == 0) {{", found.name)?;
        writeln!(text, "        return ioi_validate_{name}(bytes, count);\n    }}")?;
    }
    writeln!(text, "    return IOI_ENUM;\n}}")?;
    Ok(())
}

fn write_struct(text: &mut String, schema: &Schema, found: &Struct) -> Result<()> {
    let name = snake(&found.name);
    writeln!(text, "\nstatic ioi_error show_{name}(show *out, ioi_{name} from) {{\n    ioi_error error;")?;
    if name == "tensor" {
        writeln!(
            text,
            "    ioi_bytes checked;\n    if ((error = ioi_tensor_checked(from, &checked))) {{\n        return error;\n    }}"
        )?;
    }
    let mut fields: Vec<_> = found.fields.iter().collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    for (at, field) in fields.iter().enumerate() {
        let opening = if at == 0 { '{' } else { ',' };
        writeln!(text, "    show_member(out, '{opening}', \"{}\");", field.name)?;
        write_field(text, schema, &name, field)?;
    }
    writeln!(text, "    show_end(out, '}}');\n    return IOI_OK;\n}}")?;
    Ok(())
}

fn write_field(text: &mut String, schema: &Schema, owner: &str, field: &Field) -> Result<()> {
    let name = snake(&field.name);
    let accessor = format!("ioi_{owner}_{name}");
    let (kind, show) = match &field.kind {
        Type::Integer(8, _) => return by_value(text, "show_u64", &accessor),
        Type::Integer(..) => return by_value(text, "show_u32", &accessor),
        Type::Float(4) => return by_value(text, "show_f32", &accessor),
        Type::Enum(id) => {
            return by_value(text, &format!("show_{}", snake(&schema.find_enum(*id)?.name)), &accessor);
        }
        Type::Text => ("ioi_bytes".into(), "show_text(out, value)".into()),
        Type::Data => ("ioi_bytes".into(), "show_bytes(out, value)".into()),
        Type::Struct(id) => {
            let inner = snake(&schema.find_struct(*id)?.name);
            (format!("ioi_{inner}"), format!("show_{inner}(out, value)"))
        }
        Type::List(element) => return write_list(text, schema, field, element, &accessor),
        other => bail!("{}: the C test shows no {other:?}", field.name),
    };
    writeln!(text, "    {{\n        {kind} value;")?;
    writeln!(
        text,
        "        if ((error = {accessor}(from, &value)) || (error = {show})) {{\n            return error;"
    )?;
    writeln!(text, "        }}\n    }}")?;
    Ok(())
}

fn by_value(text: &mut String, show: &str, accessor: &str) -> Result<()> {
    writeln!(text, "    if ((error = {show}(out, {accessor}(from)))) {{\n        return error;\n    }}")?;
    Ok(())
}

fn write_list(
    text: &mut String,
    schema: &Schema,
    field: &Field,
    element: &Type,
    accessor: &str,
) -> Result<()> {
    let (list, value, show) = match element {
        Type::Integer(4, false) => ("u32".to_owned(), "uint32_t".to_owned(), "show_u32".to_owned()),
        Type::Integer(8, false) => ("u64".into(), "uint64_t".into(), "show_u64".into()),
        Type::Text => ("text".into(), "ioi_bytes".into(), "show_text".into()),
        Type::Data if field.exactly.is_some() => ("digest".into(), "ioi_bytes".into(), "show_bytes".into()),
        Type::Data => ("data".into(), "ioi_bytes".into(), "show_bytes".into()),
        Type::Struct(id) => {
            let name = snake(&schema.find_struct(*id)?.name);
            (name.clone(), format!("ioi_{name}"), format!("show_{name}"))
        }
        other => bail!("{}: the C test shows no list of {other:?}", field.name),
    };
    writeln!(text, "    {{\n        ioi_{list}_list list;\n        {value} value;")?;
    writeln!(
        text,
        "        if ((error = {accessor}(from, &list))) {{\n            return error;\n        }}"
    )?;
    writeln!(text, "        for (uint32_t at = 0; at < list.inner.count; at++) {{")?;
    writeln!(text, "            show_element(out, at == 0 ? '[' : ',');")?;
    writeln!(
        text,
        "            if ((error = ioi_{list}_list_get(list, at, &value)) || (error = {show}(out, value))) {{"
    )?;
    writeln!(text, "                return error;\n            }}\n        }}")?;
    writeln!(text, "        show_list_end(out, list.inner.count);\n    }}")?;
    Ok(())
}
