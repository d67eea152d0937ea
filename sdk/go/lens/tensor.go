package lens

import (
	"math/bits"

	"ioi/sdk/go/data"
)

var elementBytes = map[data.ElementType]uint64{
	data.ElementType_f32: 4, data.ElementType_f16: 2, data.ElementType_bf16: 2, data.ElementType_f64: 8,
	data.ElementType_i8: 1, data.ElementType_i16: 2, data.ElementType_i32: 4, data.ElementType_i64: 8,
	data.ElementType_u8: 1, data.ElementType_u16: 2, data.ElementType_u32: 4, data.ElementType_u64: 8,
}

// checkTensor refuses data of another length than shape and elements say. An empty shape is one element.
func checkTensor(element data.ElementType, shape []uint64, found uint64) error {
	expected, known := elementBytes[element]
	if !known {
		return refuse(Invalid, "enumerant %d of ElementType, which has %d", element, len(elementBytes))
	}
	for _, size := range shape {
		high, low := bits.Mul64(expected, size)
		if high != 0 {
			return refuse(TensorLength, "a tensor of shape %v is larger than any memory", shape)
		}
		expected = low
	}
	if expected != found {
		return refuse(TensorLength, "%d bytes of data for a shape of %v in %v, which takes %d", found, shape, element, expected)
	}
	return nil
}
