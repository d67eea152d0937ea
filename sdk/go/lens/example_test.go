package lens_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3"

	"ioi/sdk/go/data"
	"ioi/sdk/go/lens"
)

func Example() {
	message, segment := capnp.NewSingleSegmentMessage(nil)
	envelope, _ := data.NewRootEnvelope(segment)
	_ = envelope.SetType("greeting")
	_ = envelope.SetPayload([]byte{1, 2, 3})
	region, _ := message.Marshal()

	received, err := lens.ValidateAs[data.Envelope](region, lens.DefaultLimits)
	if err != nil {
		panic(err)
	}
	kind, _ := received.Type()
	payload, _ := received.Payload() // a part of region
	fmt.Println(kind, payload)
	// Output: greeting [1 2 3]
}

func TestTheReadmeShowsThisExample(t *testing.T) {
	words := func(path, from, to string) string {
		text := string(got(os.ReadFile(path)))
		_, rest, found := strings.Cut(text, from)
		body, _, isWhole := strings.Cut(rest, to)
		if !found || !isWhole {
			t.Fatalf("%s has no example", path)
		}
		return strings.Join(strings.Fields(body), " ")
	}
	shown := words("../README.md", "```go\n", "```")
	if run := words("example_test.go", "func Example() {", "// Output"); run != shown {
		t.Fatalf("the README shows\n%s\nand what runs is\n%s", shown, run)
	}
}
