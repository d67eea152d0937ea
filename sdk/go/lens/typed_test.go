package lens_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"capnproto.org/go/capnp/v3"

	"ioi/sdk/go/data"
	"ioi/sdk/go/lens"
)

// Of another package, with the name of one of the schema's types.
type Envelope capnp.Struct

func TestEachGeneratedTypeHasTheIDOfItsSchema(t *testing.T) {
	found := map[string]uint64{
		"Handle": got(lens.TypeIDOf[data.Handle]()), "Reference": got(lens.TypeIDOf[data.Reference]()),
		"Metadata": got(lens.TypeIDOf[data.Metadata]()), "Envelope": got(lens.TypeIDOf[data.Envelope]()),
		"Tensor": got(lens.TypeIDOf[data.Tensor]()), "AgentContext": got(lens.TypeIDOf[data.AgentContext]()),
		"ContextSlice": got(lens.TypeIDOf[data.ContextSlice]()), "Chunk": got(lens.TypeIDOf[data.Chunk]()),
		"RetrievalProof": got(lens.TypeIDOf[data.RetrievalProof]()), "LeafProof": got(lens.TypeIDOf[data.LeafProof]()),
		"InferenceRequest": got(lens.TypeIDOf[data.InferenceRequest]()),
		"InferenceOutput":  got(lens.TypeIDOf[data.InferenceOutput]()), "Block": got(lens.TypeIDOf[data.Block]()),
	}
	if len(found) != len(typeIDs) {
		t.Fatalf("%d types of %d", len(found), len(typeIDs))
	}
	for name, typeID := range typeIDs {
		if found[name] != typeID {
			t.Errorf("%s has %#x, not %#x", name, found[name], typeID)
		}
	}
	_, ofAny := lens.TypeIDOf[capnp.Struct]()
	_, ofAnother := lens.TypeIDOf[Envelope]()
	if ofAny == nil || ofAnother == nil {
		t.Fatal("a type that is not of the schema has an id")
	}
}

func TestWhatIsValidatedAsATypeIsReadAsIt(t *testing.T) {
	message := got(os.ReadFile(filepath.Join(vectors, "inference_output.bin")))
	output := got(lens.ValidateAs[data.InferenceOutput](message, lens.DefaultLimits))
	if expected := describe(t, "inference_output").Value.text("text"); got(output.Text()) != expected {
		t.Fatalf("%q, not %q", got(output.Text()), expected)
	}
	// Its list of numbers stands where a block has data.
	_, err := lens.ValidateAs[data.Block](message, lens.DefaultLimits)
	var refused *lens.Error
	if !errors.As(err, &refused) {
		t.Fatalf("read as a block: %v", err)
	}
	if _, err := lens.ValidateAs[Envelope](message, lens.DefaultLimits); err == nil {
		t.Fatal("read as a type that the schema does not have")
	}
}
