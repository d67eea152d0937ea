package lens

import (
	"encoding/binary"
	"math/bits"

	"ioi/sdk/go/data"
)

var elementBytes = map[data.ElementType]uint64{
	data.ElementType_f32: 4, data.ElementType_f16: 2, data.ElementType_bf16: 2, data.ElementType_f64: 8,
	data.ElementType_i8: 1, data.ElementType_i16: 2, data.ElementType_i32: 4, data.ElementType_i64: 8,
	data.ElementType_u8: 1, data.ElementType_u16: 2, data.ElementType_u32: 4, data.ElementType_u64: 8,
}

// checkTensor refuses data of another length than shape and elements say.
func checkTensor(element data.ElementType, shape []byte, found uint64) error {
	size, known := elementBytes[element]
	if !known {
		return refuse(Invalid, "enumerant %d of ElementType, which has %d", element, len(elementBytes))
	}
	expected, err := shapeBytes(shape, size)
	if err == nil && expected != found {
		err = refuse(TensorLength, "shape and %v say %d bytes, the data are %d", element, expected, found)
	}
	return err
}

// shapeBytes is what elements of this size take in a shape as it lies in a message; one element where
// the shape is empty. A dimension of 0 makes it 0, wherever it stands.
func shapeBytes(shape []byte, elementBytes uint64) (uint64, error) {
	product, isTooLarge := elementBytes, false
	for ; len(shape) > 0; shape = shape[WordBytes:] {
		size := binary.LittleEndian.Uint64(shape)
		if size == 0 {
			return 0, nil
		}
		high, low := bits.Mul64(product, size)
		product, isTooLarge = low, isTooLarge || high != 0
	}
	if isTooLarge {
		return 0, refuse(TensorShape, "the shape's product is larger than any memory")
	}
	return product, nil
}
