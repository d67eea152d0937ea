// Generated from schema/data.capnp by `cargo xtask generate`.
// Accessors of the data plane's types. Everything is read in place: a text, data or list that an
// accessor gives out lies in the message.
#ifndef IOI_DATA_H
#define IOI_DATA_H

#include "ioi_lens.h"

#define IOI_ELEMENT_TYPE_F32 UINT16_C(0)
#define IOI_ELEMENT_TYPE_F16 UINT16_C(1)
#define IOI_ELEMENT_TYPE_BF16 UINT16_C(2)
#define IOI_ELEMENT_TYPE_F64 UINT16_C(3)
#define IOI_ELEMENT_TYPE_I8 UINT16_C(4)
#define IOI_ELEMENT_TYPE_I16 UINT16_C(5)
#define IOI_ELEMENT_TYPE_I32 UINT16_C(6)
#define IOI_ELEMENT_TYPE_I64 UINT16_C(7)
#define IOI_ELEMENT_TYPE_U8 UINT16_C(8)
#define IOI_ELEMENT_TYPE_U16 UINT16_C(9)
#define IOI_ELEMENT_TYPE_U32 UINT16_C(10)
#define IOI_ELEMENT_TYPE_U64 UINT16_C(11)

#define IOI_FINISH_REASON_STOP UINT16_C(0)
#define IOI_FINISH_REASON_LENGTH UINT16_C(1)
#define IOI_FINISH_REASON_CANCELLED UINT16_C(2)
#define IOI_FINISH_REASON_FAILED UINT16_C(3)

// A part of a region.
typedef struct ioi_handle {
    ioi_struct inner;
} ioi_handle;
typedef struct ioi_handle_list {
    ioi_list inner;
} ioi_handle_list;

// Something that a message speaks of and does not carry.
typedef struct ioi_reference {
    ioi_struct inner;
} ioi_reference;
typedef struct ioi_reference_list {
    ioi_list inner;
} ioi_reference_list;

// On whose behalf.
typedef struct ioi_metadata {
    ioi_struct inner;
} ioi_metadata;
typedef struct ioi_metadata_list {
    ioi_list inner;
} ioi_metadata_list;

// One message between applications.
typedef struct ioi_envelope {
    ioi_struct inner;
} ioi_envelope;
typedef struct ioi_envelope_list {
    ioi_list inner;
} ioi_envelope_list;

// Row-major, little-endian; the data's length is the product of the shape times
// the size of an element. An empty shape is one element.
typedef struct ioi_tensor {
    ioi_struct inner;
} ioi_tensor;
typedef struct ioi_tensor_list {
    ioi_list inner;
} ioi_tensor_list;

// What an agent starts a step with.
typedef struct ioi_agent_context {
    ioi_struct inner;
} ioi_agent_context;
typedef struct ioi_agent_context_list {
    ioi_list inner;
} ioi_agent_context_list;

// The passages found for one question, best first.
typedef struct ioi_context_slice {
    ioi_struct inner;
} ioi_context_slice;
typedef struct ioi_context_slice_list {
    ioi_list inner;
} ioi_context_slice_list;

// One passage of one document.
typedef struct ioi_chunk {
    ioi_struct inner;
} ioi_chunk;
typedef struct ioi_chunk_list {
    ioi_list inner;
} ioi_chunk_list;

// That what was read lies beneath a root.
typedef struct ioi_retrieval_proof {
    ioi_struct inner;
} ioi_retrieval_proof;
typedef struct ioi_retrieval_proof_list {
    ioi_list inner;
} ioi_retrieval_proof_list;

// One leaf's way up to the root.
typedef struct ioi_leaf_proof {
    ioi_struct inner;
} ioi_leaf_proof;
typedef struct ioi_leaf_proof_list {
    ioi_list inner;
} ioi_leaf_proof_list;

typedef struct ioi_inference_request {
    ioi_struct inner;
} ioi_inference_request;
typedef struct ioi_inference_request_list {
    ioi_list inner;
} ioi_inference_request_list;

typedef struct ioi_inference_output {
    ioi_struct inner;
} ioi_inference_output;
typedef struct ioi_inference_output_list {
    ioi_list inner;
} ioi_inference_output_list;

typedef struct ioi_block {
    ioi_struct inner;
} ioi_block;
typedef struct ioi_block_list {
    ioi_list inner;
} ioi_block_list;

// The root of a message of the type Handle.
static inline ioi_error ioi_root_handle(ioi_message *message, ioi_handle *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_handle_list_get(ioi_handle_list from, uint32_t at, ioi_handle *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

// The region's number in this session.
static inline uint64_t ioi_handle_region(ioi_handle from) {
    return ioi_struct_u64(&from.inner, 0);
}

// Grows with every lease of the region.
static inline uint32_t ioi_handle_generation(ioi_handle from) {
    return ioi_struct_u32(&from.inner, 2);
}

// What the bytes are; 0 for plain bytes.
static inline uint32_t ioi_handle_type_id(ioi_handle from) {
    return ioi_struct_u32(&from.inner, 3);
}

// From the start of the region, a multiple of 64.
static inline uint64_t ioi_handle_offset(ioi_handle from) {
    return ioi_struct_u64(&from.inner, 2);
}

// Bytes, at least 1.
static inline uint64_t ioi_handle_length(ioi_handle from) {
    return ioi_struct_u64(&from.inner, 3);
}

// The root of a message of the type Reference.
static inline ioi_error ioi_root_reference(ioi_message *message, ioi_reference *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_reference_list_get(ioi_reference_list from, uint32_t at, ioi_reference *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline ioi_error ioi_reference_name(ioi_reference from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 0, out);
}

static inline ioi_error ioi_reference_handle(ioi_reference from, ioi_handle *out) {
    return ioi_struct_struct(&from.inner, 1, &out->inner);
}

// A claim, until the receiver has computed it from the bytes.
static inline ioi_error ioi_reference_digest(ioi_reference from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 2, 32, out);
}

// The root of a message of the type Metadata.
static inline ioi_error ioi_root_metadata(ioi_message *message, ioi_metadata *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_metadata_list_get(ioi_metadata_list from, uint32_t at, ioi_metadata *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline ioi_error ioi_metadata_user_id(ioi_metadata from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 0, out);
}

static inline ioi_error ioi_metadata_device_id(ioi_metadata from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 1, out);
}

static inline ioi_error ioi_metadata_credit_ledger_id(ioi_metadata from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 2, out);
}

// The root of a message of the type Envelope.
static inline ioi_error ioi_root_envelope(ioi_message *message, ioi_envelope *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_envelope_list_get(ioi_envelope_list from, uint32_t at, ioi_envelope *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline ioi_error ioi_envelope_id(ioi_envelope from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 0, out);
}

// What the payload is, such as `chat.message`.
static inline ioi_error ioi_envelope_type(ioi_envelope from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 1, out);
}

// Nanoseconds since 1970, UTC.
static inline uint64_t ioi_envelope_timestamp(ioi_envelope from) {
    return ioi_struct_u64(&from.inner, 0);
}

static inline ioi_error ioi_envelope_metadata(ioi_envelope from, ioi_metadata *out) {
    return ioi_struct_struct(&from.inner, 2, &out->inner);
}

static inline ioi_error ioi_envelope_payload(ioi_envelope from, ioi_bytes *out) {
    return ioi_struct_data(&from.inner, 3, out);
}

// The root of a message of the type Tensor.
static inline ioi_error ioi_root_tensor(ioi_message *message, ioi_tensor *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_tensor_list_get(ioi_tensor_list from, uint32_t at, ioi_tensor *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline uint16_t ioi_tensor_element_type(ioi_tensor from) {
    return ioi_struct_u16(&from.inner, 0);
}

static inline ioi_error ioi_tensor_shape(ioi_tensor from, ioi_u64_list *out) {
    return ioi_struct_list(&from.inner, 0, IOI_ELEMENT_EIGHT_BYTES, &out->inner);
}

static inline ioi_error ioi_tensor_data(ioi_tensor from, ioi_bytes *out) {
    return ioi_struct_data(&from.inner, 1, out);
}

// The root of a message of the type AgentContext.
static inline ioi_error ioi_root_agent_context(ioi_message *message, ioi_agent_context *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_agent_context_list_get(ioi_agent_context_list from, uint32_t at, ioi_agent_context *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline ioi_error ioi_agent_context_session_id(ioi_agent_context from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 0, out);
}

static inline ioi_error ioi_agent_context_embeddings(ioi_agent_context from, ioi_tensor_list *out) {
    return ioi_struct_list(&from.inner, 1, IOI_ELEMENT_STRUCT, &out->inner);
}

static inline ioi_error ioi_agent_context_token_ids(ioi_agent_context from, ioi_u32_list *out) {
    return ioi_struct_list(&from.inner, 2, IOI_ELEMENT_FOUR_BYTES, &out->inner);
}

static inline ioi_error ioi_agent_context_references(ioi_agent_context from, ioi_reference_list *out) {
    return ioi_struct_list(&from.inner, 3, IOI_ELEMENT_STRUCT, &out->inner);
}

// The root of a message of the type ContextSlice.
static inline ioi_error ioi_root_context_slice(ioi_message *message, ioi_context_slice *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_context_slice_list_get(ioi_context_slice_list from, uint32_t at, ioi_context_slice *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

// Which slice of the session, from 1.
static inline uint64_t ioi_context_slice_slice_id(ioi_context_slice from) {
    return ioi_struct_u64(&from.inner, 0);
}

static inline ioi_error ioi_context_slice_question(ioi_context_slice from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 0, out);
}

// The frames of memory that the passages come from.
static inline ioi_error ioi_context_slice_frame_ids(ioi_context_slice from, ioi_u64_list *out) {
    return ioi_struct_list(&from.inner, 1, IOI_ELEMENT_EIGHT_BYTES, &out->inner);
}

static inline ioi_error ioi_context_slice_chunks(ioi_context_slice from, ioi_chunk_list *out) {
    return ioi_struct_list(&from.inner, 2, IOI_ELEMENT_STRUCT, &out->inner);
}

// Digest of the memory's state that was searched; zeros where there is none.
static inline ioi_error ioi_context_slice_checkpoint_root(ioi_context_slice from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 3, 32, out);
}

static inline ioi_error ioi_context_slice_retrieval_proof(ioi_context_slice from, ioi_retrieval_proof *out) {
    return ioi_struct_struct(&from.inner, 4, &out->inner);
}

// Labels of everything inside.
static inline ioi_error ioi_context_slice_labels(ioi_context_slice from, ioi_text_list *out) {
    return ioi_struct_list(&from.inner, 5, IOI_ELEMENT_POINTER, &out->inner);
}

// The root of a message of the type Chunk.
static inline ioi_error ioi_root_chunk(ioi_message *message, ioi_chunk *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_chunk_list_get(ioi_chunk_list from, uint32_t at, ioi_chunk *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

// The document's path beneath its root.
static inline ioi_error ioi_chunk_path(ioi_chunk from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 0, out);
}

// Of the document's original bytes.
static inline ioi_error ioi_chunk_document_digest(ioi_chunk from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 1, 32, out);
}

// Where the passage starts in the extracted text, in bytes.
static inline uint64_t ioi_chunk_offset(ioi_chunk from) {
    return ioi_struct_u64(&from.inner, 0);
}

// Fixed point.
static inline uint64_t ioi_chunk_score(ioi_chunk from) {
    return ioi_struct_u64(&from.inner, 1);
}

static inline ioi_error ioi_chunk_text(ioi_chunk from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 2, out);
}

// The nearest heading above it; empty where there is none.
static inline ioi_error ioi_chunk_heading(ioi_chunk from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 3, out);
}

// The root of a message of the type RetrievalProof.
static inline ioi_error ioi_root_retrieval_proof(ioi_message *message, ioi_retrieval_proof *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_retrieval_proof_list_get(ioi_retrieval_proof_list from, uint32_t at, ioi_retrieval_proof *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

// Zeros where nothing is proven.
static inline ioi_error ioi_retrieval_proof_root(ioi_retrieval_proof from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 0, 32, out);
}

// How many leaves the root covers.
static inline uint64_t ioi_retrieval_proof_leaf_count(ioi_retrieval_proof from) {
    return ioi_struct_u64(&from.inner, 0);
}

static inline ioi_error ioi_retrieval_proof_leaves(ioi_retrieval_proof from, ioi_leaf_proof_list *out) {
    return ioi_struct_list(&from.inner, 1, IOI_ELEMENT_STRUCT, &out->inner);
}

// The root of a message of the type LeafProof.
static inline ioi_error ioi_root_leaf_proof(ioi_message *message, ioi_leaf_proof *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_leaf_proof_list_get(ioi_leaf_proof_list from, uint32_t at, ioi_leaf_proof *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline uint64_t ioi_leaf_proof_index(ioi_leaf_proof from) {
    return ioi_struct_u64(&from.inner, 0);
}

static inline ioi_error ioi_leaf_proof_digest(ioi_leaf_proof from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 0, 32, out);
}

// The siblings, from the leaf upwards.
static inline ioi_error ioi_leaf_proof_path(ioi_leaf_proof from, ioi_digest_list *out) {
    return ioi_struct_list(&from.inner, 1, IOI_ELEMENT_POINTER, &out->inner);
}

// The root of a message of the type InferenceRequest.
static inline ioi_error ioi_root_inference_request(ioi_message *message, ioi_inference_request *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_inference_request_list_get(ioi_inference_request_list from, uint32_t at, ioi_inference_request *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline uint64_t ioi_inference_request_request_id(ioi_inference_request from) {
    return ioi_struct_u64(&from.inner, 0);
}

static inline ioi_error ioi_inference_request_model(ioi_inference_request from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 0, out);
}

static inline ioi_error ioi_inference_request_prompt(ioi_inference_request from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 1, out);
}

// Instead of a prompt, when it is already in tokens.
static inline ioi_error ioi_inference_request_token_ids(ioi_inference_request from, ioi_u32_list *out) {
    return ioi_struct_list(&from.inner, 2, IOI_ELEMENT_FOUR_BYTES, &out->inner);
}

static inline ioi_error ioi_inference_request_inputs(ioi_inference_request from, ioi_tensor_list *out) {
    return ioi_struct_list(&from.inner, 3, IOI_ELEMENT_STRUCT, &out->inner);
}

// Slices that the answer may be read from.
static inline ioi_error ioi_inference_request_context(ioi_inference_request from, ioi_reference_list *out) {
    return ioi_struct_list(&from.inner, 4, IOI_ELEMENT_STRUCT, &out->inner);
}

static inline uint32_t ioi_inference_request_output_tokens_max(ioi_inference_request from) {
    return ioi_struct_u32(&from.inner, 2);
}

// 0 is greedy.
static inline float ioi_inference_request_temperature(ioi_inference_request from) {
    return ioi_struct_f32(&from.inner, 3);
}

static inline uint64_t ioi_inference_request_seed(ioi_inference_request from) {
    return ioi_struct_u64(&from.inner, 2);
}

// Nanoseconds since 1970, UTC; 0 for none.
static inline uint64_t ioi_inference_request_deadline(ioi_inference_request from) {
    return ioi_struct_u64(&from.inner, 3);
}

// The root of a message of the type InferenceOutput.
static inline ioi_error ioi_root_inference_output(ioi_message *message, ioi_inference_output *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_inference_output_list_get(ioi_inference_output_list from, uint32_t at, ioi_inference_output *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline uint64_t ioi_inference_output_request_id(ioi_inference_output from) {
    return ioi_struct_u64(&from.inner, 0);
}

static inline uint16_t ioi_inference_output_finish_reason(ioi_inference_output from) {
    return ioi_struct_u16(&from.inner, 4);
}

static inline ioi_error ioi_inference_output_text(ioi_inference_output from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 0, out);
}

static inline ioi_error ioi_inference_output_token_ids(ioi_inference_output from, ioi_u32_list *out) {
    return ioi_struct_list(&from.inner, 1, IOI_ELEMENT_FOUR_BYTES, &out->inner);
}

static inline ioi_error ioi_inference_output_outputs(ioi_inference_output from, ioi_tensor_list *out) {
    return ioi_struct_list(&from.inner, 2, IOI_ELEMENT_STRUCT, &out->inner);
}

static inline uint32_t ioi_inference_output_input_tokens(ioi_inference_output from) {
    return ioi_struct_u32(&from.inner, 3);
}

static inline uint32_t ioi_inference_output_output_tokens(ioi_inference_output from) {
    return ioi_struct_u32(&from.inner, 4);
}

// Of the weights that computed it; zeros where they are not known.
static inline ioi_error ioi_inference_output_model_digest(ioi_inference_output from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 3, 32, out);
}

// Why it failed; empty otherwise.
static inline ioi_error ioi_inference_output_error(ioi_inference_output from, ioi_bytes *out) {
    return ioi_struct_text(&from.inner, 4, out);
}

// The root of a message of the type Block.
static inline ioi_error ioi_root_block(ioi_message *message, ioi_block *out) {
    return ioi_message_root(message, &out->inner);
}

static inline ioi_error ioi_block_list_get(ioi_block_list from, uint32_t at, ioi_block *out) {
    return ioi_list_struct(&from.inner, at, &out->inner);
}

static inline uint64_t ioi_block_height(ioi_block from) {
    return ioi_struct_u64(&from.inner, 0);
}

// Digest of the block before; 32 zeros in the first.
static inline ioi_error ioi_block_parent(ioi_block from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 0, 32, out);
}

static inline ioi_error ioi_block_state_root(ioi_block from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 1, 32, out);
}

static inline ioi_error ioi_block_transactions_root(ioi_block from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 2, 32, out);
}

static inline ioi_error ioi_block_receipts_root(ioi_block from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 3, 32, out);
}

// Nanoseconds since 1970, UTC.
static inline uint64_t ioi_block_timestamp(ioi_block from) {
    return ioi_struct_u64(&from.inner, 1);
}

// The fingerprint of the key.
static inline ioi_error ioi_block_proposer(ioi_block from, ioi_bytes *out) {
    return ioi_struct_exact(&from.inner, 4, 32, out);
}

static inline ioi_error ioi_block_transactions(ioi_block from, ioi_data_list *out) {
    return ioi_struct_list(&from.inner, 5, IOI_ELEMENT_POINTER, &out->inner);
}

#endif
