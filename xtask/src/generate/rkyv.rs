//! The Rust types of the data plane: one struct for both families, its identity, and the way from and
//! to Cap'n Proto.

use super::identity::Identity;
use super::name::{pascal, snake};
use super::schema::{Field, Schema, Struct, Type};
use anyhow::{Result, bail};
use std::fmt::Write;

pub(crate) const TYPES_PATH: &str = "edge/data/src/types/generated.rs";
pub(crate) const MESSAGES_PATH: &str = "edge/data/src/types/messages.rs";

const TYPES_HEAD: &str = "\
// Generated from schema/data.capnp by `cargo xtask generate`.

use super::aligned::AlignedBytes;
use crate::data_capnp as data;
use rkyv::{Archive, Deserialize, Serialize};
";

const MESSAGES_HEAD: &str = "\
// Generated from schema/data.capnp by `cargo xtask generate`.

use super::generated::*;
use super::{Checked, Identity, Message, TensorError, exact, size};
use crate::data_capnp as data;
";

/// The enums and structs.
pub(crate) fn write_types(schema: &Schema) -> Result<String> {
    let mut text = TYPES_HEAD.to_owned();
    for found in &schema.enums {
        write_enum(&mut text, &found.name, &found.docs, &found.enumerants)?;
        write_enum_conversions(&mut text, &found.name, &found.enumerants)?;
    }
    for found in &schema.structs {
        write_struct(&mut text, schema, found)?;
    }
    Ok(text)
}

/// What each of them is called in a handle, and its way from and to Cap'n Proto.
pub(crate) fn write_messages(schema: &Schema, identities: &[Identity]) -> Result<String> {
    let mut text = MESSAGES_HEAD.to_owned();
    for (found, identity) in schema.structs.iter().zip(identities) {
        write_message(&mut text, schema, found, identity)?;
        write_checks(&mut text, found)?;
    }
    Ok(text)
}

fn docs(text: &mut String, indent: &str, docs: &str, otherwise: &str) -> Result<()> {
    let lines = if docs.is_empty() { otherwise } else { docs };
    for line in lines.lines() {
        writeln!(text, "{indent}/// {line}")?;
    }
    Ok(())
}

fn write_enum(text: &mut String, name: &str, comment: &str, enumerants: &[String]) -> Result<()> {
    text.push('\n');
    docs(text, "", comment, &format!("`{name}` of the schema."))?;
    writeln!(text, "#[derive(Archive, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]")?;
    writeln!(text, "#[rkyv(derive(Debug, Clone, Copy, PartialEq, Eq))]\n#[repr(u8)]\npub enum {name} {{")?;
    for (value, enumerant) in enumerants.iter().enumerate() {
        let default = if value == 0 { "    #[default]\n" } else { "" };
        writeln!(text, "    /// `{enumerant}`\n{default}    {} = {value},", pascal(enumerant))?;
    }
    writeln!(text, "}}")?;
    Ok(())
}

fn write_enum_conversions(text: &mut String, name: &str, enumerants: &[String]) -> Result<()> {
    let (archived, foreign) = (format!("Archived{name}"), format!("data::{name}"));
    for (from, to) in [(&foreign[..], name), (name, &foreign[..]), (&archived[..], name)] {
        writeln!(
            text,
            "\nimpl From<{from}> for {to} {{\n    fn from(from: {from}) -> Self {{\n        match from {{"
        )?;
        for enumerant in enumerants.iter().map(|enumerant| pascal(enumerant)) {
            writeln!(text, "            {from}::{enumerant} => Self::{enumerant},")?;
        }
        writeln!(text, "        }}\n    }}\n}}")?;
    }
    Ok(())
}

fn write_struct(text: &mut String, schema: &Schema, found: &Struct) -> Result<()> {
    text.push('\n');
    docs(text, "", &found.docs, &format!("`{}` of the schema.", found.name))?;
    writeln!(text, "#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]")?;
    writeln!(text, "pub struct {} {{", found.name)?;
    for field in &found.fields {
        docs(text, "    ", &field.docs, &format!("`{}` of the schema.", field.name))?;
        match field.aligned_to {
            Some(16) => writeln!(text, "    #[rkyv(with = AlignedBytes)]")?,
            Some(other) => {
                bail!("{}: data are aligned to 16 bytes or not at all, not to {other}", field.name)
            }
            None => {}
        }
        writeln!(text, "    pub {}: {},", rust_name(field), rust_type(schema, field, &field.kind)?)?;
    }
    writeln!(text, "}}")?;
    Ok(())
}

fn rust_name(field: &Field) -> String {
    match snake(&field.name).as_str() {
        "type" => "r#type".into(),
        name => name.into(),
    }
}

fn rust_type(schema: &Schema, field: &Field, kind: &Type) -> Result<String> {
    Ok(match kind {
        Type::Bool => "bool".into(),
        Type::Integer(bytes, is_signed) => format!("{}{}", if *is_signed { 'i' } else { 'u' }, bytes * 8),
        Type::Float(bytes) => format!("f{}", bytes * 8),
        Type::Text => "String".into(),
        Type::Data => field.exactly.map_or("Vec<u8>".into(), |bytes| format!("[u8; {bytes}]")),
        Type::List(inner) => format!("Vec<{}>", rust_type(schema, field, inner)?),
        Type::Enum(id) => schema.find_enum(*id)?.name.clone(),
        Type::Struct(id) => schema.find_struct(*id)?.name.clone(),
    })
}

fn write_message(text: &mut String, schema: &Schema, found: &Struct, identity: &Identity) -> Result<()> {
    let (name, module) = (&found.name, snake(&found.name));
    writeln!(text, "\nimpl Message for {name} {{\n    type Owned = data::{module}::Owned;")?;
    writeln!(text, "    const NAME: &'static str = \"{name}\";")?;
    for (family, (type_id, hash)) in [("RKYV", identity.rkyv), ("CAPNP", identity.capnp)] {
        let (first, second) = hash.split_at(16);
        writeln!(text, "    const {family}: Identity = Identity {{")?;
        writeln!(
            text,
            "        type_id: {:#06x}_{:04x},\n        schema_hash: [",
            type_id >> 16,
            type_id & 0xffff
        )?;
        for half in [first, second] {
            let bytes: Vec<_> = half.iter().map(|byte| format!("{byte:#04x}")).collect();
            writeln!(text, "            {},", bytes.join(", "))?;
        }
        writeln!(text, "        ],\n    }};")?;
    }
    write_reading(text, found, &module)?;
    write_writing(text, schema, found, &module)?;
    write_size(text, found)?;
    writeln!(text, "}}")?;
    Ok(())
}

fn write_reading(text: &mut String, found: &Struct, module: &str) -> Result<()> {
    writeln!(
        text,
        "\n    fn read(from: data::{module}::Reader<'_>) -> capnp::Result<Self> {{\n        Ok(Self {{"
    )?;
    for field in &found.fields {
        let getter = format!("from.get_{}()", snake(&field.name));
        let value = match &field.kind {
            Type::Bool | Type::Integer(..) | Type::Float(_) => getter,
            Type::Enum(_) => format!("{getter}?.into()"),
            Type::Struct(_) => format!("Message::read({getter}?)?"),
            Type::Text => format!("{getter}?.to_string()?"),
            Type::Data if field.exactly.is_some() => format!("exact({getter}?)?"),
            Type::Data => format!("{getter}?.to_vec()"),
            Type::List(inner) => format!("{getter}?.iter(){}", collect(field, inner)?),
        };
        writeln!(text, "            {}: {value},", rust_name(field))?;
    }
    writeln!(text, "        }})\n    }}")?;
    Ok(())
}

fn collect(field: &Field, element: &Type) -> Result<&'static str> {
    Ok(match element {
        Type::Bool | Type::Integer(..) | Type::Float(_) => ".collect()",
        Type::Struct(_) => ".map(Message::read).collect::<Result<_, _>>()?",
        Type::Text => ".map(|text| Ok(text?.to_string()?)).collect::<capnp::Result<_>>()?",
        Type::Data if field.exactly.is_some() => ".map(|data| exact(data?)).collect::<Result<_, _>>()?",
        Type::Data => ".map(|data| Ok(data?.to_vec())).collect::<capnp::Result<_>>()?",
        Type::Enum(_) | Type::List(_) => bail!("{}: lists of lists or of enums are not used", field.name),
    })
}

fn write_writing(text: &mut String, schema: &Schema, found: &Struct, module: &str) -> Result<()> {
    let holds_pointers = found.pointers > 0;
    let reborrow = if holds_pointers { ".reborrow()" } else { "" };
    writeln!(text, "\n    fn write(&self, mut to: data::{module}::Builder<'_>) -> capnp::Result<()> {{")?;
    for field in &found.fields {
        let (name, own) = (snake(&field.name), format!("self.{}", rust_name(field)));
        match &field.kind {
            Type::Bool | Type::Integer(..) | Type::Float(_) => {
                writeln!(text, "        to.set_{name}({own});")?
            }
            Type::Enum(_) => writeln!(text, "        to.set_{name}({own}.into());")?,
            Type::Data if field.exactly.is_some() => writeln!(text, "        to.set_{name}(&{own});")?,
            Type::Text | Type::Data => writeln!(text, "        to.set_{name}(size::bounded(&{own})?);")?,
            Type::Struct(_) => writeln!(text, "        {own}.write(to{reborrow}.init_{name}())?;")?,
            Type::List(inner) => write_list(text, schema, field, inner)?,
        }
    }
    writeln!(text, "        Ok(())\n    }}")?;
    Ok(())
}

fn write_list(text: &mut String, schema: &Schema, field: &Field, element: &Type) -> Result<()> {
    let (name, own) = (snake(&field.name), format!("self.{}", rust_name(field)));
    writeln!(text, "        let mut list = to.reborrow().init_{name}(size::count({own}.len())?);")?;
    let set = match element {
        Type::Struct(_) => "element.write(list.reborrow().get(at))?",
        Type::Data if field.exactly.is_some() => "list.set(at, element)",
        Type::Text | Type::Data => "list.set(at, size::bounded(element)?)",
        Type::Bool | Type::Integer(..) | Type::Float(_) => "list.set(at, *element)",
        other => bail!("{}: a list of {other:?} is not used in {} structs", field.name, schema.structs.len()),
    };
    writeln!(text, "        for (at, element) in (0u32..).zip(&{own}) {{\n            {set};\n        }}")?;
    Ok(())
}

fn write_size(text: &mut String, found: &Struct) -> Result<()> {
    let own = u32::from(found.data_words) + u32::from(found.pointers);
    write!(text, "\n    fn words(&self) -> usize {{\n        {own}")?;
    for field in &found.fields {
        let own = format!("self.{}", rust_name(field));
        let of_pointer = match &field.kind {
            Type::Bool | Type::Integer(..) | Type::Float(_) | Type::Enum(_) => continue,
            Type::Text => format!("size::text(&{own})"),
            Type::Data => match field.exactly {
                Some(bytes) => bytes.div_ceil(8).to_string(),
                None => format!("size::data(&{own})"),
            },
            Type::Struct(_) => format!("{own}.words()"),
            Type::List(element) => match **element {
                Type::Struct(_) => format!("1 + {own}.iter().map(Message::words).sum::<usize>()"),
                Type::Text => {
                    format!("size::list({own}.len(), 8) + {own}.iter().map(size::text).sum::<usize>()")
                }
                Type::Data => {
                    format!("size::list({own}.len(), 8) + {own}.iter().map(size::data).sum::<usize>()")
                }
                Type::Integer(bytes, _) | Type::Float(bytes) => format!("size::list({own}.len(), {bytes})"),
                _ => bail!("{}: such a list is not used", field.name),
            },
        };
        write!(text, "\n            + {of_pointer}")?;
    }
    writeln!(text, "\n    }}")?;
    Ok(())
}

/// The walk to every tensor inside, in both forms. The tensor's own check is written by hand.
fn write_checks(text: &mut String, found: &Struct) -> Result<()> {
    if found.fields.iter().any(|field| field.aligned_to.is_some()) {
        return Ok(());
    }
    let holds_structs = |field: &&Field| match &field.kind {
        Type::Struct(_) => true,
        Type::List(element) => matches!(**element, Type::Struct(_)),
        _ => false,
    };
    for name in [found.name.clone(), format!("Archived{}", found.name)] {
        writeln!(text, "\nimpl Checked for {name} {{\n    fn check(&self) -> Result<(), TensorError> {{")?;
        for field in found.fields.iter().filter(holds_structs) {
            let name = rust_name(field);
            match field.kind {
                Type::Struct(_) => writeln!(text, "        self.{name}.check()?;")?,
                _ => writeln!(text, "        self.{name}.iter().try_for_each(Checked::check)?;")?,
            }
        }
        writeln!(text, "        Ok(())\n    }}\n}}")?;
    }
    Ok(())
}
