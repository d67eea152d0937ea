//! Messages of the released schema are read by the current one, and the other way round; so are those
//! of a schema that has more fields in every struct. A schema that breaks the rule is found out.

use crate::later::{LATER_TEXT, copy, flat};
use crate::{broken::data_capnp as broken, evolved::data_capnp as evolved, frozen::data_capnp as released};
use crate::{for_each_module, for_each_vector, values};
use capnp::message::{Builder, ReaderOptions};
use capnp::traits::Owned;
use capnp::{dynamic_value, serialize};
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

/// Reads the message by another schema, shows it, and writes it anew.
fn by_other<T: Owned>(words: &Words, known: &[String]) -> (String, Words)
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
fn every_vector_is_exchanged() {
    let (mut exchanged, mut all) = (Vec::new(), Vec::new());
    macro_rules! by_module {
        ($file:literal, $module:ident, $name:ident, $value:expr) => {
            exchanged.push($file);
        };
    }
    macro_rules! by_file {
        ($file:literal, $name:ident, $value:expr) => {
            all.push($file);
        };
    }
    for_each_module!(by_module);
    for_each_vector!(by_file);
    assert_eq!(exchanged, all);
}

/// What is not the same when the other schema reads a message of today and today's reads one of it.
macro_rules! exchange {
    ($other:ident, $module:ident, $name:ident, $value:expr, $known:expr) => {{
        let current = lens::encode(&$value).unwrap();
        let (shown, rewritten) = by_other::<$other::$module::Owned>(&current, $known);
        let wanted = by_current::<$name>(&current, $known);
        let back = lens::read::<$name>(rewritten.as_bytes());
        let is_back = back.as_ref().ok() == Some(&$value);
        let mut wrong = Vec::new();
        wrong.extend((shown != wanted).then(|| format!("written today, read there: {shown} for {wanted}")));
        wrong.extend((!is_back).then(|| format!("written there, read today: {back:?}")));
        wrong
    }};
}

#[test]
fn the_released_and_the_current_schema_read_each_others_messages() {
    let known = released_fields();
    macro_rules! check {
        ($file:literal, $module:ident, $name:ident, $value:expr) => {
            let current = lens::encode(&$value).unwrap();
            let (shown, rewritten) = by_other::<released::$module::Owned>(&current, &known);
            assert_eq!(shown, by_current::<$name>(&current, &known), "written today, read as released");
            assert_eq!(shown, by_current::<$name>(&rewritten, &known), "written as released, read today");
        };
    }
    for_each_module!(check);
}

#[test]
fn a_schema_with_more_fields_in_every_struct_and_the_current_one_read_each_others_messages() {
    let known = released_fields();
    let all = [&known[..], &later_fields()].concat();
    macro_rules! check {
        ($file:literal, $module:ident, $name:ident, $value:expr) => {
            let wrong = exchange!(evolved, $module, $name, $value, &known);
            assert!(wrong.is_empty(), "{}: {wrong:?}", $name::NAME);
            let current = lens::encode(&$value).unwrap();
            let (shown, _) = by_other::<evolved::$module::Owned>(&current, &all);
            let (new, zero) = (shown.matches("laterNumber=").count(), shown.matches("laterNumber=0").count());
            assert!(new > 0 && new == zero, "what is not there is 0: {shown}");
        };
    }
    for_each_module!(check);
    // That elements of lists have them too, and that they were passed over, is seen in the bytes.
    let context = lens::encode(&values::context_slice()).unwrap();
    let (_, rewritten) = by_other::<evolved::context_slice::Owned>(&context, &known);
    let texts = rewritten.as_bytes().windows(LATER_TEXT.len()).filter(|at| *at == LATER_TEXT.as_bytes());
    // The slice, two chunks, the proof and its two leaves.
    assert_eq!(texts.count(), 6);
}

/// The names that the later schema alone has.
fn later_fields() -> Vec<String> {
    let structs =
        released_fields().into_iter().map(|name| name.split('.').take(2).collect::<Vec<_>>().join("."));
    structs.map(|name| format!("{name}.laterNumber")).collect()
}

#[test]
fn a_schema_that_renumbers_or_retypes_a_field_is_found_out() {
    let known = released_fields();
    macro_rules! check {
        ($file:literal, $module:ident, $name:ident, $value:expr) => {
            let wrong = exchange!(broken, $module, $name, $value, &known);
            let holds_what_is_broken =
                ["Handle", "Envelope", "Reference", "AgentContext", "InferenceRequest"];
            // A default is 0 in whatever place and type.
            let is_broken = holds_what_is_broken.contains(&$name::NAME) && $value != $name::default();
            assert_eq!(!wrong.is_empty(), is_broken, "{}: {wrong:?}", $name::NAME);
        };
    }
    for_each_module!(check);
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

/// As `docs/design/data-plane.md` has it for every language.
#[test]
fn an_enumerant_that_a_later_schema_may_add_is_refused_and_never_taken_for_another() {
    let known = lens::encode(&values::inference_output()).unwrap();
    let mut bytes = known.as_bytes().to_vec();
    // The root's second word of data begins with the reason.
    let at = 3 * 8;
    assert_eq!(bytes[at..at + 2], (FinishReason::Failed as u16).to_le_bytes());
    for later in [FinishReason::Failed as u16 + 1, 99, u16::MAX] {
        bytes[at..at + 2].copy_from_slice(&later.to_le_bytes());
        let later = Words::copy(&bytes).unwrap();
        let error = lens::read::<InferenceOutput>(later.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("lens.invalid: "), "{error}");
    }
}
