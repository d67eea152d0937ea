//! Messages written anew by another schema, such as one that has more fields.

use capnp::message::Builder;
use capnp::{dynamic_struct, dynamic_value};
use ioi_data::lens::Words;

pub(crate) const LATER_NUMBER: u64 = u64::MAX;
pub(crate) const LATER_TEXT: &str = "what a later schema has to say";

/// Copies field by field, so that the copy holds no field that its schema does not know. What is new in
/// its schema gets a value in every struct, elements of lists included.
pub(crate) fn copy(from: dynamic_struct::Reader<'_>, mut to: dynamic_struct::Builder<'_>) {
    for field in to.get_schema().get_fields().unwrap() {
        let name = field.get_proto().get_name().unwrap().to_str().unwrap().to_owned();
        let value = match name.as_str() {
            "laterNumber" => LATER_NUMBER.into(),
            "laterText" => LATER_TEXT.into(),
            _ => from.get_named(&name).unwrap(),
        };
        match value {
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
pub(crate) fn flat(message: Builder<capnp::message::HeapAllocator>) -> Words {
    let words = message.into_reader().canonicalize().unwrap();
    let head = (words.len() as u64) << 32;
    Words::copy(&[&head.to_le_bytes()[..], capnp::Word::words_to_bytes(&words)].concat()).unwrap()
}

/// Calls `$with!(file, module, Type, value)` for each vector, by its type's module in the generated code.
#[macro_export]
macro_rules! for_each_module {
    ($with:ident) => {
        $with!("handle", handle, Handle, values::handle());
        $with!("reference", reference, Reference, values::reference());
        $with!("metadata", metadata, Metadata, values::metadata());
        $with!("envelope", envelope, Envelope, values::envelope());
        $with!("envelope-empty", envelope, Envelope, Envelope::default());
        $with!("tensor", tensor, Tensor, values::tensor());
        $with!("tensor-scalar", tensor, Tensor, values::scalar());
        $with!("tensor-no-elements", tensor, Tensor, values::no_elements());
        $with!("agent_context", agent_context, AgentContext, values::agent_context());
        $with!("agent_context-empty", agent_context, AgentContext, AgentContext::default());
        $with!("chunk", chunk, Chunk, values::chunk());
        $with!("leaf_proof", leaf_proof, LeafProof, values::leaf_proof());
        $with!("retrieval_proof", retrieval_proof, RetrievalProof, values::retrieval_proof());
        $with!("context_slice", context_slice, ContextSlice, values::context_slice());
        $with!("context_slice-empty", context_slice, ContextSlice, ContextSlice::default());
        $with!("inference_request", inference_request, InferenceRequest, values::inference_request());
        $with!("inference_output", inference_output, InferenceOutput, values::inference_output());
        $with!("block", block, Block, values::block());
    };
}
