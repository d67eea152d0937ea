package lens

import (
	"encoding/binary"
	"unicode/utf8"

	"ioi/sdk/go/data"
)

// Kinds of pointers, and the size codes of list elements.
const (
	structPointer = 0
	listPointer   = 1

	sizeByte      = 2
	sizeWord4     = 4
	sizeWord8     = 5
	sizePointer   = 6
	sizeComposite = 7
)

var pointerNames = [...]string{"struct", "list", "far", "capability"}
var elementBits = [...]uint64{0, 1, 8, 16, 32, 64, 64}

// Validate reads all of a message of this type once: pointers, texts, enums, lengths, the data of
// tensors. One in which anything is reached twice is refused too. After it, every accessor of that
// generated type gives what the message says, for as long as the bytes stay as they are; ValidateAs
// ties the two together.
func Validate(message []byte, typeID uint64, limits Limits) error {
	segment, err := checkHead(message)
	if err != nil {
		return err
	}
	shape, err := ShapeOf(typeID)
	if err != nil {
		return err
	}
	words := uint64(len(segment)) / WordBytes
	walk := &walk{segment: segment, wordsMax: words, wordsLeft: words, depthMax: limits.DepthMax}
	root, err := walk.structAt(0)
	if err != nil {
		return err
	}
	return walk.checkStruct(root, shape, 1)
}

// walk is one pass over a message. All places are byte offsets from the start of the segment.
type walk struct {
	segment             []byte
	wordsMax, wordsLeft uint64
	depthMax            uint
}

// structPlace is a struct's data, and where its pointers are.
type structPlace struct {
	data         []byte
	pointersAt   uint64
	pointerCount uint64
}

// listPlace is a list's elements. Those of a list of structs have a number of words of data and of pointers.
type listPlace struct {
	at, count, dataWords, pointerCount uint64
	isNull                             bool
}

func (w *walk) checkStruct(place structPlace, shape *Shape, depth uint) error {
	if depth > w.depthMax {
		return refuse(Invalid, "a value lies deeper than %d pointers", w.depthMax)
	}
	for _, field := range shape.Fields {
		if err := w.checkField(place, field, depth); err != nil {
			return err
		}
	}
	if shape.Name == "Tensor" {
		return w.checkTensor(place)
	}
	return nil
}

func (w *walk) checkField(place structPlace, field Field, depth uint) error {
	switch field.Kind {
	case Number:
		return nil
	case Enum:
		return checkEnum(place, field)
	}
	// What an older writer didn't know is null.
	if uint64(field.Offset) >= place.pointerCount {
		return nil
	}
	pointer := place.pointersAt + uint64(field.Offset)*WordBytes
	if field.Kind != List {
		return w.checkPointer(pointer, field.Kind, field, depth)
	}
	return w.checkList(pointer, field, depth)
}

// checkEnum refuses a number that the schema has no name for.
func checkEnum(place structPlace, field Field) error {
	shape, err := ShapeOf(field.Type)
	if err != nil {
		return err
	}
	if uint64(field.Offset)+2 > uint64(len(place.data)) {
		return nil
	}
	if number := binary.LittleEndian.Uint16(place.data[field.Offset:]); int(number) >= len(shape.Names) {
		return refuse(Invalid, "enumerant %d of %s, which has %d", number, shape.Name, len(shape.Names))
	}
	return nil
}

// checkPointer checks a text, data or struct, a field as well as an element.
func (w *walk) checkPointer(pointer uint64, kind Kind, field Field, depth uint) error {
	if kind == Struct {
		place, err := w.structAt(pointer)
		if err != nil {
			return err
		}
		shape, err := ShapeOf(field.Type)
		if err != nil {
			return err
		}
		return w.checkStruct(place, shape, depth+1)
	}
	list, err := w.listAt(pointer, sizeByte)
	if err != nil || list.isNull {
		return err
	}
	if kind == Text {
		return checkText(w.segment[list.at : list.at+list.count])
	}
	if exactly := uint64(field.Exactly); exactly != 0 && list.count != 0 && list.count != exactly {
		return refuse(Invalid, "%d bytes of data in %s, which must be %d", list.count, field.Name, exactly)
	}
	return nil
}

func checkText(text []byte) error {
	if len(text) == 0 || text[len(text)-1] != 0 {
		return refuse(Invalid, "a text of %d bytes that does not end with a zero", len(text))
	}
	if !utf8.Valid(text) {
		return refuse(Invalid, "a text of %d bytes that is not UTF-8", len(text))
	}
	return nil
}

func (w *walk) checkList(pointer uint64, field Field, depth uint) error {
	list, err := w.listAt(pointer, sizeOf(field))
	if err != nil || field.Element == Number {
		return err
	}
	if field.Element != Struct {
		return w.checkPointers(list, field, depth)
	}
	shape, err := ShapeOf(field.Type)
	for index := uint64(0); err == nil && index < list.count; index++ {
		err = w.checkStruct(w.elementAt(list, index), shape, depth+1)
	}
	return err
}

func (w *walk) checkPointers(list listPlace, field Field, depth uint) error {
	for index := range list.count {
		if err := w.checkPointer(list.at+index*WordBytes, field.Element, field, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func sizeOf(field Field) uint64 {
	switch {
	case field.Element == Struct:
		return sizeComposite
	case field.Element != Number:
		return sizePointer
	case field.Bytes == 4:
		return sizeWord4
	default:
		return sizeWord8
	}
}

// structAt follows a pointer to a struct; a null one leads to an empty struct.
func (w *walk) structAt(pointer uint64) (structPlace, error) {
	target, high, err := w.follow(pointer, structPointer)
	if err != nil || target < 0 {
		return structPlace{}, err
	}
	dataWords, pointerCount := high&0xffff, high>>16
	if err := w.take(target, dataWords+pointerCount); err != nil {
		return structPlace{}, err
	}
	return w.structPlace(uint64(target), dataWords, pointerCount), nil
}

func (w *walk) structPlace(at, dataWords, pointerCount uint64) structPlace {
	pointersAt := at + dataWords*WordBytes
	return structPlace{w.segment[at:pointersAt], pointersAt, pointerCount}
}

func (w *walk) elementAt(list listPlace, index uint64) structPlace {
	at := list.at + index*(list.dataWords+list.pointerCount)*WordBytes
	return w.structPlace(at, list.dataWords, list.pointerCount)
}

// listAt follows a pointer to a list of elements of this size code; fields are never retyped.
func (w *walk) listAt(pointer, size uint64) (listPlace, error) {
	target, high, err := w.follow(pointer, listPointer)
	if err != nil || target < 0 {
		return listPlace{isNull: true}, err
	}
	found, count := high&7, high>>3
	if found != size {
		return listPlace{}, refuse(Invalid, "a list of elements of size code %d where %d belongs", found, size)
	}
	if found == sizeComposite {
		return w.compositeAt(target, count)
	}
	if err := w.take(target, (count*elementBits[found]+63)/64); err != nil {
		return listPlace{}, err
	}
	return listPlace{at: uint64(target), count: count}, nil
}

// compositeAt reads a list of structs: one tag that says how many and how large, then the structs.
func (w *walk) compositeAt(target int64, words uint64) (listPlace, error) {
	if err := w.take(target, words+1); err != nil {
		return listPlace{}, err
	}
	low, high := binary.LittleEndian.Uint32(w.segment[target:]), binary.LittleEndian.Uint32(w.segment[target+4:])
	if low&3 != structPointer {
		return listPlace{}, refuse(Invalid, "the tag of a list of structs is a %s pointer", pointerNames[low&3])
	}
	list := listPlace{at: uint64(target) + WordBytes, count: uint64(low >> 2)}
	list.dataWords, list.pointerCount = uint64(high&0xffff), uint64(high>>16)
	wordsEach := list.dataWords + list.pointerCount
	if list.count*wordsEach > words {
		return listPlace{}, refuse(Invalid, "a list of %d words does not hold %d structs of %d", words, list.count, wordsEach)
	}
	if wordsEach == 0 {
		// Elements of no size cost a word each, since a loop over them costs as much.
		return list, w.charge(list.count)
	}
	return list, nil
}

// follow returns where a pointer leads to, negative for a null one, and its upper half.
func (w *walk) follow(pointer uint64, kind uint32) (int64, uint64, error) {
	if pointer+WordBytes > uint64(len(w.segment)) {
		return -1, 0, refuse(Invalid, "a pointer at %d is not within the segment's %d bytes", pointer, len(w.segment))
	}
	low, high := binary.LittleEndian.Uint32(w.segment[pointer:]), binary.LittleEndian.Uint32(w.segment[pointer+4:])
	if low == 0 && high == 0 {
		return -1, 0, nil
	}
	if low&3 != kind {
		return -1, 0, refuse(Invalid, "a %s pointer where a %s pointer belongs", pointerNames[low&3], pointerNames[kind])
	}
	target := int64(pointer) + WordBytes + int64(int32(low)>>2)*WordBytes
	if target < 0 {
		return -1, 0, refuse(Invalid, "a pointer at %d leads before the start", pointer)
	}
	return target, uint64(high), nil
}

// take charges for words and refuses them if they are not there.
func (w *walk) take(target int64, words uint64) error {
	if err := w.charge(words); err != nil {
		return err
	}
	if uint64(target)+words*WordBytes > uint64(len(w.segment)) {
		return refuse(Invalid, "%d bytes at %d are not within the segment's %d", words*WordBytes, target, len(w.segment))
	}
	return nil
}

func (w *walk) charge(words uint64) error {
	if words > w.wordsLeft {
		return refuse(Invalid, "the read limit of %d words was reached", w.wordsMax)
	}
	w.wordsLeft -= words
	return nil
}

// checkTensor holds the length of a tensor's data against its shape and its elements. All of them are
// checked and paid for, so they are looked at again for nothing.
func (w *walk) checkTensor(place structPlace) error {
	again := *w
	again.wordsLeft = w.wordsMax
	var element data.ElementType
	if len(place.data) >= 2 {
		element = data.ElementType(binary.LittleEndian.Uint16(place.data))
	}
	shape, err := again.fieldAt(place, 0, sizeWord8)
	if err != nil {
		return err
	}
	bytes, err := again.fieldAt(place, 1, sizeByte)
	if err != nil {
		return err
	}
	return checkTensor(element, w.segment[shape.at:shape.at+shape.count*WordBytes], bytes.count)
}

// fieldAt is the list in a pointer of a struct, empty where there is none.
func (w *walk) fieldAt(place structPlace, index, size uint64) (listPlace, error) {
	if index >= place.pointerCount {
		return listPlace{isNull: true}, nil
	}
	return w.listAt(place.pointersAt+index*WordBytes, size)
}
