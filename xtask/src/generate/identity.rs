//! What a type is called in a handle: its `type_id`, and the schema hash behind it.
//!
//! The hash is SHA-256 over a description of the type and of every type inside it, so any change to
//! any of them changes it. An rkyv reader can read exactly the layout that it was compiled for: its
//! `type_id` is the first four bytes of the hash. A Cap'n Proto reader reads every later and earlier
//! version: its `type_id` is the low half of the struct's own id, which stays as the type grows.

use super::schema::{Field, Schema, Struct, Type};
use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What else decides over the bytes of the rkyv family.
const RKYV: &str = "rkyv 0.8, little-endian, aligned, 32-bit offsets";
const CAPNP: &str = "capnp, one segment";

/// One type in both families.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    pub(crate) rkyv: (u32, [u8; 32]),
    pub(crate) capnp: (u32, [u8; 32]),
}

/// Of every struct, in the order of the schema.
pub(crate) fn identities(schema: &Schema) -> Result<Vec<Identity>> {
    let mut taken = BTreeMap::from([(0, "plain bytes".to_owned())]);
    let mut identities = Vec::new();
    for found in &schema.structs {
        let identity = identity(schema, found)?;
        for type_id in [identity.rkyv.0, identity.capnp.0] {
            let other = taken.insert(type_id, found.name.clone());
            ensure!(
                other.is_none(),
                "{} has the type id {type_id:#x} of {}",
                found.name,
                other.unwrap_or_default()
            );
        }
        identities.push(identity);
    }
    Ok(identities)
}

fn identity(schema: &Schema, found: &Struct) -> Result<Identity> {
    let description = description(schema, found)?;
    let hash = |family: &str| -> [u8; 32] { Sha256::digest(format!("{family}\n{description}")).into() };
    let rkyv = hash(RKYV);
    let [a, b, c, d, ..] = rkyv;
    Ok(Identity { rkyv: (u32::from_le_bytes([a, b, c, d]), rkyv), capnp: (found.id as u32, hash(CAPNP)) })
}

/// The type and, in the order in which they are first named, all types inside it.
pub(crate) fn description(schema: &Schema, found: &Struct) -> Result<String> {
    let mut named = vec![found.id];
    let mut text = String::new();
    let mut at = 0;
    while let Some(&id) = named.get(at) {
        at += 1;
        match schema.find_enum(id) {
            Ok(found) => writeln!(text, "enum {}: {}", found.name, found.enumerants.join(" "))?,
            Err(_) => describe_struct(schema, schema.find_struct(id)?, &mut named, &mut text)?,
        }
    }
    Ok(text)
}

fn describe_struct(schema: &Schema, found: &Struct, named: &mut Vec<u64>, text: &mut String) -> Result<()> {
    writeln!(text, "struct {}", found.name)?;
    for (ordinal, field) in found.fields.iter().enumerate() {
        let kind = spell(schema, &field.kind, named)?;
        writeln!(text, "{ordinal} {} {kind}{}", field.name, limits(field))?;
    }
    Ok(())
}

fn limits(field: &Field) -> String {
    let exactly = field.exactly.map(|bytes| format!(" exactly {bytes}"));
    let aligned_to = field.aligned_to.map(|bytes| format!(" aligned to {bytes}"));
    [exactly, aligned_to].into_iter().flatten().collect()
}

fn spell(schema: &Schema, kind: &Type, named: &mut Vec<u64>) -> Result<String> {
    let mut name = |id: u64, name: &str| {
        if !named.contains(&id) {
            named.push(id);
        }
        name.to_owned()
    };
    Ok(match kind {
        Type::Bool => "bool".into(),
        Type::Integer(bytes, true) => format!("i{}", bytes * 8),
        Type::Integer(bytes, false) => format!("u{}", bytes * 8),
        Type::Float(bytes) => format!("f{}", bytes * 8),
        Type::Text => "text".into(),
        Type::Data => "data".into(),
        Type::List(inner) => format!("list of {}", spell(schema, inner, named)?),
        Type::Enum(id) => name(*id, &schema.find_enum(*id)?.name),
        Type::Struct(id) => name(*id, &schema.find_struct(*id)?.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: Type) -> Field {
        Field { name: name.into(), docs: String::new(), slot: 0, kind, exactly: None, aligned_to: None }
    }

    fn schema() -> Schema {
        let of = |id, name: &str, fields| Struct {
            id,
            name: name.into(),
            docs: String::new(),
            data_words: 0,
            pointers: 0,
            fields,
        };
        let inner = of(0x1_0000_0002, "Inner", vec![field("a", Type::Integer(4, false))]);
        let outer =
            of(0x1_0000_0001, "Outer", vec![field("all", Type::List(Box::new(Type::Struct(inner.id))))]);
        Schema { structs: vec![outer, inner], ..Schema::default() }
    }

    #[test]
    fn a_description_holds_a_type_and_all_types_inside_it() {
        let schema = schema();
        let text = description(&schema, &schema.structs[0]).unwrap();
        assert_eq!(text, "struct Outer\n0 all list of Inner\nstruct Inner\n0 a u32\n");
    }

    #[test]
    fn a_change_inside_a_type_changes_its_hashes_and_only_its_rkyv_id() {
        let before = identities(&schema()).unwrap();
        let mut changed = schema();
        changed.structs[1].fields.push(field("b", Type::Text));
        let after = identities(&changed).unwrap();
        for (before, after) in before.iter().zip(&after) {
            assert!(before.rkyv.0 != after.rkyv.0 && before.rkyv.1 != after.rkyv.1);
            assert!(before.capnp.0 == after.capnp.0 && before.capnp.1 != after.capnp.1);
        }
        let mut exact = schema();
        exact.structs[1].fields[0].exactly = Some(4);
        assert_ne!(identities(&exact).unwrap(), before);
    }

    #[test]
    fn two_types_with_one_id_and_an_id_of_plain_bytes_are_refused() {
        let mut schema = schema();
        schema.structs[1].id = 0x9_0000_0001;
        schema.structs[0].fields[0].kind = Type::Text;
        assert!(identities(&schema).unwrap_err().to_string().contains("of Outer"));
        schema.structs[1].id = 0x9_0000_0000;
        assert!(identities(&schema).unwrap_err().to_string().contains("plain bytes"));
    }
}
