//! One message of each type with something in every field, and the types by name.

use ioi_data::types::*;

const DAY: u64 = 1_767_225_600_000_000_000;

fn digest(first: u8) -> [u8; 32] {
    std::array::from_fn(|at| first.wrapping_add(at as u8))
}

pub(crate) fn handle() -> Handle {
    Handle { region: u64::MAX, generation: 7, type_id: 0x8000_0001, offset: 4096, length: 64 }
}

pub(crate) fn reference() -> Reference {
    Reference { name: "notes/naïve ☃ 𝄞.md".into(), handle: handle(), digest: digest(0xf0) }
}

pub(crate) fn metadata() -> Metadata {
    Metadata { user_id: "user-1".into(), device_id: "device-ß".into(), credit_ledger_id: "ledger-3".into() }
}

pub(crate) fn envelope() -> Envelope {
    Envelope {
        id: "0190a5b2".into(),
        r#type: "chat.message".into(),
        timestamp: DAY,
        metadata: metadata(),
        payload: vec![0, 1, 0xfe, 0xff, 0],
    }
}

pub(crate) fn tensor() -> Tensor {
    let elements = [0.0f32, -1.5, 0.75, f32::MAX, f32::MIN_POSITIVE, 3.0];
    let data = elements.iter().flat_map(|element| element.to_le_bytes()).collect();
    Tensor { element_type: ElementType::F32, shape: vec![2, 3], data }
}

/// An empty shape is one element.
pub(crate) fn scalar() -> Tensor {
    Tensor { element_type: ElementType::I16, shape: vec![], data: vec![0x00, 0x80] }
}

/// A dimension of 0 makes the product 0, whatever stands before it.
pub(crate) fn no_elements() -> Tensor {
    Tensor { element_type: ElementType::F64, shape: vec![1 << 40, 1 << 40, 0], data: vec![] }
}

pub(crate) fn agent_context() -> AgentContext {
    AgentContext {
        session_id: "session-9".into(),
        embeddings: vec![tensor(), scalar()],
        token_ids: vec![0, 1, 50256, u32::MAX],
        references: vec![reference(), Reference::default()],
    }
}

pub(crate) fn chunk() -> Chunk {
    Chunk {
        path: "a/b.md".into(),
        document_digest: digest(7),
        offset: 12,
        score: 1 << 40,
        text: "The region is sealed before it is shared. ☃".into(),
        heading: "Regions".into(),
    }
}

pub(crate) fn leaf_proof() -> LeafProof {
    LeafProof { index: 5, digest: digest(1), path: vec![digest(2), digest(3), [0; 32]] }
}

pub(crate) fn retrieval_proof() -> RetrievalProof {
    RetrievalProof { root: digest(9), leaf_count: 8, leaves: vec![leaf_proof(), LeafProof::default()] }
}

pub(crate) fn context_slice() -> ContextSlice {
    ContextSlice {
        slice_id: 1,
        question: "What is sealed?".into(),
        frame_ids: vec![3, 1 << 33, u64::MAX],
        chunks: vec![chunk(), Chunk::default()],
        checkpoint_root: digest(0x40),
        retrieval_proof: retrieval_proof(),
        labels: vec!["untrusted".into(), String::new(), "private".into()],
    }
}

pub(crate) fn inference_request() -> InferenceRequest {
    InferenceRequest {
        request_id: 42,
        model: "small-1".into(),
        prompt: "Why?\n".into(),
        token_ids: vec![17, 4],
        inputs: vec![tensor()],
        context: vec![reference()],
        output_tokens_max: 256,
        temperature: 0.75,
        seed: 1 << 63,
        deadline: DAY + 5,
    }
}

pub(crate) fn inference_output() -> InferenceOutput {
    InferenceOutput {
        request_id: 42,
        finish_reason: FinishReason::Failed,
        text: "Because".into(),
        token_ids: vec![9],
        outputs: vec![scalar(), tensor()],
        input_tokens: 2,
        output_tokens: 1,
        model_digest: digest(0x80),
        error: "out of memory".into(),
    }
}

pub(crate) fn block() -> Block {
    Block {
        height: 3,
        parent: digest(10),
        state_root: digest(20),
        transactions_root: digest(30),
        receipts_root: digest(40),
        timestamp: DAY + 1,
        proposer: digest(50),
        transactions: vec![vec![1, 2, 3], vec![], vec![0; 100]],
    }
}

/// Calls `$with!(file, Type, value)` for each vector. `…-empty` is the type's default.
#[macro_export]
macro_rules! for_each_vector {
    ($with:ident) => {
        $with!("handle", Handle, values::handle());
        $with!("reference", Reference, values::reference());
        $with!("metadata", Metadata, values::metadata());
        $with!("envelope", Envelope, values::envelope());
        $with!("envelope-empty", Envelope, Envelope::default());
        $with!("tensor", Tensor, values::tensor());
        $with!("tensor-scalar", Tensor, values::scalar());
        $with!("tensor-no-elements", Tensor, values::no_elements());
        $with!("agent_context", AgentContext, values::agent_context());
        $with!("agent_context-empty", AgentContext, AgentContext::default());
        $with!("chunk", Chunk, values::chunk());
        $with!("leaf_proof", LeafProof, values::leaf_proof());
        $with!("retrieval_proof", RetrievalProof, values::retrieval_proof());
        $with!("context_slice", ContextSlice, values::context_slice());
        $with!("context_slice-empty", ContextSlice, ContextSlice::default());
        $with!("inference_request", InferenceRequest, values::inference_request());
        $with!("inference_output", InferenceOutput, values::inference_output());
        $with!("block", Block, values::block());
    };
}

/// Calls `$with!(file, Type, value)` for each value that is kept in canonical form too: structs and
/// lists without the words at their end that are zero, as a reader of an older schema's messages meets them.
#[macro_export]
macro_rules! for_each_canonical {
    ($with:ident) => {
        $with!("envelope-empty-canonical", Envelope, Envelope::default());
        $with!("context_slice-empty-canonical", ContextSlice, ContextSlice::default());
        $with!("retrieval_proof-empty-canonical", RetrievalProof, RetrievalProof::default());
        $with!("inference_request-empty-canonical", InferenceRequest, InferenceRequest::default());
        $with!("tensor-canonical", Tensor, values::tensor());
    };
}
