package lens_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"capnproto.org/go/capnp/v3"

	"ioi/sdk/go/data"
	"ioi/sdk/go/lens"
)

const vectors = "../../../schema/vectors/data"

var languages = regexp.MustCompile(`^(go|python|typescript|later)-`)

// described is what a file's JSON says of it.
type described struct {
	Type   string
	TypeID uint32 `json:"typeId"`
	Value  value
}

var typeIDs = map[string]uint64{
	"Handle": data.Handle_TypeID, "Reference": data.Reference_TypeID, "Metadata": data.Metadata_TypeID,
	"Envelope": data.Envelope_TypeID, "Tensor": data.Tensor_TypeID, "AgentContext": data.AgentContext_TypeID,
	"ContextSlice": data.ContextSlice_TypeID, "Chunk": data.Chunk_TypeID, "RetrievalProof": data.RetrievalProof_TypeID,
	"LeafProof": data.LeafProof_TypeID, "InferenceRequest": data.InferenceRequest_TypeID,
	"InferenceOutput": data.InferenceOutput_TypeID, "Block": data.Block_TypeID,
}

func vectorNames(t *testing.T) []string {
	paths, err := filepath.Glob(filepath.Join(vectors, "*.bin"))
	if err != nil || len(paths) < 17 {
		t.Fatalf("%d vectors in %s (%v)", len(paths), vectors, err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".bin"))
	}
	return names
}

// valueNames are those of which every language writes its own; the canonical form of a value is no
// other value.
func valueNames(t *testing.T) []string {
	return slices.DeleteFunc(vectorNames(t), func(name string) bool {
		return languages.MatchString(name) || strings.HasSuffix(name, "-canonical")
	})
}

// describe reads the JSON, which is the same whoever wrote the message.
func describe(t *testing.T, name string) described {
	text, err := os.ReadFile(filepath.Join(vectors, languages.ReplaceAllString(name, "")+".json"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var found described
	if err := decoder.Decode(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

// shower shows a message as the JSON of the vectors, and keeps the data that it was handed.
type shower struct {
	t    *testing.T
	data [][]byte
}

func (s *shower) show(from capnp.Struct, typeID uint64) value {
	shape, err := lens.ShapeOf(typeID)
	if err != nil {
		s.t.Fatal(err)
	}
	shown := value{}
	for _, field := range shape.Fields {
		shown[field.Name] = s.field(from, field)
	}
	return shown
}

func (s *shower) field(from capnp.Struct, field lens.Field) any {
	at := capnp.DataOffset(field.Offset)
	switch {
	case field.Kind == lens.Enum:
		return got(lens.ShapeOf(field.Type)).Names[from.Uint16(at)]
	case field.Kind == lens.Number && field.Float:
		number := float64(math.Float32frombits(from.Uint32(at)))
		return json.Number(strconv.FormatFloat(number, 'g', -1, 64))
	case field.Kind == lens.Number && field.Bytes == 4:
		return json.Number(strconv.FormatUint(uint64(from.Uint32(at)), 10))
	case field.Kind == lens.Number:
		return strconv.FormatUint(from.Uint64(at), 10)
	}
	pointer := got(from.Ptr(uint16(field.Offset)))
	if field.Kind != lens.List {
		return s.pointer(pointer, field.Kind, field)
	}
	return s.list(pointer.List(), field)
}

func (s *shower) pointer(pointer capnp.Ptr, kind lens.Kind, field lens.Field) any {
	switch kind {
	case lens.Text:
		return pointer.Text()
	case lens.Struct:
		return map[string]any(s.show(pointer.Struct(), field.Type))
	}
	found := pointer.Data()
	s.data = append(s.data, found)
	if len(found) == 0 {
		found = make([]byte, field.Exactly)
	}
	return hex.EncodeToString(found)
}

func (s *shower) list(list capnp.List, field lens.Field) any {
	shown := []any{}
	for index := range list.Len() {
		switch {
		case field.Element == lens.Number && field.Bytes == 4:
			shown = append(shown, json.Number(strconv.FormatUint(uint64(capnp.UInt32List(list).At(index)), 10)))
		case field.Element == lens.Number:
			shown = append(shown, strconv.FormatUint(capnp.UInt64List(list).At(index), 10))
		case field.Element == lens.Struct:
			shown = append(shown, map[string]any(s.show(list.Struct(index), field.Type)))
		default:
			shown = append(shown, s.pointer(got(capnp.PointerList(list).At(index)), field.Element, field))
		}
	}
	return shown
}

// liesWithin reports whether a slice is a part of another one's memory.
func liesWithin(part, whole []byte) bool {
	start, first := uintptr(unsafe.Pointer(unsafe.SliceData(whole))), uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	return first >= start && first+uintptr(len(part)) <= start+uintptr(len(whole))
}

func TestEveryVectorShowsEveryFieldInPlace(t *testing.T) {
	for _, name := range vectorNames(t) {
		t.Run(name, func(t *testing.T) {
			described := describe(t, name)
			original := got(os.ReadFile(filepath.Join(vectors, name+".bin")))
			message := bytes.Clone(original)
			if err := lens.Validate(message, typeIDs[described.Type], lens.DefaultLimits); err != nil {
				t.Fatal(err)
			}
			root := got(lens.Open[capnp.Struct](message, lens.DefaultLimits))
			shower := shower{t: t}
			shown, expected := text(shower.show(root, typeIDs[described.Type])), text(described.Value)
			if shown != expected {
				t.Fatalf("shows\n%s\nand should\n%s", shown, expected)
			}
			for _, found := range shower.data {
				if len(found) > 0 && !liesWithin(found, message) {
					t.Fatal("data were copied")
				}
			}
			root.Message().Release()
			if !bytes.Equal(message, original) {
				t.Fatal("reading has changed the message")
			}
		})
	}
}

func TestEveryLanguageHasWrittenEveryValue(t *testing.T) {
	all, values := vectorNames(t), valueNames(t)
	for _, language := range []string{"go-", "python-", "typescript-"} {
		for _, name := range values {
			if !slices.Contains(all, language+name) {
				t.Errorf("there is no %s%s", language, name)
			}
		}
	}
}

// text is JSON with numbers in one form: 0.0 and 0 are the same.
func text(shown value) string {
	var plain any
	must(json.Unmarshal(got(json.Marshal(shown)), &plain))
	return string(got(json.Marshal(plain)))
}

func TestTheGeneratedAccessorsShowWhatIsThere(t *testing.T) {
	message := got(os.ReadFile(filepath.Join(vectors, "agent_context.bin")))
	context := got(lens.Open[data.AgentContext](message, lens.DefaultLimits))
	tensor := got(context.Embeddings()).At(0)
	if got(context.SessionId()) != "session-9" || tensor.ElementType() != data.ElementType_f32 {
		t.Fatal("another message")
	}
	if found := got(tensor.Data()); len(found) != 24 || !liesWithin(found, message) {
		t.Fatalf("%d bytes, or a copy", len(found))
	}
	if got(context.TokenIds()).At(3) != 4294967295 {
		t.Fatal("another token")
	}
}

func TestAMessageThatIsReadInPlaceCanNotBeWritten(t *testing.T) {
	whole := got(os.ReadFile(filepath.Join(vectors, "envelope.bin")))
	room := append(bytes.Clone(whole), bytes.Repeat([]byte{0xee}, 4096)...)
	envelope := got(lens.Open[data.Envelope](room[:len(whole)], lens.DefaultLimits))
	if err := envelope.SetId("longer than it was before"); err == nil {
		t.Fatal("a text was added to it")
	}
	if !bytes.Equal(room[len(whole):], bytes.Repeat([]byte{0xee}, 4096)) {
		t.Fatal("what lies behind the message was written")
	}
}

func TestEveryBadMessageIsRefused(t *testing.T) {
	var cases []struct{ File, Type, Says string }
	must(json.Unmarshal(got(os.ReadFile(filepath.Join(vectors, "bad/index.json"))), &cases))
	if files := got(filepath.Glob(filepath.Join(vectors, "bad/*.bin"))); len(cases) != len(files) || len(cases) < 30 {
		t.Fatalf("%d bad messages in %d files", len(cases), len(files))
	}
	code := regexp.MustCompile(`^(lens|tensor)\.[a-z]+`)
	for _, bad := range cases {
		t.Run(bad.File, func(t *testing.T) {
			message := got(os.ReadFile(filepath.Join(vectors, "bad", bad.File)))
			err := lens.Validate(message, typeIDs[bad.Type], lens.DefaultLimits)
			var refused *lens.Error
			if !errors.As(err, &refused) {
				t.Fatalf("not refused: %v", err)
			}
			expected := code.FindString(bad.Says)
			if expected == "" {
				expected = lens.Invalid
			}
			if refused.Code != expected {
				t.Fatalf("refused as %v, not as %s", err, expected)
			}
		})
	}
}

func tensorOf(shape []uint64, bytes []byte) []byte {
	message, segment := capnp.NewSingleSegmentMessage(nil)
	tensor := got(data.NewRootTensor(segment))
	tensor.SetElementType(data.ElementType_u8)
	must(tensor.SetData(bytes))
	sizes := got(tensor.NewShape(int32(len(shape))))
	for index, size := range shape {
		sizes.Set(index, size)
	}
	return got(message.Marshal())
}

func TestAShapesProductHasOneVerdictInAnyOrderAndBoundedWords(t *testing.T) {
	large := slices.Repeat([]uint64{1 << 63}, 100_000)
	for _, c := range []struct {
		shape []uint64
		bytes []byte
		code  string
	}{
		{[]uint64{1 << 40, 1 << 40, 0}, nil, ""},
		{[]uint64{0, 1 << 40, 1 << 40}, nil, ""},
		{[]uint64{1 << 40, 0, 1 << 40}, nil, ""},
		{[]uint64{1 << 40, 1 << 40, 0}, []byte{1}, lens.TensorLength},
		{[]uint64{math.MaxUint64}, nil, lens.TensorLength},
		{[]uint64{1 << 32, 1 << 32}, nil, lens.TensorShape},
		{[]uint64{1 << 63, 2, 1}, nil, lens.TensorShape},
		{large, nil, lens.TensorShape},
		{append(slices.Clone(large), 0), nil, ""},
	} {
		name := fmt.Sprintf("%d sizes from %d, %d bytes", len(c.shape), c.shape[0], len(c.bytes))
		t.Run(name, func(t *testing.T) {
			err := lens.Validate(tensorOf(c.shape, c.bytes), data.Tensor_TypeID, lens.DefaultLimits)
			var refused *lens.Error
			if isRefused := errors.As(err, &refused); isRefused != (c.code != "") || isRefused && refused.Code != c.code {
				t.Fatalf("%.200v, not %q", err, c.code)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Fatalf("%d bytes of words", len(err.Error()))
			}
		})
	}
}

func TestAMessageThatStartsElsewhereIsRefused(t *testing.T) {
	message := got(os.ReadFile(filepath.Join(vectors, "envelope.bin")))
	room := make([]byte, len(message)+8)
	for shift := 1; shift < 8; shift++ {
		shifted := room[shift : shift+copy(room[shift:], message)]
		_, err := lens.Open[data.Envelope](shifted, lens.DefaultLimits)
		for _, err := range []error{err, lens.Validate(shifted, data.Envelope_TypeID, lens.DefaultLimits)} {
			var refused *lens.Error
			if !errors.As(err, &refused) || refused.Code != lens.Unaligned {
				t.Fatalf("shifted by %d: %v", shift, err)
			}
		}
	}
}

// The library has its own limits, which hold for whoever opens without validating.
func TestTheLibraryKeepsToTheLimits(t *testing.T) {
	open := func(name string, limits lens.Limits) error {
		message := got(os.ReadFile(filepath.Join(vectors, name)))
		slice, err := lens.Open[data.ContextSlice](message, limits)
		if err != nil {
			return err
		}
		return walkLeaves(slice)
	}
	if err := open("context_slice.bin", lens.DefaultLimits); err != nil {
		t.Fatal(err)
	}
	if err := open("context_slice.bin", lens.Limits{TraversalsMax: 8, DepthMax: 2}); err == nil {
		t.Fatal("read deeper than two pointers")
	}
	bomb := got(os.ReadFile(filepath.Join(vectors, "bad/one-text-a-thousand-times.bin")))
	slice := got(lens.Open[data.ContextSlice](bomb, lens.DefaultLimits))
	labels := got(slice.Labels())
	var stopped error
	for index := 0; index < labels.Len() && stopped == nil; index++ {
		_, stopped = labels.At(index)
	}
	if stopped == nil || !strings.Contains(stopped.Error(), "limit") {
		t.Fatalf("a thousand texts of 4 KiB were read out of %d bytes (%v)", len(bomb), stopped)
	}
}

func walkLeaves(slice data.ContextSlice) error {
	proof, err := slice.RetrievalProof()
	if err != nil {
		return err
	}
	leaves, err := proof.Leaves()
	if err != nil {
		return err
	}
	for index := range leaves.Len() {
		if _, err := leaves.At(index).Path(); err != nil {
			return err
		}
	}
	return nil
}

func TestValidateKeepsToTheDepth(t *testing.T) {
	message := got(os.ReadFile(filepath.Join(vectors, "context_slice.bin")))
	for depth := range uint(5) {
		err := lens.Validate(message, data.ContextSlice_TypeID, lens.Limits{DepthMax: depth})
		if isDeep := err != nil && strings.Contains(err.Error(), "deeper"); isDeep != (depth < 3) {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

func TestAChangedMessageIsReadOrRefused(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("IOI_SEED"); text != "" {
		seed = got(strconv.ParseUint(text, 10, 64))
	}
	fmt.Printf("changed messages: IOI_SEED=%d\n", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	names, read, refused := vectorNames(t), 0, 0
	messages, descriptions := map[string][]byte{}, map[string]described{}
	for _, name := range names {
		messages[name], descriptions[name] = got(os.ReadFile(filepath.Join(vectors, name+".bin"))), describe(t, name)
	}
	for range 30_000 {
		name := names[random.IntN(len(names))]
		message := bytes.Clone(messages[name])
		for range 1 + random.IntN(4) {
			message[random.IntN(len(message))] ^= byte(1 << random.IntN(8))
		}
		if random.IntN(10) == 0 {
			message = message[:random.IntN(len(message)+1)]
		}
		typeID := typeIDs[descriptions[name].Type]
		err := lens.Validate(message, typeID, lens.DefaultLimits)
		if err == nil {
			// What was found valid is read without a fault of the library.
			shower := shower{t: t}
			shower.show(got(lens.Open[capnp.Struct](message, lens.DefaultLimits)), typeID)
			read++
			continue
		}
		if lensError := new(lens.Error); !errors.As(err, &lensError) {
			t.Fatalf("%s: %v (%x)", name, err, message)
		}
		refused++
	}
	if read < 1000 || refused < 1000 {
		t.Fatalf("%d read, %d refused: too tame", read, refused)
	}
}
