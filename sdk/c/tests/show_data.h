// Generated from schema/data.capnp by `cargo xtask generate`.
// Each type as the JSON of the golden vectors, by its accessors.
#ifndef IOI_SHOW_DATA_H
#define IOI_SHOW_DATA_H

#include "ioi_validate.h"
#include "show.h"

static ioi_error show_element_type(show *out, uint16_t value) {
    switch (value) {
    case IOI_ELEMENT_TYPE_F32:
        return show_literal(out, "\"f32\"");
    case IOI_ELEMENT_TYPE_F16:
        return show_literal(out, "\"f16\"");
    case IOI_ELEMENT_TYPE_BF16:
        return show_literal(out, "\"bf16\"");
    case IOI_ELEMENT_TYPE_F64:
        return show_literal(out, "\"f64\"");
    case IOI_ELEMENT_TYPE_I8:
        return show_literal(out, "\"i8\"");
    case IOI_ELEMENT_TYPE_I16:
        return show_literal(out, "\"i16\"");
    case IOI_ELEMENT_TYPE_I32:
        return show_literal(out, "\"i32\"");
    case IOI_ELEMENT_TYPE_I64:
        return show_literal(out, "\"i64\"");
    case IOI_ELEMENT_TYPE_U8:
        return show_literal(out, "\"u8\"");
    case IOI_ELEMENT_TYPE_U16:
        return show_literal(out, "\"u16\"");
    case IOI_ELEMENT_TYPE_U32:
        return show_literal(out, "\"u32\"");
    case IOI_ELEMENT_TYPE_U64:
        return show_literal(out, "\"u64\"");
    default:
        return IOI_ENUM;
    }
}

static ioi_error show_finish_reason(show *out, uint16_t value) {
    switch (value) {
    case IOI_FINISH_REASON_STOP:
        return show_literal(out, "\"stop\"");
    case IOI_FINISH_REASON_LENGTH:
        return show_literal(out, "\"length\"");
    case IOI_FINISH_REASON_CANCELLED:
        return show_literal(out, "\"cancelled\"");
    case IOI_FINISH_REASON_FAILED:
        return show_literal(out, "\"failed\"");
    default:
        return IOI_ENUM;
    }
}

static ioi_error show_handle(show *out, ioi_handle from);
static ioi_error show_reference(show *out, ioi_reference from);
static ioi_error show_metadata(show *out, ioi_metadata from);
static ioi_error show_envelope(show *out, ioi_envelope from);
static ioi_error show_tensor(show *out, ioi_tensor from);
static ioi_error show_agent_context(show *out, ioi_agent_context from);
static ioi_error show_context_slice(show *out, ioi_context_slice from);
static ioi_error show_chunk(show *out, ioi_chunk from);
static ioi_error show_retrieval_proof(show *out, ioi_retrieval_proof from);
static ioi_error show_leaf_proof(show *out, ioi_leaf_proof from);
static ioi_error show_inference_request(show *out, ioi_inference_request from);
static ioi_error show_inference_output(show *out, ioi_inference_output from);
static ioi_error show_block(show *out, ioi_block from);

static ioi_error show_handle(show *out, ioi_handle from) {
    ioi_error error;
    show_member(out, '{', "generation");
    if ((error = show_u32(out, ioi_handle_generation(from)))) {
        return error;
    }
    show_member(out, ',', "length");
    if ((error = show_u64(out, ioi_handle_length(from)))) {
        return error;
    }
    show_member(out, ',', "offset");
    if ((error = show_u64(out, ioi_handle_offset(from)))) {
        return error;
    }
    show_member(out, ',', "region");
    if ((error = show_u64(out, ioi_handle_region(from)))) {
        return error;
    }
    show_member(out, ',', "typeId");
    if ((error = show_u32(out, ioi_handle_type_id(from)))) {
        return error;
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_reference(show *out, ioi_reference from) {
    ioi_error error;
    show_member(out, '{', "digest");
    {
        ioi_bytes value;
        if ((error = ioi_reference_digest(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "handle");
    {
        ioi_handle value;
        if ((error = ioi_reference_handle(from, &value)) || (error = show_handle(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "name");
    {
        ioi_bytes value;
        if ((error = ioi_reference_name(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_metadata(show *out, ioi_metadata from) {
    ioi_error error;
    show_member(out, '{', "creditLedgerId");
    {
        ioi_bytes value;
        if ((error = ioi_metadata_credit_ledger_id(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "deviceId");
    {
        ioi_bytes value;
        if ((error = ioi_metadata_device_id(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "userId");
    {
        ioi_bytes value;
        if ((error = ioi_metadata_user_id(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_envelope(show *out, ioi_envelope from) {
    ioi_error error;
    show_member(out, '{', "id");
    {
        ioi_bytes value;
        if ((error = ioi_envelope_id(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "metadata");
    {
        ioi_metadata value;
        if ((error = ioi_envelope_metadata(from, &value)) || (error = show_metadata(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "payload");
    {
        ioi_bytes value;
        if ((error = ioi_envelope_payload(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "timestamp");
    if ((error = show_u64(out, ioi_envelope_timestamp(from)))) {
        return error;
    }
    show_member(out, ',', "type");
    {
        ioi_bytes value;
        if ((error = ioi_envelope_type(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_tensor(show *out, ioi_tensor from) {
    ioi_error error;
    ioi_bytes checked;
    if ((error = ioi_tensor_checked(from, &checked))) {
        return error;
    }
    show_member(out, '{', "data");
    {
        ioi_bytes value;
        if ((error = ioi_tensor_data(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "elementType");
    if ((error = show_element_type(out, ioi_tensor_element_type(from)))) {
        return error;
    }
    show_member(out, ',', "shape");
    {
        ioi_u64_list list;
        uint64_t value;
        if ((error = ioi_tensor_shape(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_u64_list_get(list, at, &value)) || (error = show_u64(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_agent_context(show *out, ioi_agent_context from) {
    ioi_error error;
    show_member(out, '{', "embeddings");
    {
        ioi_tensor_list list;
        ioi_tensor value;
        if ((error = ioi_agent_context_embeddings(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_tensor_list_get(list, at, &value)) || (error = show_tensor(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "references");
    {
        ioi_reference_list list;
        ioi_reference value;
        if ((error = ioi_agent_context_references(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_reference_list_get(list, at, &value)) || (error = show_reference(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "sessionId");
    {
        ioi_bytes value;
        if ((error = ioi_agent_context_session_id(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "tokenIds");
    {
        ioi_u32_list list;
        uint32_t value;
        if ((error = ioi_agent_context_token_ids(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_u32_list_get(list, at, &value)) || (error = show_u32(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_context_slice(show *out, ioi_context_slice from) {
    ioi_error error;
    show_member(out, '{', "checkpointRoot");
    {
        ioi_bytes value;
        if ((error = ioi_context_slice_checkpoint_root(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "chunks");
    {
        ioi_chunk_list list;
        ioi_chunk value;
        if ((error = ioi_context_slice_chunks(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_chunk_list_get(list, at, &value)) || (error = show_chunk(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "frameIds");
    {
        ioi_u64_list list;
        uint64_t value;
        if ((error = ioi_context_slice_frame_ids(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_u64_list_get(list, at, &value)) || (error = show_u64(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "labels");
    {
        ioi_text_list list;
        ioi_bytes value;
        if ((error = ioi_context_slice_labels(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_text_list_get(list, at, &value)) || (error = show_text(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "question");
    {
        ioi_bytes value;
        if ((error = ioi_context_slice_question(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "retrievalProof");
    {
        ioi_retrieval_proof value;
        if ((error = ioi_context_slice_retrieval_proof(from, &value)) || (error = show_retrieval_proof(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "sliceId");
    if ((error = show_u64(out, ioi_context_slice_slice_id(from)))) {
        return error;
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_chunk(show *out, ioi_chunk from) {
    ioi_error error;
    show_member(out, '{', "documentDigest");
    {
        ioi_bytes value;
        if ((error = ioi_chunk_document_digest(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "heading");
    {
        ioi_bytes value;
        if ((error = ioi_chunk_heading(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "offset");
    if ((error = show_u64(out, ioi_chunk_offset(from)))) {
        return error;
    }
    show_member(out, ',', "path");
    {
        ioi_bytes value;
        if ((error = ioi_chunk_path(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "score");
    if ((error = show_u64(out, ioi_chunk_score(from)))) {
        return error;
    }
    show_member(out, ',', "text");
    {
        ioi_bytes value;
        if ((error = ioi_chunk_text(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_retrieval_proof(show *out, ioi_retrieval_proof from) {
    ioi_error error;
    show_member(out, '{', "leafCount");
    if ((error = show_u64(out, ioi_retrieval_proof_leaf_count(from)))) {
        return error;
    }
    show_member(out, ',', "leaves");
    {
        ioi_leaf_proof_list list;
        ioi_leaf_proof value;
        if ((error = ioi_retrieval_proof_leaves(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_leaf_proof_list_get(list, at, &value)) || (error = show_leaf_proof(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "root");
    {
        ioi_bytes value;
        if ((error = ioi_retrieval_proof_root(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_leaf_proof(show *out, ioi_leaf_proof from) {
    ioi_error error;
    show_member(out, '{', "digest");
    {
        ioi_bytes value;
        if ((error = ioi_leaf_proof_digest(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "index");
    if ((error = show_u64(out, ioi_leaf_proof_index(from)))) {
        return error;
    }
    show_member(out, ',', "path");
    {
        ioi_digest_list list;
        ioi_bytes value;
        if ((error = ioi_leaf_proof_path(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_digest_list_get(list, at, &value)) || (error = show_bytes(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_inference_request(show *out, ioi_inference_request from) {
    ioi_error error;
    show_member(out, '{', "context");
    {
        ioi_reference_list list;
        ioi_reference value;
        if ((error = ioi_inference_request_context(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_reference_list_get(list, at, &value)) || (error = show_reference(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "deadline");
    if ((error = show_u64(out, ioi_inference_request_deadline(from)))) {
        return error;
    }
    show_member(out, ',', "inputs");
    {
        ioi_tensor_list list;
        ioi_tensor value;
        if ((error = ioi_inference_request_inputs(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_tensor_list_get(list, at, &value)) || (error = show_tensor(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "model");
    {
        ioi_bytes value;
        if ((error = ioi_inference_request_model(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "outputTokensMax");
    if ((error = show_u32(out, ioi_inference_request_output_tokens_max(from)))) {
        return error;
    }
    show_member(out, ',', "prompt");
    {
        ioi_bytes value;
        if ((error = ioi_inference_request_prompt(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "requestId");
    if ((error = show_u64(out, ioi_inference_request_request_id(from)))) {
        return error;
    }
    show_member(out, ',', "seed");
    if ((error = show_u64(out, ioi_inference_request_seed(from)))) {
        return error;
    }
    show_member(out, ',', "temperature");
    if ((error = show_f32(out, ioi_inference_request_temperature(from)))) {
        return error;
    }
    show_member(out, ',', "tokenIds");
    {
        ioi_u32_list list;
        uint32_t value;
        if ((error = ioi_inference_request_token_ids(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_u32_list_get(list, at, &value)) || (error = show_u32(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_inference_output(show *out, ioi_inference_output from) {
    ioi_error error;
    show_member(out, '{', "error");
    {
        ioi_bytes value;
        if ((error = ioi_inference_output_error(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "finishReason");
    if ((error = show_finish_reason(out, ioi_inference_output_finish_reason(from)))) {
        return error;
    }
    show_member(out, ',', "inputTokens");
    if ((error = show_u32(out, ioi_inference_output_input_tokens(from)))) {
        return error;
    }
    show_member(out, ',', "modelDigest");
    {
        ioi_bytes value;
        if ((error = ioi_inference_output_model_digest(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "outputTokens");
    if ((error = show_u32(out, ioi_inference_output_output_tokens(from)))) {
        return error;
    }
    show_member(out, ',', "outputs");
    {
        ioi_tensor_list list;
        ioi_tensor value;
        if ((error = ioi_inference_output_outputs(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_tensor_list_get(list, at, &value)) || (error = show_tensor(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "requestId");
    if ((error = show_u64(out, ioi_inference_output_request_id(from)))) {
        return error;
    }
    show_member(out, ',', "text");
    {
        ioi_bytes value;
        if ((error = ioi_inference_output_text(from, &value)) || (error = show_text(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "tokenIds");
    {
        ioi_u32_list list;
        uint32_t value;
        if ((error = ioi_inference_output_token_ids(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_u32_list_get(list, at, &value)) || (error = show_u32(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_end(out, '}');
    return IOI_OK;
}

static ioi_error show_block(show *out, ioi_block from) {
    ioi_error error;
    show_member(out, '{', "height");
    if ((error = show_u64(out, ioi_block_height(from)))) {
        return error;
    }
    show_member(out, ',', "parent");
    {
        ioi_bytes value;
        if ((error = ioi_block_parent(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "proposer");
    {
        ioi_bytes value;
        if ((error = ioi_block_proposer(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "receiptsRoot");
    {
        ioi_bytes value;
        if ((error = ioi_block_receipts_root(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "stateRoot");
    {
        ioi_bytes value;
        if ((error = ioi_block_state_root(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_member(out, ',', "timestamp");
    if ((error = show_u64(out, ioi_block_timestamp(from)))) {
        return error;
    }
    show_member(out, ',', "transactions");
    {
        ioi_data_list list;
        ioi_bytes value;
        if ((error = ioi_block_transactions(from, &list))) {
            return error;
        }
        for (uint32_t at = 0; at < list.inner.count; at++) {
            show_element(out, at == 0 ? '[' : ',');
            if ((error = ioi_data_list_get(list, at, &value)) || (error = show_bytes(out, value))) {
                return error;
            }
        }
        show_list_end(out, list.inner.count);
    }
    show_member(out, ',', "transactionsRoot");
    {
        ioi_bytes value;
        if ((error = ioi_block_transactions_root(from, &value)) || (error = show_bytes(out, value))) {
            return error;
        }
    }
    show_end(out, '}');
    return IOI_OK;
}

// Opens the message as the type of this name and shows all of it.
static ioi_error show_root(show *out, const char *type, ioi_message *message) {
    if (strcmp(type, "Handle") == 0) {
        ioi_handle root;
        ioi_error error = ioi_root_handle(message, &root);
        return error ? error : show_handle(out, root);
    }
    if (strcmp(type, "Reference") == 0) {
        ioi_reference root;
        ioi_error error = ioi_root_reference(message, &root);
        return error ? error : show_reference(out, root);
    }
    if (strcmp(type, "Metadata") == 0) {
        ioi_metadata root;
        ioi_error error = ioi_root_metadata(message, &root);
        return error ? error : show_metadata(out, root);
    }
    if (strcmp(type, "Envelope") == 0) {
        ioi_envelope root;
        ioi_error error = ioi_root_envelope(message, &root);
        return error ? error : show_envelope(out, root);
    }
    if (strcmp(type, "Tensor") == 0) {
        ioi_tensor root;
        ioi_error error = ioi_root_tensor(message, &root);
        return error ? error : show_tensor(out, root);
    }
    if (strcmp(type, "AgentContext") == 0) {
        ioi_agent_context root;
        ioi_error error = ioi_root_agent_context(message, &root);
        return error ? error : show_agent_context(out, root);
    }
    if (strcmp(type, "ContextSlice") == 0) {
        ioi_context_slice root;
        ioi_error error = ioi_root_context_slice(message, &root);
        return error ? error : show_context_slice(out, root);
    }
    if (strcmp(type, "Chunk") == 0) {
        ioi_chunk root;
        ioi_error error = ioi_root_chunk(message, &root);
        return error ? error : show_chunk(out, root);
    }
    if (strcmp(type, "RetrievalProof") == 0) {
        ioi_retrieval_proof root;
        ioi_error error = ioi_root_retrieval_proof(message, &root);
        return error ? error : show_retrieval_proof(out, root);
    }
    if (strcmp(type, "LeafProof") == 0) {
        ioi_leaf_proof root;
        ioi_error error = ioi_root_leaf_proof(message, &root);
        return error ? error : show_leaf_proof(out, root);
    }
    if (strcmp(type, "InferenceRequest") == 0) {
        ioi_inference_request root;
        ioi_error error = ioi_root_inference_request(message, &root);
        return error ? error : show_inference_request(out, root);
    }
    if (strcmp(type, "InferenceOutput") == 0) {
        ioi_inference_output root;
        ioi_error error = ioi_root_inference_output(message, &root);
        return error ? error : show_inference_output(out, root);
    }
    if (strcmp(type, "Block") == 0) {
        ioi_block root;
        ioi_error error = ioi_root_block(message, &root);
        return error ? error : show_block(out, root);
    }
    return IOI_ENUM;
}

// Validates a message of the type of this name.
static ioi_error validate_root(const char *type, const void *bytes, size_t count) {
    if (strcmp(type, "Handle") == 0) {
        return ioi_validate_handle(bytes, count);
    }
    if (strcmp(type, "Reference") == 0) {
        return ioi_validate_reference(bytes, count);
    }
    if (strcmp(type, "Metadata") == 0) {
        return ioi_validate_metadata(bytes, count);
    }
    if (strcmp(type, "Envelope") == 0) {
        return ioi_validate_envelope(bytes, count);
    }
    if (strcmp(type, "Tensor") == 0) {
        return ioi_validate_tensor(bytes, count);
    }
    if (strcmp(type, "AgentContext") == 0) {
        return ioi_validate_agent_context(bytes, count);
    }
    if (strcmp(type, "ContextSlice") == 0) {
        return ioi_validate_context_slice(bytes, count);
    }
    if (strcmp(type, "Chunk") == 0) {
        return ioi_validate_chunk(bytes, count);
    }
    if (strcmp(type, "RetrievalProof") == 0) {
        return ioi_validate_retrieval_proof(bytes, count);
    }
    if (strcmp(type, "LeafProof") == 0) {
        return ioi_validate_leaf_proof(bytes, count);
    }
    if (strcmp(type, "InferenceRequest") == 0) {
        return ioi_validate_inference_request(bytes, count);
    }
    if (strcmp(type, "InferenceOutput") == 0) {
        return ioi_validate_inference_output(bytes, count);
    }
    if (strcmp(type, "Block") == 0) {
        return ioi_validate_block(bytes, count);
    }
    return IOI_ENUM;
}

#endif
