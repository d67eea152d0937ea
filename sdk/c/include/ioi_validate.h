// Generated from schema/data.capnp by `cargo xtask generate`.
// Reads all of a message once: pointers, texts, enums, lengths, the data of tensors. One in which
// anything is reached twice is refused too. After it, every accessor of that type gives what the message
// says, for as long as the bytes stay as they are.
#ifndef IOI_VALIDATE_H
#define IOI_VALIDATE_H

#include "ioi_tensor.h"

// Whether the schema has a name for it.
static inline bool ioi_is_element_type(uint16_t value) {
    return value < 12;
}

// Whether the schema has a name for it.
static inline bool ioi_is_finish_reason(uint16_t value) {
    return value < 4;
}

// What the functions below are made of: walks through one value, out of a message's budget.
static inline ioi_error ioi_walk_handle(ioi_handle from);
static inline ioi_error ioi_walk_reference(ioi_reference from);
static inline ioi_error ioi_walk_metadata(ioi_metadata from);
static inline ioi_error ioi_walk_envelope(ioi_envelope from);
static inline ioi_error ioi_walk_tensor(ioi_tensor from);
static inline ioi_error ioi_walk_agent_context(ioi_agent_context from);
static inline ioi_error ioi_walk_context_slice(ioi_context_slice from);
static inline ioi_error ioi_walk_chunk(ioi_chunk from);
static inline ioi_error ioi_walk_retrieval_proof(ioi_retrieval_proof from);
static inline ioi_error ioi_walk_leaf_proof(ioi_leaf_proof from);
static inline ioi_error ioi_walk_inference_request(ioi_inference_request from);
static inline ioi_error ioi_walk_inference_output(ioi_inference_output from);
static inline ioi_error ioi_walk_block(ioi_block from);

static inline ioi_error ioi_walk_handle(ioi_handle from) {
    (void)from;
    return IOI_OK;
}

static inline ioi_error ioi_walk_reference(ioi_reference from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_reference_name(from, &value))) {
            return error;
        }
    }
    {
        ioi_handle value;
        if ((error = ioi_reference_handle(from, &value)) || (error = ioi_walk_handle(value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_reference_digest(from, &value))) {
            return error;
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_metadata(ioi_metadata from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_metadata_user_id(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_metadata_device_id(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_metadata_credit_ledger_id(from, &value))) {
            return error;
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_envelope(ioi_envelope from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_envelope_id(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_envelope_type(from, &value))) {
            return error;
        }
    }
    {
        ioi_metadata value;
        if ((error = ioi_envelope_metadata(from, &value)) || (error = ioi_walk_metadata(value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_envelope_payload(from, &value))) {
            return error;
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_tensor(ioi_tensor from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_tensor_checked(from, &value))) {
            return error;
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_agent_context(ioi_agent_context from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_agent_context_session_id(from, &value))) {
            return error;
        }
    }
    {
        ioi_tensor_list list;
        if ((error = ioi_agent_context_embeddings(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_tensor value;
            if ((error = ioi_tensor_list_get(list, at, &value)) || (error = ioi_walk_tensor(value))) {
                return error;
            }
        }
    }
    {
        ioi_u32_list list;
        if ((error = ioi_agent_context_token_ids(from, &list))) {
            return error;
        }
    }
    {
        ioi_reference_list list;
        if ((error = ioi_agent_context_references(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_reference value;
            if ((error = ioi_reference_list_get(list, at, &value)) || (error = ioi_walk_reference(value))) {
                return error;
            }
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_context_slice(ioi_context_slice from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_context_slice_question(from, &value))) {
            return error;
        }
    }
    {
        ioi_u64_list list;
        if ((error = ioi_context_slice_frame_ids(from, &list))) {
            return error;
        }
    }
    {
        ioi_chunk_list list;
        if ((error = ioi_context_slice_chunks(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_chunk value;
            if ((error = ioi_chunk_list_get(list, at, &value)) || (error = ioi_walk_chunk(value))) {
                return error;
            }
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_context_slice_checkpoint_root(from, &value))) {
            return error;
        }
    }
    {
        ioi_retrieval_proof value;
        if ((error = ioi_context_slice_retrieval_proof(from, &value)) || (error = ioi_walk_retrieval_proof(value))) {
            return error;
        }
    }
    {
        ioi_text_list list;
        if ((error = ioi_context_slice_labels(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_bytes value;
            if ((error = ioi_text_list_get(list, at, &value))) {
                return error;
            }
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_chunk(ioi_chunk from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_chunk_path(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_chunk_document_digest(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_chunk_text(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_chunk_heading(from, &value))) {
            return error;
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_retrieval_proof(ioi_retrieval_proof from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_retrieval_proof_root(from, &value))) {
            return error;
        }
    }
    {
        ioi_leaf_proof_list list;
        if ((error = ioi_retrieval_proof_leaves(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_leaf_proof value;
            if ((error = ioi_leaf_proof_list_get(list, at, &value)) || (error = ioi_walk_leaf_proof(value))) {
                return error;
            }
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_leaf_proof(ioi_leaf_proof from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_leaf_proof_digest(from, &value))) {
            return error;
        }
    }
    {
        ioi_digest_list list;
        if ((error = ioi_leaf_proof_path(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_bytes value;
            if ((error = ioi_digest_list_get(list, at, &value))) {
                return error;
            }
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_inference_request(ioi_inference_request from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_inference_request_model(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_inference_request_prompt(from, &value))) {
            return error;
        }
    }
    {
        ioi_u32_list list;
        if ((error = ioi_inference_request_token_ids(from, &list))) {
            return error;
        }
    }
    {
        ioi_tensor_list list;
        if ((error = ioi_inference_request_inputs(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_tensor value;
            if ((error = ioi_tensor_list_get(list, at, &value)) || (error = ioi_walk_tensor(value))) {
                return error;
            }
        }
    }
    {
        ioi_reference_list list;
        if ((error = ioi_inference_request_context(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_reference value;
            if ((error = ioi_reference_list_get(list, at, &value)) || (error = ioi_walk_reference(value))) {
                return error;
            }
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_inference_output(ioi_inference_output from) {
    ioi_error error;
    if (!ioi_is_finish_reason(ioi_inference_output_finish_reason(from))) {
        return IOI_ENUM;
    }
    {
        ioi_bytes value;
        if ((error = ioi_inference_output_text(from, &value))) {
            return error;
        }
    }
    {
        ioi_u32_list list;
        if ((error = ioi_inference_output_token_ids(from, &list))) {
            return error;
        }
    }
    {
        ioi_tensor_list list;
        if ((error = ioi_inference_output_outputs(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_tensor value;
            if ((error = ioi_tensor_list_get(list, at, &value)) || (error = ioi_walk_tensor(value))) {
                return error;
            }
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_inference_output_model_digest(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_inference_output_error(from, &value))) {
            return error;
        }
    }
    return IOI_OK;
}

static inline ioi_error ioi_walk_block(ioi_block from) {
    ioi_error error;
    {
        ioi_bytes value;
        if ((error = ioi_block_parent(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_block_state_root(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_block_transactions_root(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_block_receipts_root(from, &value))) {
            return error;
        }
    }
    {
        ioi_bytes value;
        if ((error = ioi_block_proposer(from, &value))) {
            return error;
        }
    }
    {
        ioi_data_list list;
        if ((error = ioi_block_transactions(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            ioi_bytes value;
            if ((error = ioi_data_list_get(list, at, &value))) {
                return error;
            }
        }
    }
    return IOI_OK;
}

// Refuses a message of the type Handle in which anything is wrong.
static inline ioi_error ioi_validate_handle(const void *bytes, size_t count) {
    ioi_message message;
    ioi_handle root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_handle(&message, &root);
    return error ? error : ioi_walk_handle(root);
}

// Refuses a message of the type Reference in which anything is wrong.
static inline ioi_error ioi_validate_reference(const void *bytes, size_t count) {
    ioi_message message;
    ioi_reference root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_reference(&message, &root);
    return error ? error : ioi_walk_reference(root);
}

// Refuses a message of the type Metadata in which anything is wrong.
static inline ioi_error ioi_validate_metadata(const void *bytes, size_t count) {
    ioi_message message;
    ioi_metadata root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_metadata(&message, &root);
    return error ? error : ioi_walk_metadata(root);
}

// Refuses a message of the type Envelope in which anything is wrong.
static inline ioi_error ioi_validate_envelope(const void *bytes, size_t count) {
    ioi_message message;
    ioi_envelope root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_envelope(&message, &root);
    return error ? error : ioi_walk_envelope(root);
}

// Refuses a message of the type Tensor in which anything is wrong.
static inline ioi_error ioi_validate_tensor(const void *bytes, size_t count) {
    ioi_message message;
    ioi_tensor root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_tensor(&message, &root);
    return error ? error : ioi_walk_tensor(root);
}

// Refuses a message of the type AgentContext in which anything is wrong.
static inline ioi_error ioi_validate_agent_context(const void *bytes, size_t count) {
    ioi_message message;
    ioi_agent_context root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_agent_context(&message, &root);
    return error ? error : ioi_walk_agent_context(root);
}

// Refuses a message of the type ContextSlice in which anything is wrong.
static inline ioi_error ioi_validate_context_slice(const void *bytes, size_t count) {
    ioi_message message;
    ioi_context_slice root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_context_slice(&message, &root);
    return error ? error : ioi_walk_context_slice(root);
}

// Refuses a message of the type Chunk in which anything is wrong.
static inline ioi_error ioi_validate_chunk(const void *bytes, size_t count) {
    ioi_message message;
    ioi_chunk root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_chunk(&message, &root);
    return error ? error : ioi_walk_chunk(root);
}

// Refuses a message of the type RetrievalProof in which anything is wrong.
static inline ioi_error ioi_validate_retrieval_proof(const void *bytes, size_t count) {
    ioi_message message;
    ioi_retrieval_proof root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_retrieval_proof(&message, &root);
    return error ? error : ioi_walk_retrieval_proof(root);
}

// Refuses a message of the type LeafProof in which anything is wrong.
static inline ioi_error ioi_validate_leaf_proof(const void *bytes, size_t count) {
    ioi_message message;
    ioi_leaf_proof root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_leaf_proof(&message, &root);
    return error ? error : ioi_walk_leaf_proof(root);
}

// Refuses a message of the type InferenceRequest in which anything is wrong.
static inline ioi_error ioi_validate_inference_request(const void *bytes, size_t count) {
    ioi_message message;
    ioi_inference_request root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_inference_request(&message, &root);
    return error ? error : ioi_walk_inference_request(root);
}

// Refuses a message of the type InferenceOutput in which anything is wrong.
static inline ioi_error ioi_validate_inference_output(const void *bytes, size_t count) {
    ioi_message message;
    ioi_inference_output root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_inference_output(&message, &root);
    return error ? error : ioi_walk_inference_output(root);
}

// Refuses a message of the type Block in which anything is wrong.
static inline ioi_error ioi_validate_block(const void *bytes, size_t count) {
    ioi_message message;
    ioi_block root;
    ioi_error error = ioi_message_open(&message, bytes, count);
    message.budget = message.count;
    error = error ? error : ioi_root_block(&message, &root);
    return error ? error : ioi_walk_block(root);
}

#endif
