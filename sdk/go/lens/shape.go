package lens

import (
	"fmt"
	"sync"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/schemas"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"ioi/sdk/go/data"
)

// Kind is what a field, or an element of a list, is.
type Kind int

// The kinds that the schema has.
const (
	Number Kind = iota
	Enum
	Text
	Data
	Struct
	List
)

// Field is one field of a type, as far as reading it takes.
type Field struct {
	Name string
	Kind Kind
	// Offset is in bytes for numbers and enums, otherwise the index of the pointer.
	Offset uint32
	// Bytes is the size of a number, or of each number of a list.
	Bytes uint32
	// Float says that the number is one.
	Float bool
	// Element is what a list holds.
	Element Kind
	// Exactly is how long the data, or each of a list of data, must be; 0 for any length.
	Exactly uint32
	// Type is the id of the enum or struct, or of those that a list holds.
	Type uint64
}

// Shape is a struct's fields or an enum's names.
type Shape struct {
	Name   string
	Fields []Field
	Names  []string
}

var shapes = sync.OnceValues(loadShapes)

// ShapeOf finds a type by the id that its generated package gives.
func ShapeOf(typeID uint64) (*Shape, error) {
	all, err := shapes()
	if err != nil {
		return nil, err
	}
	shape, ok := all[typeID]
	if !ok {
		return nil, fmt.Errorf("the schema has no type %#x", typeID)
	}
	return shape, nil
}

// loadShapes reads the schema that the generated code carries.
func loadShapes() (map[uint64]*Shape, error) {
	var registry schemas.Registry
	data.RegisterSchema(&registry)
	request, err := registry.Find(data.Handle_TypeID)
	if err != nil {
		return nil, err
	}
	message, err := capnp.Unmarshal(request)
	if err != nil {
		return nil, err
	}
	root, err := schema.ReadRootCodeGeneratorRequest(message)
	if err != nil {
		return nil, err
	}
	nodes, err := root.Nodes()
	if err != nil {
		return nil, err
	}
	all := make(map[uint64]*Shape)
	for index := range nodes.Len() {
		shape, err := shapeOf(nodes.At(index))
		if err != nil {
			return nil, err
		}
		all[nodes.At(index).Id()] = shape
	}
	return all, nil
}

func shapeOf(node schema.Node) (*Shape, error) {
	name, err := node.DisplayName()
	if err != nil {
		return nil, err
	}
	shape := &Shape{Name: name[node.DisplayNamePrefixLength():]}
	switch node.Which() {
	case schema.Node_Which_enum:
		return shape, shape.addNames(node)
	case schema.Node_Which_structNode:
		return shape, shape.addFields(node)
	default:
		return shape, nil
	}
}

func (s *Shape) addNames(node schema.Node) error {
	enumerants, err := node.Enum().Enumerants()
	if err != nil {
		return err
	}
	for index := range enumerants.Len() {
		name, err := enumerants.At(index).Name()
		if err != nil {
			return err
		}
		s.Names = append(s.Names, name)
	}
	return nil
}

func (s *Shape) addFields(node schema.Node) error {
	fields, err := node.StructNode().Fields()
	if err != nil {
		return err
	}
	for index := range fields.Len() {
		field, err := fieldOf(fields.At(index))
		if err != nil {
			return err
		}
		s.Fields = append(s.Fields, field)
	}
	return nil
}

// fieldOf refuses what the schema has not had so far, so that nothing is left unchecked.
func fieldOf(from schema.Field) (Field, error) {
	name, err := from.Name()
	if err != nil {
		return Field{}, err
	}
	if from.Which() != schema.Field_Which_slot || from.Slot().HadExplicitDefault() {
		return Field{}, fmt.Errorf("the field %s is a group or has a default, which is not known here", name)
	}
	kind, err := from.Slot().Type()
	if err != nil {
		return Field{}, err
	}
	field := Field{Name: name, Offset: from.Slot().Offset()}
	if field.Exactly, err = exactlyOf(from); err != nil {
		return Field{}, err
	}
	if kind.Which() == schema.Type_Which_list {
		field.Kind = List
		if kind, err = kind.List().ElementType(); err != nil {
			return Field{}, err
		}
		field.Element, err = field.setType(kind)
		return field, err
	}
	field.Kind, err = field.setType(kind)
	field.Offset *= max(1, field.Bytes)
	return field, err
}

func (f *Field) setType(from schema.Type) (Kind, error) {
	switch from.Which() {
	case schema.Type_Which_uint32:
		f.Bytes = 4
	case schema.Type_Which_uint64:
		f.Bytes = 8
	case schema.Type_Which_float32:
		f.Bytes, f.Float = 4, true
	case schema.Type_Which_enum:
		f.Bytes, f.Type = 2, from.Enum().TypeId()
		return Enum, nil
	case schema.Type_Which_text:
		return Text, nil
	case schema.Type_Which_data:
		return Data, nil
	case schema.Type_Which_structType:
		f.Type = from.StructType().TypeId()
		return Struct, nil
	default:
		return 0, fmt.Errorf("the field %s has the type %v, which is not known here", f.Name, from.Which())
	}
	return Number, nil
}

func exactlyOf(field schema.Field) (uint32, error) {
	annotations, err := field.Annotations()
	if err != nil {
		return 0, err
	}
	for index := range annotations.Len() {
		if annotations.At(index).Id() != data.Exactly_ {
			continue
		}
		value, err := annotations.At(index).Value()
		return value.Uint32(), err
	}
	return 0, nil
}
