//! Messages of the released schema are read by the current one, and the other way round; so are those
//! of a schema that will have more fields.

use crate::{for_each_vector, frozen::data_capnp as released, values};
use capnp::message::{Builder, ReaderOptions};
use capnp::traits::Owned;
use capnp::{dynamic_struct, dynamic_value, serialize};
use ioi_data::lens::{self, Words};
use ioi_data::types::*;

/// All fields of a struct that the other schema knows too, as text.
fn show(value: dynamic_value::Reader<'_>, known: &[String]) -> String {
    match value {
        dynamic_value::Reader::Struct(from) => {
            let fields = from.get_schema().get_fields().unwrap();
            let line = |field: capnp::schema::Field| {
                let struct_name =
                    from.get_schema().get_proto().get_display_name().unwrap().to_string().unwrap();
                let name =
                    format!("{struct_name}.{}", field.get_proto().get_name().unwrap().to_str().unwrap());
                known.contains(&name).then(|| format!("{name}={}", show(from.get(field).unwrap(), known)))
            };
            let mut lines: Vec<_> = fields.iter().filter_map(line).collect();
            lines.sort();
            format!("{{{}}}", lines.join(" "))
        }
        dynamic_value::Reader::List(list) => {
            let elements = list.iter().map(|element| show(element.unwrap(), known));
            format!("[{}]", elements.collect::<Vec<_>>().join(" "))
        }
        dynamic_value::Reader::Enum(value) => {
            value.get_enumerant().unwrap().unwrap().get_proto().get_name().unwrap().to_string().unwrap()
        }
        other => format!("{other:?}"),
    }
}

/// Every field of the released schema, such as `data.capnp:Tensor.shape`.
fn released_fields() -> Vec<String> {
    let request = include_bytes!("../../../../schema/frozen/data.capnp.req");
    let words = Words::copy(request).unwrap();
    let message =
        serialize::read_message_from_flat_slice(&mut words.as_bytes(), ReaderOptions::new()).unwrap();
    let request = message.get_root::<capnp::schema_capnp::code_generator_request::Reader<'_>>().unwrap();
    let mut names = Vec::new();
    for node in request.get_nodes().unwrap() {
        let Ok(capnp::schema_capnp::node::Struct(found)) = node.which() else { continue };
        let struct_name = node.get_display_name().unwrap().to_str().unwrap();
        let fields = found.get_fields().unwrap();
        names.extend(
            fields
                .iter()
                .map(|field| format!("{struct_name}.{}", field.get_name().unwrap().to_str().unwrap())),
        );
    }
    assert!(names.contains(&"data.capnp:Tensor.shape".to_owned()), "{names:?}");
    names
}

/// Copies field by field, so that the copy holds no field that its schema does not know.
fn copy(from: dynamic_struct::Reader<'_>, mut to: dynamic_struct::Builder<'_>) {
    for field in to.get_schema().get_fields().unwrap() {
        let name = field.get_proto().get_name().unwrap().to_str().unwrap().to_owned();
        match from.get_named(&name).unwrap() {
            dynamic_value::Reader::Struct(inner) => {
                copy(inner, to.reborrow().init_named(&name).unwrap().downcast());
            }
            dynamic_value::Reader::List(list) if list.is_empty() => {}
            dynamic_value::Reader::List(list) => {
                let built = to.reborrow().initn_named(&name, list.len()).unwrap();
                copy_list(list, built.downcast());
            }
            value => to.set_named(&name, value).unwrap(),
        }
    }
}

fn copy_list(from: capnp::dynamic_list::Reader<'_>, mut to: capnp::dynamic_list::Builder<'_>) {
    for at in 0..from.len() {
        match from.get(at).unwrap() {
            dynamic_value::Reader::Struct(inner) => copy(inner, to.reborrow().get(at).unwrap().downcast()),
            value => to.set(at, value).unwrap(),
        }
    }
}

/// One segment, with its head.
fn flat(message: Builder<capnp::message::HeapAllocator>) -> Words {
    let words = message.into_reader().canonicalize().unwrap();
    let head = (words.len() as u64) << 32;
    Words::copy(&[&head.to_le_bytes()[..], capnp::Word::words_to_bytes(&words)].concat()).unwrap()
}

/// Reads the message by the released schema, shows it, and writes it anew.
fn by_released<T: Owned>(words: &Words, known: &[String]) -> (String, Words)
where
    for<'a> T::Reader<'a>: Into<dynamic_value::Reader<'a>>,
    for<'a> T::Builder<'a>: Into<dynamic_value::Builder<'a>>,
{
    let mut bytes = words.as_bytes();
    let message = serialize::read_message_from_flat_slice(&mut bytes, ReaderOptions::new()).unwrap();
    let root: dynamic_value::Reader<'_> = message.get_root::<T::Reader<'_>>().unwrap().into();
    let mut written = Builder::new_default();
    let built: dynamic_value::Builder<'_> = written.init_root::<T::Builder<'_>>().into();
    copy(root.downcast(), built.downcast());
    let root: dynamic_value::Reader<'_> = message.get_root::<T::Reader<'_>>().unwrap().into();
    (show(root, known), flat(written))
}

fn by_current<T: Message>(words: &Words, known: &[String]) -> String
where
    for<'a> <T::Owned as Owned>::Reader<'a>: Into<dynamic_value::Reader<'a>>,
{
    lens::read::<T>(words.as_bytes()).unwrap();
    show(lens::open::<T>(words.as_bytes()).unwrap().root().unwrap().into(), known)
}

#[test]
fn the_released_and_the_current_schema_read_each_others_messages() {
    let known = released_fields();
    macro_rules! exchange {
        ($file:literal, Handle, $value:expr) => {
            exchange!(handle, Handle, $value)
        };
        ($file:literal, Reference, $value:expr) => {
            exchange!(reference, Reference, $value)
        };
        ($file:literal, Metadata, $value:expr) => {
            exchange!(metadata, Metadata, $value)
        };
        ($file:literal, Envelope, $value:expr) => {
            exchange!(envelope, Envelope, $value)
        };
        ($file:literal, Tensor, $value:expr) => {
            exchange!(tensor, Tensor, $value)
        };
        ($file:literal, AgentContext, $value:expr) => {
            exchange!(agent_context, AgentContext, $value)
        };
        ($file:literal, Chunk, $value:expr) => {
            exchange!(chunk, Chunk, $value)
        };
        ($file:literal, LeafProof, $value:expr) => {
            exchange!(leaf_proof, LeafProof, $value)
        };
        ($file:literal, RetrievalProof, $value:expr) => {
            exchange!(retrieval_proof, RetrievalProof, $value)
        };
        ($file:literal, ContextSlice, $value:expr) => {
            exchange!(context_slice, ContextSlice, $value)
        };
        ($file:literal, InferenceRequest, $value:expr) => {
            exchange!(inference_request, InferenceRequest, $value)
        };
        ($file:literal, InferenceOutput, $value:expr) => {
            exchange!(inference_output, InferenceOutput, $value)
        };
        ($file:literal, Block, $value:expr) => {
            exchange!(block, Block, $value)
        };
        ($module:ident, $name:ident, $value:expr) => {{
            let current = lens::encode(&$value).unwrap();
            let (shown, rewritten) = by_released::<released::$module::Owned>(&current, &known);
            assert_eq!(shown, by_current::<$name>(&current, &known), "written today, read as released");
            assert_eq!(shown, by_current::<$name>(&rewritten, &known), "written as released, read today");
        }};
    }
    for_each_vector!(exchange);
}

/// As a writer leaves it that trims nothing: every struct has its whole size.
fn untrimmed<T: Message>(message: &T) -> Words {
    let mut builder = Builder::new_default();
    message.write(builder.init_root::<<T::Owned as Owned>::Builder<'_>>()).unwrap();
    Words::copy(&serialize::write_message_to_words(&builder)).unwrap()
}

/// The message as a later schema might write it: its root has one more word of data and one more pointer.
fn from_the_future(words: &Words) -> Words {
    let (words, _) = words.as_bytes().as_chunks::<8>();
    let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let (root, body) = (words[1], &words[2..]);
    let (data, pointers) = ((root >> 32 & 0xffff) as usize, (root >> 48) as usize);
    // Without anything behind a root of no size, its offset is -1.
    let mut later = vec![0, ((data as u64 + 1) << 32) | ((pointers as u64 + 1) << 48)];
    later.extend(&body[..data]);
    later.push(u64::MAX);
    // What they point to moves by one word against them: the new pointer.
    let moved =
        |pointer: &u64| if *pointer == 0 || is_empty_struct(*pointer) { *pointer } else { pointer + 4 };
    later.extend(body[data..data + pointers].iter().map(moved));
    later.push(0);
    later.extend(&body[data + pointers..]);
    later[0] = (later.len() as u64 - 1) << 32;
    Words::copy(&later.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()).unwrap()
}

/// Points to itself, wherever it is.
fn is_empty_struct(pointer: u64) -> bool {
    pointer == u64::from(u32::MAX << 2)
}

#[test]
fn fields_that_a_later_schema_may_add_are_passed_over() {
    macro_rules! check {
        ($file:literal, $name:ident, $value:expr) => {
            let later = from_the_future(&untrimmed(&$value));
            assert_eq!(lens::read::<$name>(later.as_bytes()).unwrap(), $value, $file);
        };
    }
    for_each_vector!(check);
}

#[test]
fn fields_that_an_earlier_schema_had_not_are_zero() {
    let nothing = Words::copy(&[0u64, 0xffff_fffc].map(u64::to_le_bytes).concat()).unwrap();
    let nothing = Words::copy(&[&[0, 0, 0, 0, 1, 0, 0, 0], &nothing.as_bytes()[8..]].concat()).unwrap();
    macro_rules! check {
        ($file:literal, $name:ident, $value:expr) => {
            let read = lens::read::<$name>(nothing.as_bytes());
            match $name::NAME {
                // No shape is one element, and there is none.
                "Tensor" => assert!(read.unwrap_err().to_string().starts_with("tensor.length")),
                _ => assert_eq!(read.unwrap(), $name::default(), $file),
            }
        };
    }
    for_each_vector!(check);
}
