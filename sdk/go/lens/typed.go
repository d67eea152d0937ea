package lens

import (
	"fmt"
	"reflect"

	"capnproto.org/go/capnp/v3"

	"ioi/sdk/go/data"
)

// ValidateAs validates a message of the type T and opens it, so that what is read is what was checked.
// T is a struct of the package data.
func ValidateAs[T ~capnp.StructKind](message []byte, limits Limits) (T, error) {
	typeID, err := TypeIDOf[T]()
	if err != nil {
		return T{}, err
	}
	if err := Validate(message, typeID, limits); err != nil {
		return T{}, err
	}
	return Open[T](message, limits)
}

// TypeIDOf is the id that the schema has for a generated type, which carries none itself.
func TypeIDOf[T ~capnp.StructKind]() (uint64, error) {
	all, err := shapes()
	if err != nil {
		return 0, err
	}
	found := reflect.TypeFor[T]()
	if found.PkgPath() == reflect.TypeFor[data.Handle]().PkgPath() {
		for typeID, shape := range all {
			if shape.Name == found.Name() {
				return typeID, nil
			}
		}
	}
	return 0, fmt.Errorf("%v is no type of the schema; take one of the package data", found)
}
