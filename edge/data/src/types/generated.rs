// Generated from schema/data.capnp by `cargo xtask generate`.

use super::aligned::AlignedBytes;
use crate::data_capnp as data;
use rkyv::{Archive, Deserialize, Serialize};

/// `ElementType` of the schema.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[rkyv(derive(Debug, Clone, Copy, PartialEq, Eq))]
#[repr(u8)]
pub enum ElementType {
    /// `f32`
    #[default]
    F32 = 0,
    /// `f16`
    F16 = 1,
    /// `bf16`
    Bf16 = 2,
    /// `f64`
    F64 = 3,
    /// `i8`
    I8 = 4,
    /// `i16`
    I16 = 5,
    /// `i32`
    I32 = 6,
    /// `i64`
    I64 = 7,
    /// `u8`
    U8 = 8,
    /// `u16`
    U16 = 9,
    /// `u32`
    U32 = 10,
    /// `u64`
    U64 = 11,
}

impl From<data::ElementType> for ElementType {
    fn from(from: data::ElementType) -> Self {
        match from {
            data::ElementType::F32 => Self::F32,
            data::ElementType::F16 => Self::F16,
            data::ElementType::Bf16 => Self::Bf16,
            data::ElementType::F64 => Self::F64,
            data::ElementType::I8 => Self::I8,
            data::ElementType::I16 => Self::I16,
            data::ElementType::I32 => Self::I32,
            data::ElementType::I64 => Self::I64,
            data::ElementType::U8 => Self::U8,
            data::ElementType::U16 => Self::U16,
            data::ElementType::U32 => Self::U32,
            data::ElementType::U64 => Self::U64,
        }
    }
}

impl From<ElementType> for data::ElementType {
    fn from(from: ElementType) -> Self {
        match from {
            ElementType::F32 => Self::F32,
            ElementType::F16 => Self::F16,
            ElementType::Bf16 => Self::Bf16,
            ElementType::F64 => Self::F64,
            ElementType::I8 => Self::I8,
            ElementType::I16 => Self::I16,
            ElementType::I32 => Self::I32,
            ElementType::I64 => Self::I64,
            ElementType::U8 => Self::U8,
            ElementType::U16 => Self::U16,
            ElementType::U32 => Self::U32,
            ElementType::U64 => Self::U64,
        }
    }
}

impl From<ArchivedElementType> for ElementType {
    fn from(from: ArchivedElementType) -> Self {
        match from {
            ArchivedElementType::F32 => Self::F32,
            ArchivedElementType::F16 => Self::F16,
            ArchivedElementType::Bf16 => Self::Bf16,
            ArchivedElementType::F64 => Self::F64,
            ArchivedElementType::I8 => Self::I8,
            ArchivedElementType::I16 => Self::I16,
            ArchivedElementType::I32 => Self::I32,
            ArchivedElementType::I64 => Self::I64,
            ArchivedElementType::U8 => Self::U8,
            ArchivedElementType::U16 => Self::U16,
            ArchivedElementType::U32 => Self::U32,
            ArchivedElementType::U64 => Self::U64,
        }
    }
}

/// `FinishReason` of the schema.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[rkyv(derive(Debug, Clone, Copy, PartialEq, Eq))]
#[repr(u8)]
pub enum FinishReason {
    /// `stop`
    #[default]
    Stop = 0,
    /// `length`
    Length = 1,
    /// `cancelled`
    Cancelled = 2,
    /// `failed`
    Failed = 3,
}

impl From<data::FinishReason> for FinishReason {
    fn from(from: data::FinishReason) -> Self {
        match from {
            data::FinishReason::Stop => Self::Stop,
            data::FinishReason::Length => Self::Length,
            data::FinishReason::Cancelled => Self::Cancelled,
            data::FinishReason::Failed => Self::Failed,
        }
    }
}

impl From<FinishReason> for data::FinishReason {
    fn from(from: FinishReason) -> Self {
        match from {
            FinishReason::Stop => Self::Stop,
            FinishReason::Length => Self::Length,
            FinishReason::Cancelled => Self::Cancelled,
            FinishReason::Failed => Self::Failed,
        }
    }
}

impl From<ArchivedFinishReason> for FinishReason {
    fn from(from: ArchivedFinishReason) -> Self {
        match from {
            ArchivedFinishReason::Stop => Self::Stop,
            ArchivedFinishReason::Length => Self::Length,
            ArchivedFinishReason::Cancelled => Self::Cancelled,
            ArchivedFinishReason::Failed => Self::Failed,
        }
    }
}

/// A part of a region.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Handle {
    /// The region's number in this session.
    pub region: u64,
    /// Grows with every lease of the region.
    pub generation: u32,
    /// What the bytes are; 0 for plain bytes.
    pub type_id: u32,
    /// From the start of the region, a multiple of 64.
    pub offset: u64,
    /// Bytes, at least 1.
    pub length: u64,
}

/// Something that a message speaks of and does not carry.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Reference {
    /// `name` of the schema.
    pub name: String,
    /// `handle` of the schema.
    pub handle: Handle,
    /// A claim, until the receiver has computed it from the bytes.
    pub digest: [u8; 32],
}

/// On whose behalf.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// `userId` of the schema.
    pub user_id: String,
    /// `deviceId` of the schema.
    pub device_id: String,
    /// `creditLedgerId` of the schema.
    pub credit_ledger_id: String,
}

/// One message between applications.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    /// `id` of the schema.
    pub id: String,
    /// What the payload is, such as `chat.message`.
    pub r#type: String,
    /// Nanoseconds since 1970, UTC.
    pub timestamp: u64,
    /// `metadata` of the schema.
    pub metadata: Metadata,
    /// `payload` of the schema.
    pub payload: Vec<u8>,
}

/// Row-major, little-endian; the data's length is the product of the shape times
/// the size of an element. An empty shape is one element.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Tensor {
    /// `elementType` of the schema.
    pub element_type: ElementType,
    /// `shape` of the schema.
    pub shape: Vec<u64>,
    /// `data` of the schema.
    #[rkyv(with = AlignedBytes)]
    pub data: Vec<u8>,
}

/// What an agent starts a step with.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct AgentContext {
    /// `sessionId` of the schema.
    pub session_id: String,
    /// `embeddings` of the schema.
    pub embeddings: Vec<Tensor>,
    /// `tokenIds` of the schema.
    pub token_ids: Vec<u32>,
    /// `references` of the schema.
    pub references: Vec<Reference>,
}

/// The passages found for one question, best first.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct ContextSlice {
    /// Which slice of the session, from 1.
    pub slice_id: u64,
    /// `question` of the schema.
    pub question: String,
    /// The frames of memory that the passages come from.
    pub frame_ids: Vec<u64>,
    /// `chunks` of the schema.
    pub chunks: Vec<Chunk>,
    /// Digest of the memory's state that was searched; zeros where there is none.
    pub checkpoint_root: [u8; 32],
    /// `retrievalProof` of the schema.
    pub retrieval_proof: RetrievalProof,
    /// Labels of everything inside.
    pub labels: Vec<String>,
}

/// One passage of one document.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Chunk {
    /// The document's path beneath its root.
    pub path: String,
    /// Of the document's original bytes.
    pub document_digest: [u8; 32],
    /// Where the passage starts in the extracted text, in bytes.
    pub offset: u64,
    /// Fixed point.
    pub score: u64,
    /// `text` of the schema.
    pub text: String,
    /// The nearest heading above it; empty where there is none.
    pub heading: String,
}

/// That what was read lies beneath a root.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct RetrievalProof {
    /// Zeros where nothing is proven.
    pub root: [u8; 32],
    /// How many leaves the root covers.
    pub leaf_count: u64,
    /// `leaves` of the schema.
    pub leaves: Vec<LeafProof>,
}

/// One leaf's way up to the root.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct LeafProof {
    /// `index` of the schema.
    pub index: u64,
    /// `digest` of the schema.
    pub digest: [u8; 32],
    /// The siblings, from the leaf upwards.
    pub path: Vec<[u8; 32]>,
}

/// `InferenceRequest` of the schema.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct InferenceRequest {
    /// `requestId` of the schema.
    pub request_id: u64,
    /// `model` of the schema.
    pub model: String,
    /// `prompt` of the schema.
    pub prompt: String,
    /// Instead of a prompt, when it is already in tokens.
    pub token_ids: Vec<u32>,
    /// `inputs` of the schema.
    pub inputs: Vec<Tensor>,
    /// Slices that the answer may be read from.
    pub context: Vec<Reference>,
    /// `outputTokensMax` of the schema.
    pub output_tokens_max: u32,
    /// 0 is greedy.
    pub temperature: f32,
    /// `seed` of the schema.
    pub seed: u64,
    /// Nanoseconds since 1970, UTC; 0 for none.
    pub deadline: u64,
}

/// `InferenceOutput` of the schema.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct InferenceOutput {
    /// `requestId` of the schema.
    pub request_id: u64,
    /// `finishReason` of the schema.
    pub finish_reason: FinishReason,
    /// `text` of the schema.
    pub text: String,
    /// `tokenIds` of the schema.
    pub token_ids: Vec<u32>,
    /// `outputs` of the schema.
    pub outputs: Vec<Tensor>,
    /// `inputTokens` of the schema.
    pub input_tokens: u32,
    /// `outputTokens` of the schema.
    pub output_tokens: u32,
    /// Of the weights that computed it; zeros where they are not known.
    pub model_digest: [u8; 32],
    /// Why it failed; empty otherwise.
    pub error: String,
}

/// `Block` of the schema.
#[derive(Archive, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Block {
    /// `height` of the schema.
    pub height: u64,
    /// Digest of the block before; 32 zeros in the first.
    pub parent: [u8; 32],
    /// `stateRoot` of the schema.
    pub state_root: [u8; 32],
    /// `transactionsRoot` of the schema.
    pub transactions_root: [u8; 32],
    /// `receiptsRoot` of the schema.
    pub receipts_root: [u8; 32],
    /// Nanoseconds since 1970, UTC.
    pub timestamp: u64,
    /// The fingerprint of the key.
    pub proposer: [u8; 32],
    /// `transactions` of the schema.
    pub transactions: Vec<Vec<u8>>,
}
