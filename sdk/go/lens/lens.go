// Package lens opens messages of the data plane where they lie in memory.
//
// A message is one segment: a head of 8 bytes (a zero u32, then the number of words that follow),
// and the words. Open looks at the head and the root only, in the same time for any size; what lies
// behind a pointer is checked by the library when it is followed. The library takes a pointer of the
// wrong kind, a text without its zero and a number that no enum has for a default, without a word.
// Validate reads all of a message once and refuses those. It is worth its time only over bytes that
// nobody can write any more: sealed ones, or a copy.
package lens

import (
	"encoding/binary"
	"unsafe"

	"capnproto.org/go/capnp/v3"
)

// WordBytes is the unit of everything in a message.
const WordBytes = 8

// Limits bound how much of a message may be read.
type Limits struct {
	// TraversalsMax is how often all of the message may be walked through. What a pointer leads to is
	// counted each time.
	TraversalsMax uint64
	// DepthMax bounds the pointers from the root to the deepest value.
	DepthMax uint
}

// DefaultLimits are enough for every message that an honest writer makes.
var DefaultLimits = Limits{TraversalsMax: 8, DepthMax: 64}

// Open reads a message in place. The bytes are neither copied nor changed, and must stay as they are
// for as long as the result is used.
func Open[T ~capnp.StructKind](bytes []byte, limits Limits) (T, error) {
	segment, err := checkHead(bytes)
	if err != nil {
		return T{}, err
	}
	// An arena over given bytes refuses to grow, and there is no room behind the segment to grow into.
	message := &capnp.Message{
		Arena:         capnp.SingleSegment(segment),
		TraverseLimit: max(1, uint64(len(segment))*limits.TraversalsMax),
		DepthLimit:    limits.DepthMax,
	}
	root, err := message.Root()
	if err != nil {
		return T{}, refuse(Invalid, "%v", err)
	}
	if root.IsValid() && !root.Struct().IsValid() {
		return T{}, refuse(Invalid, "the root is not a struct")
	}
	return T(root.Struct()), nil
}

// checkHead returns the one segment, which must be all that the bytes hold.
func checkHead(bytes []byte) ([]byte, error) {
	// One that is refused in other languages is refused here, although the library could read it.
	if uintptr(unsafe.Pointer(unsafe.SliceData(bytes)))%WordBytes != 0 {
		return nil, refuse(Unaligned, "a message starts at a multiple of %d bytes; copy it to one", WordBytes)
	}
	if len(bytes) < WordBytes {
		return nil, refuse(Short, "%d bytes are no message, which has %d at least", len(bytes), WordBytes)
	}
	if more := binary.LittleEndian.Uint32(bytes); more != 0 {
		return nil, refuse(Segments, "a message is one segment, this one says %d; write it in one", uint64(more)+1)
	}
	words := binary.LittleEndian.Uint32(bytes[4:])
	segment := bytes[WordBytes:len(bytes):len(bytes)]
	if uint64(words)*WordBytes != uint64(len(segment)) {
		return nil, refuse(Length, "the head says that %d bytes follow, %d do", uint64(words)*WordBytes, len(segment))
	}
	if words == 0 {
		return nil, refuse(Invalid, "the message has no root")
	}
	return segment, nil
}
