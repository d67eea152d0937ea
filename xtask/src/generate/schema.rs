//! A schema as its compiled request says it: what `capnp compile -o-` wrote, read without `capnp`.

use anyhow::{Context, Result, bail, ensure};
use capnp::message::ReaderOptions;
use capnp::schema_capnp::{code_generator_request, field, node, type_, value};
use std::collections::BTreeMap;

/// Annotations of `data.capnp`, by their ids.
const EXACTLY: u64 = 0xe9b1_d5c4_a726_0f38;
const ALIGNED_TO: u64 = 0xb64f_02e8_d91c_7a53;

/// One schema file, its declarations in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Schema {
    /// The version of the compiler.
    pub(crate) capnp: (u16, u8, u8),
    pub(crate) constants: Vec<Constant>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) structs: Vec<Struct>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Constant {
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) value: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Enum {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) enumerants: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Struct {
    /// Cap'n Proto's own, made from the file's id and the name.
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) data_words: u16,
    pub(crate) pointers: u16,
    /// By ordinal.
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) docs: String,
    /// In the data section a multiple of the field's own size, otherwise a number of a pointer.
    pub(crate) slot: u32,
    pub(crate) kind: Type,
    /// The data, or each of a list of data, is this many bytes.
    pub(crate) exactly: Option<u32>,
    pub(crate) aligned_to: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Bool,
    /// Bytes, and whether it is signed.
    Integer(u32, bool),
    /// Bytes.
    Float(u32),
    Text,
    Data,
    List(Box<Self>),
    Enum(u64),
    Struct(u64),
}

impl Schema {
    pub(crate) fn parse(request: &[u8]) -> Result<Self> {
        let mut rest = request;
        let message = capnp::serialize::read_message_from_flat_slice(&mut rest, ReaderOptions::new())?;
        let request: code_generator_request::Reader<'_> = message.get_root()?;
        let files = request.get_requested_files()?;
        ensure!(files.len() == 1, "the request is for {} files, not for one", files.len());
        let version = request.get_capnp_version()?;
        let capnp = (version.get_major(), version.get_minor(), version.get_micro());
        Ok(Self { capnp, ..Nodes::read(request)?.schema(files.get(0).get_id())? })
    }

    pub(crate) fn find_struct(&self, id: u64) -> Result<&Struct> {
        self.structs.iter().find(|found| found.id == id).with_context(|| format!("no struct {id:#x}"))
    }

    pub(crate) fn find_enum(&self, id: u64) -> Result<&Enum> {
        self.enums.iter().find(|found| found.id == id).with_context(|| format!("no enum {id:#x}"))
    }
}

/// The nodes of a request and their comments, by id.
struct Nodes<'a> {
    nodes: BTreeMap<u64, node::Reader<'a>>,
    comments: BTreeMap<u64, node::source_info::Reader<'a>>,
}

impl<'a> Nodes<'a> {
    fn read(request: code_generator_request::Reader<'a>) -> Result<Self> {
        let nodes = request.get_nodes()?.iter().map(|node| (node.get_id(), node)).collect();
        let comments = request.get_source_info()?.iter().map(|info| (info.get_id(), info)).collect();
        Ok(Self { nodes, comments })
    }

    fn schema(&self, file: u64) -> Result<Schema> {
        let mut schema = Schema::default();
        for nested in self.node(file)?.get_nested_nodes()? {
            let (id, name) = (nested.get_id(), nested.get_name()?.to_string()?);
            let docs = self.docs(id)?;
            match self.node(id)?.which()? {
                node::Const(constant) => {
                    let value = unsigned(constant.get_value()?).with_context(|| name.clone())?;
                    schema.constants.push(Constant { name, docs, value });
                }
                node::Enum(found) => {
                    let names = found.get_enumerants()?.iter().map(|e| Ok(e.get_name()?.to_string()?));
                    let enumerants = names.collect::<Result<_>>()?;
                    schema.enums.push(Enum { id, name, docs, enumerants });
                }
                node::Struct(found) => {
                    let (data_words, pointers) = (found.get_data_word_count(), found.get_pointer_count());
                    let fields = self.fields(id, found).with_context(|| name.clone())?;
                    schema.structs.push(Struct { id, name, docs, data_words, pointers, fields });
                }
                node::Annotation(_) => {}
                _ => bail!("{name} is neither a constant, an enum nor a struct"),
            }
        }
        Ok(schema)
    }

    fn node(&self, id: u64) -> Result<node::Reader<'a>> {
        self.nodes.get(&id).copied().with_context(|| format!("the request has no node {id:#x}"))
    }

    fn docs(&self, id: u64) -> Result<String> {
        let Some(info) = self.comments.get(&id) else { return Ok(String::new()) };
        Ok(info.get_doc_comment()?.to_string()?.trim_end().to_owned())
    }

    fn fields(&self, id: u64, found: node::struct_::Reader<'a>) -> Result<Vec<Field>> {
        ensure!(found.get_discriminant_count() == 0, "unions are not used in these types");
        let mut fields = Vec::new();
        for (index, field) in found.get_fields()?.iter().enumerate() {
            let docs = self.comments.get(&id).map(|info| info.get_members()).transpose()?;
            let docs = docs.filter(|members| index < members.len() as usize);
            let docs = docs.map(|members| members.get(index as u32).get_doc_comment()).transpose()?;
            let docs = docs.map_or(Ok(""), |docs| docs.to_str())?.trim_end().to_owned();
            fields.push((ordinal(field)?, read_field(field, docs)?));
        }
        fields.sort_by_key(|(ordinal, _)| *ordinal);
        ensure!(fields.iter().enumerate().all(|(at, (ordinal, _))| at == *ordinal as usize), "ordinals");
        Ok(fields.into_iter().map(|(_, field)| field).collect())
    }
}

fn ordinal(field: field::Reader<'_>) -> Result<u16> {
    match field.get_ordinal().which()? {
        field::ordinal::Explicit(ordinal) => Ok(ordinal),
        field::ordinal::Implicit(()) => bail!("groups are not used in these types"),
    }
}

fn read_field(field: field::Reader<'_>, docs: String) -> Result<Field> {
    let name = field.get_name()?.to_string()?;
    let field::Slot(slot) = field.which()? else { bail!("{name}: groups are not used in these types") };
    ensure!(!slot.get_had_explicit_default(), "{name}: defaults other than zero are not used");
    let mut read = Field {
        kind: read_type(slot.get_type()?).with_context(|| name.clone())?,
        slot: slot.get_offset(),
        name,
        docs,
        exactly: None,
        aligned_to: None,
    };
    for annotation in field.get_annotations()? {
        match annotation.get_id() {
            EXACTLY => read.exactly = Some(unsigned(annotation.get_value()?)?),
            ALIGNED_TO => read.aligned_to = Some(unsigned(annotation.get_value()?)?),
            other => bail!("{}: annotation {other:#x} is unknown", read.name),
        }
    }
    Ok(read)
}

fn read_type(kind: type_::Reader<'_>) -> Result<Type> {
    Ok(match kind.which()? {
        type_::Bool(()) => Type::Bool,
        type_::Int8(()) => Type::Integer(1, true),
        type_::Int16(()) => Type::Integer(2, true),
        type_::Int32(()) => Type::Integer(4, true),
        type_::Int64(()) => Type::Integer(8, true),
        type_::Uint8(()) => Type::Integer(1, false),
        type_::Uint16(()) => Type::Integer(2, false),
        type_::Uint32(()) => Type::Integer(4, false),
        type_::Uint64(()) => Type::Integer(8, false),
        type_::Float32(()) => Type::Float(4),
        type_::Float64(()) => Type::Float(8),
        type_::Text(()) => Type::Text,
        type_::Data(()) => Type::Data,
        type_::List(list) => Type::List(Box::new(read_type(list.get_element_type()?)?)),
        type_::Enum(found) => Type::Enum(found.get_type_id()),
        type_::Struct(found) => Type::Struct(found.get_type_id()),
        _ => bail!("void, interfaces and untyped pointers are not used in these types"),
    })
}

fn unsigned(value: value::Reader<'_>) -> Result<u32> {
    match value.which()? {
        value::Uint32(number) => Ok(number),
        _ => bail!("it is not a UInt32"),
    }
}
