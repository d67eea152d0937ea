package lens_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"capnproto.org/go/capnp/v3"

	"ioi/sdk/go/data"
)

// value is a struct of the vectors' JSON.
type value map[string]any

func (v value) text(name string) string { return v[name].(string) }

func (v value) long(name string) uint64 { return mustParse(v[name]) }

func (v value) number(name string) uint32 { return uint32(mustParse(v[name])) }

func (v value) data(name string) []byte { return mustDecode(v[name]) }

func (v value) child(name string) value { return v[name].(map[string]any) }

func (v value) list(name string) []any { return v[name].([]any) }

func (v value) children(name string) []value {
	var children []value
	for _, child := range v.list(name) {
		children = append(children, child.(map[string]any))
	}
	return children
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func got[T any](result T, err error) T {
	must(err)
	return result
}

func mustParse(number any) uint64 {
	if text, ok := number.(string); ok {
		return got(strconv.ParseUint(text, 10, 64))
	}
	return got(strconv.ParseUint(number.(json.Number).String(), 10, 64))
}

func mustDecode(text any) []byte { return got(hex.DecodeString(text.(string))) }

// writers fill a new root of each type, through the accessors that users have.
var writers = map[string]func(*capnp.Segment, value){
	"Handle":         func(s *capnp.Segment, v value) { fillHandle(got(data.NewRootHandle(s)), v) },
	"Reference":      func(s *capnp.Segment, v value) { fillReference(got(data.NewRootReference(s)), v) },
	"Metadata":       func(s *capnp.Segment, v value) { fillMetadata(got(data.NewRootMetadata(s)), v) },
	"Tensor":         func(s *capnp.Segment, v value) { fillTensor(got(data.NewRootTensor(s)), v) },
	"Chunk":          func(s *capnp.Segment, v value) { fillChunk(got(data.NewRootChunk(s)), v) },
	"LeafProof":      func(s *capnp.Segment, v value) { fillLeaf(got(data.NewRootLeafProof(s)), v) },
	"RetrievalProof": func(s *capnp.Segment, v value) { fillProof(got(data.NewRootRetrievalProof(s)), v) },
	"Envelope": func(s *capnp.Segment, v value) {
		envelope := got(data.NewRootEnvelope(s))
		must(envelope.SetPayload(v.data("payload")))
		fillMetadata(got(envelope.NewMetadata()), v.child("metadata"))
		envelope.SetTimestamp(v.long("timestamp"))
		must(envelope.SetType(v.text("type")))
		must(envelope.SetId(v.text("id")))
	},
	"AgentContext": func(s *capnp.Segment, v value) {
		context := got(data.NewRootAgentContext(s))
		must(context.SetSessionId(v.text("sessionId")))
		fillTensors(got(context.NewEmbeddings(int32(len(v.list("embeddings"))))), v.children("embeddings"))
		fillNumbers(got(context.NewTokenIds(int32(len(v.list("tokenIds"))))), v.list("tokenIds"))
		fillReferences(got(context.NewReferences(int32(len(v.list("references"))))), v.children("references"))
	},
	"ContextSlice": func(s *capnp.Segment, v value) {
		slice := got(data.NewRootContextSlice(s))
		slice.SetSliceId(v.long("sliceId"))
		must(slice.SetQuestion(v.text("question")))
		fillLongs(got(slice.NewFrameIds(int32(len(v.list("frameIds"))))), v.list("frameIds"))
		chunks := got(slice.NewChunks(int32(len(v.list("chunks")))))
		for index, chunk := range v.children("chunks") {
			fillChunk(chunks.At(index), chunk)
		}
		must(slice.SetCheckpointRoot(v.data("checkpointRoot")))
		fillProof(got(slice.NewRetrievalProof()), v.child("retrievalProof"))
		labels := got(slice.NewLabels(int32(len(v.list("labels")))))
		for index, label := range v.list("labels") {
			must(labels.Set(index, label.(string)))
		}
	},
	"InferenceRequest": func(s *capnp.Segment, v value) {
		request := got(data.NewRootInferenceRequest(s))
		request.SetRequestId(v.long("requestId"))
		must(request.SetModel(v.text("model")))
		must(request.SetPrompt(v.text("prompt")))
		fillNumbers(got(request.NewTokenIds(int32(len(v.list("tokenIds"))))), v.list("tokenIds"))
		fillTensors(got(request.NewInputs(int32(len(v.list("inputs"))))), v.children("inputs"))
		fillReferences(got(request.NewContext(int32(len(v.list("context"))))), v.children("context"))
		request.SetOutputTokensMax(v.number("outputTokensMax"))
		request.SetTemperature(float32(got(v["temperature"].(json.Number).Float64())))
		request.SetSeed(v.long("seed"))
		request.SetDeadline(v.long("deadline"))
	},
	"InferenceOutput": func(s *capnp.Segment, v value) {
		output := got(data.NewRootInferenceOutput(s))
		output.SetRequestId(v.long("requestId"))
		output.SetFinishReason(data.FinishReasonFromString(v.text("finishReason")))
		must(output.SetText(v.text("text")))
		fillNumbers(got(output.NewTokenIds(int32(len(v.list("tokenIds"))))), v.list("tokenIds"))
		fillTensors(got(output.NewOutputs(int32(len(v.list("outputs"))))), v.children("outputs"))
		output.SetInputTokens(v.number("inputTokens"))
		output.SetOutputTokens(v.number("outputTokens"))
		must(output.SetModelDigest(v.data("modelDigest")))
		must(output.SetError(v.text("error")))
	},
	"Block": func(s *capnp.Segment, v value) {
		block := got(data.NewRootBlock(s))
		block.SetHeight(v.long("height"))
		must(block.SetParent(v.data("parent")))
		must(block.SetStateRoot(v.data("stateRoot")))
		must(block.SetTransactionsRoot(v.data("transactionsRoot")))
		must(block.SetReceiptsRoot(v.data("receiptsRoot")))
		block.SetTimestamp(v.long("timestamp"))
		must(block.SetProposer(v.data("proposer")))
		fillData(got(block.NewTransactions(int32(len(v.list("transactions"))))), v.list("transactions"))
	},
}

func fillHandle(handle data.Handle, v value) {
	handle.SetRegion(v.long("region"))
	handle.SetGeneration(v.number("generation"))
	handle.SetTypeId(v.number("typeId"))
	handle.SetOffset(v.long("offset"))
	handle.SetLength(v.long("length"))
}

func fillReference(reference data.Reference, v value) {
	must(reference.SetName(v.text("name")))
	fillHandle(got(reference.NewHandle()), v.child("handle"))
	must(reference.SetDigest(v.data("digest")))
}

func fillMetadata(metadata data.Metadata, v value) {
	must(metadata.SetUserId(v.text("userId")))
	must(metadata.SetDeviceId(v.text("deviceId")))
	must(metadata.SetCreditLedgerId(v.text("creditLedgerId")))
}

func fillTensor(tensor data.Tensor, v value) {
	tensor.SetElementType(data.ElementTypeFromString(v.text("elementType")))
	must(tensor.SetData(v.data("data")))
	fillLongs(got(tensor.NewShape(int32(len(v.list("shape"))))), v.list("shape"))
}

func fillChunk(chunk data.Chunk, v value) {
	must(chunk.SetPath(v.text("path")))
	must(chunk.SetDocumentDigest(v.data("documentDigest")))
	chunk.SetOffset(v.long("offset"))
	chunk.SetScore(v.long("score"))
	must(chunk.SetText(v.text("text")))
	must(chunk.SetHeading(v.text("heading")))
}

func fillLeaf(leaf data.LeafProof, v value) {
	leaf.SetIndex(v.long("index"))
	must(leaf.SetDigest(v.data("digest")))
	fillData(got(leaf.NewPath(int32(len(v.list("path"))))), v.list("path"))
}

func fillProof(proof data.RetrievalProof, v value) {
	must(proof.SetRoot(v.data("root")))
	proof.SetLeafCount(v.long("leafCount"))
	leaves := got(proof.NewLeaves(int32(len(v.list("leaves")))))
	for index, leaf := range v.children("leaves") {
		fillLeaf(leaves.At(index), leaf)
	}
}

func fillTensors(tensors data.Tensor_List, values []value) {
	for index, tensor := range values {
		fillTensor(tensors.At(index), tensor)
	}
}

func fillReferences(references data.Reference_List, values []value) {
	for index, reference := range values {
		fillReference(references.At(index), reference)
	}
}

func fillNumbers(list capnp.UInt32List, values []any) {
	for index, number := range values {
		list.Set(index, uint32(mustParse(number)))
	}
}

func fillLongs(list capnp.UInt64List, values []any) {
	for index, number := range values {
		list.Set(index, mustParse(number))
	}
}

func fillData(list capnp.DataList, values []any) {
	for index, bytes := range values {
		must(list.Set(index, mustDecode(bytes)))
	}
}

func written(described described) []byte {
	message, segment := capnp.NewSingleSegmentMessage(nil)
	writers[described.Type](segment, described.Value)
	return got(message.Marshal())
}

func TestWhatIsWrittenNowIsWhatWasWritten(t *testing.T) {
	for _, name := range valueNames(t) {
		t.Run(name, func(t *testing.T) {
			place := filepath.Join(vectors, "go-"+name+".bin")
			bytesNow := written(describe(t, name))
			// A changed file is a changed format, so it is only done on purpose.
			if os.Getenv("IOI_WRITE_VECTORS") != "" {
				must(os.WriteFile(place, bytesNow, 0o644))
			}
			before, err := os.ReadFile(place)
			if err != nil || !bytes.Equal(bytesNow, before) {
				t.Fatalf("%s differs from %x (%v)", place, bytesNow, err)
			}
		})
	}
}
