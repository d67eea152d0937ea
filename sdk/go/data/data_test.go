package data_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTheGeneratedCodeIsCurrent(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "capnpc-go")
	build := exec.Command("go", "build", "-o", program, "capnproto.org/go/capnp/v3/capnpc-go")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("capnpc-go does not build: %v\n%s", err, output)
	}
	request, err := os.Open("../../../schema/data.capnp.req")
	if err != nil {
		t.Fatal(err)
	}
	defer request.Close()
	generate := exec.Command(program)
	generate.Dir, generate.Stdin = folder, request
	if output, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("capnpc-go failed: %v\n%s", err, output)
	}
	fresh, err := os.ReadFile(filepath.Join(folder, "data.capnp.go"))
	if err != nil {
		t.Fatal(err)
	}
	current, err := os.ReadFile("data.capnp.go")
	if err != nil || !bytes.Equal(fresh, current) {
		t.Fatalf("data.capnp.go is stale; `go generate ./...` makes it anew (%v)", err)
	}
}
