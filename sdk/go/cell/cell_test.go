package cell_test

import (
	"encoding/json"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const schema = "../../../schema"

// constants reads what the compiler would make of this package.
func constants(t *testing.T) map[string]uint64 {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "cell.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importer.Default()}
	checked, err := config.Check("cell", files, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]uint64{}
	for _, name := range checked.Scope().Names() {
		value, _ := constant.Uint64Val(checked.Scope().Lookup(name).(*types.Const).Val())
		found[name] = value
	}
	return found
}

func readJSON(t *testing.T, path string, into any) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryConstantIsThatOfTheSchemaAndNoneIsLeftOut(t *testing.T) {
	var expected map[string]uint64
	readJSON(t, filepath.Join(schema, "vectors/cell.json"), &expected)
	found := constants(t)
	if len(expected) < 150 {
		t.Fatalf("only %d constants", len(expected))
	}
	for name, value := range expected {
		name = strings.ToUpper(name[:1]) + name[1:]
		if number, ok := found[name]; !ok || number != value {
			t.Errorf("%s is %d (%v) and should be %d", name, number, ok, value)
		}
		delete(found, name)
	}
	for name := range found {
		if !strings.HasPrefix(name, "TypeId") {
			t.Errorf("%s is not in the schema", name)
		}
	}
}

func TestEveryTypesIdIsThatOfItsVectors(t *testing.T) {
	found := constants(t)
	paths, err := filepath.Glob(filepath.Join(schema, "vectors/data/*.json"))
	if err != nil || len(paths) < 17 {
		t.Fatalf("%d vectors (%v)", len(paths), err)
	}
	for _, path := range paths {
		var described struct {
			Type   string
			TypeID uint64 `json:"typeId"`
		}
		readJSON(t, path, &described)
		if found["TypeId"+described.Type] != described.TypeID {
			t.Errorf("TypeId%s is %d, and %s says %d", described.Type, found["TypeId"+described.Type], path, described.TypeID)
		}
	}
}
