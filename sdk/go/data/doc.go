// Package data has the message types of the data plane, as capnpc-go makes them from
// schema/data.capnp.req. No capnp is needed: the request is what capnp would have said.
package data

//go:generate sh -c "go run capnproto.org/go/capnp/v3/capnpc-go < ../../../schema/data.capnp.req"
