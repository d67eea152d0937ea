// A tensor's data are as long as its shape and element type say.
#ifndef IOI_TENSOR_H
#define IOI_TENSOR_H

#include "ioi_data.h"

// The size of one element; 0 for a type that the schema has no name for.
static inline uint64_t ioi_element_type_bytes(uint16_t element_type) {
    static const uint8_t bytes[] = {
        [IOI_ELEMENT_TYPE_F32] = 4, [IOI_ELEMENT_TYPE_F16] = 2, [IOI_ELEMENT_TYPE_BF16] = 2,
        [IOI_ELEMENT_TYPE_F64] = 8, [IOI_ELEMENT_TYPE_I8] = 1,  [IOI_ELEMENT_TYPE_I16] = 2,
        [IOI_ELEMENT_TYPE_I32] = 4, [IOI_ELEMENT_TYPE_I64] = 8, [IOI_ELEMENT_TYPE_U8] = 1,
        [IOI_ELEMENT_TYPE_U16] = 2, [IOI_ELEMENT_TYPE_U32] = 4, [IOI_ELEMENT_TYPE_U64] = 8,
    };
    return element_type < sizeof bytes ? bytes[element_type] : 0;
}

// What elements of this size take in this shape; one element where the shape is empty. A dimension of 0
// makes it 0, wherever it stands.
static inline ioi_error ioi_shape_bytes(ioi_u64_list shape, uint64_t element_bytes, uint64_t *out) {
    uint64_t product = element_bytes, size = 0;
    bool is_too_large = false;
    for (uint32_t at = 0; at < shape.inner.count; at++) {
        ioi_error error = ioi_u64_list_get(shape, at, &size);
        if (error || size == 0) {
            *out = 0;
            return error;
        }
        is_too_large = is_too_large || product > UINT64_MAX / size;
        product *= size;
    }
    *out = product;
    return is_too_large ? IOI_TENSOR_SHAPE : IOI_OK;
}

// The data, checked: row-major, little-endian, starting at a multiple of 8.
static inline ioi_error ioi_tensor_checked(ioi_tensor from, ioi_bytes *out) {
    ioi_u64_list shape;
    ioi_error error = ioi_tensor_shape(from, &shape);
    if (error || (error = ioi_tensor_data(from, out))) {
        return error;
    }
    uint64_t element_bytes = ioi_element_type_bytes(ioi_tensor_element_type(from)), expected = 0;
    if (element_bytes == 0) {
        return IOI_ENUM;
    }
    if ((error = ioi_shape_bytes(shape, element_bytes, &expected))) {
        return error;
    }
    return expected == out->count ? IOI_OK : IOI_TENSOR_LENGTH;
}

#endif
