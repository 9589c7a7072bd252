package explore

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"unsafe"
)

// The roles keep their state to themselves, as they should. A copy of a state, and a
// description of it to tell it from others, are therefore made by reflection, here,
// and the roles know nothing of it.

// clone is a deep copy of the struct that p points to.
func clone[T any](p *T) *T {
	c := new(T)
	copyInto(reflect.ValueOf(c).Elem(), reflect.ValueOf(p).Elem())
	return c
}

// open is v, readable and writable although its field may be unexported.
func open(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	}
	return v
}

// shared is what is never changed, so that copies of a state may share it.
var shared = map[string]bool{"Genesis": true, "Configuration": true}

func copyInto(to, from reflect.Value) {
	to, from = open(to), open(from)
	switch from.Kind() {
	case reflect.Struct:
		for i := range from.NumField() {
			copyInto(to.Field(i), from.Field(i))
		}
	case reflect.Slice:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			copyInto(to.Index(i), from.Index(i))
		}
	case reflect.Map:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeMap(from.Type()))
		for _, key := range from.MapKeys() {
			value := reflect.New(from.Type().Elem()).Elem()
			value.Set(from.MapIndex(key))
			fresh := reflect.New(from.Type().Elem()).Elem()
			copyInto(fresh, value)
			to.SetMapIndex(key, fresh)
		}
	case reflect.Pointer:
		if from.IsNil() {
			return
		}
		if shared[from.Type().Elem().Name()] {
			to.Set(from)
			return
		}
		to.Set(reflect.New(from.Type().Elem()))
		copyInto(to.Elem(), from.Elem())
	default:
		to.Set(from)
	}
}

// ignored is the fields that cannot tell two states apart here: those that only time
// acts on, and what is kept by acceptor and matters by its extremes only.
var ignored = map[string][]string{
	"Proposer":    {"random", "deadline", "nextHello", "giveUp", "failures", "peers"}, // peers: nobody hands over
	"Acceptor":    {"signOfLife", "turns", "nextHello"},
	"leadership":  {"heard", "beat", "trimAt"},
	"round":       {"sent"},
	"query":       {"nonce", "silent"},
	"member":      {"below", "disks"}, // all starts of an acceptor go by one boot number
	"rivals":      {"now", "heard"},   // there is no other cluster
	"logClock":    {"at", "until", "offsets"},
	"promised":    {"heard"},
	"learnerView": {"heard"},
	"peer":        {"heard"},
	"Learner":     {"claimed", "publishedAt", "nextHello"},
	"fetch":       {"since", "sent"},
}

// field is one that is not ignored.
type field struct {
	at   int
	name string
}

// fields are those of each type, once somebody asked.
var fields sync.Map

func fieldsOf(t reflect.Type) []field {
	if known, ok := fields.Load(t); ok {
		return known.([]field)
	}
	var all []field
	for i := range t.NumField() {
		if name := t.Field(i).Name; !slices.Contains(ignored[t.Name()], name) {
			all = append(all, field{i, name})
		}
	}
	fields.Store(t, all)
	return all
}

// describe appends all that v holds to b, without the ignored fields.
func describe(b []byte, v reflect.Value) []byte {
	v = open(v)
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			b = describeField(b, v.Field(f.at), f.name)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Name() == "tallies" {
			return appendAll(b, elements(v)) // in no order that matters
		}
		b = binary.AppendUvarint(b, uint64(v.Len()))
		for i := range v.Len() {
			b = describe(b, v.Index(i))
		}
	case reflect.Map:
		b = appendAll(b, mapEntries(v))
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(b, 0)
		}
		if b = append(b, 1); v.Kind() != reflect.Pointer || v.Type().Elem().Name() != "Genesis" {
			b = describe(b, v.Elem())
		}
	case reflect.String:
		b = append(binary.AppendUvarint(b, uint64(v.Len())), v.String()...)
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		b = append(b, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		b = binary.AppendVarint(b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		b = binary.AppendUvarint(b, v.Uint())
	default:
		panic(fmt.Sprintf("explore: a role holds a %s", v.Kind()))
	}
	return b
}

// describeField leaves out which acceptor is which: of the rounds that they promised
// the highest counts.
func describeField(b []byte, v reflect.Value, name string) []byte {
	if name != "promised" || v.Kind() != reflect.Slice {
		return describe(b, v)
	}
	var highest []byte
	for i := range v.Len() {
		if d := describe(nil, v.Index(i)); len(d) > len(highest) || (len(d) == len(highest) && slices.Compare(d, highest) > 0) {
			highest = d
		}
	}
	return append(b, highest...)
}

// mapEntries describes the entries, in an order of their own.
func mapEntries(v reflect.Value) []string {
	var entries []string
	for _, key := range v.MapKeys() {
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(v.MapIndex(key))
		entries = append(entries, string(describe(describe(nil, key), value)))
	}
	slices.Sort(entries)
	return entries
}

// elements describes the elements, in an order of their own.
func elements(v reflect.Value) []string {
	var all []string
	for i := range v.Len() {
		all = append(all, string(describe(nil, v.Index(i))))
	}
	slices.Sort(all)
	return all
}

func appendAll(b []byte, entries []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for _, e := range entries {
		b = append(binary.AppendUvarint(b, uint64(len(e))), e...)
	}
	return b
}
