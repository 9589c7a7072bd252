package bus

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

var rewrite = flag.Bool("rewrite-wire", false, "write what the messages in testdata/wire mean, and new ones where they lack")

// TestOldMessagesAreStillRead reads one message of every type as an earlier build
// wrote it, and compares what it means. The bytes of a file never change; a new
// field changes the meaning below them, in a diff to review.
func TestOldMessagesAreStillRead(t *testing.T) {
	for _, name := range messageTypes(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "wire", "v1", name+".txt")
			data, want := readVector(t, file, name)
			e, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			have := meaning(t, e)
			if *rewrite {
				text := hex.EncodeToString(data) + "\n----\n" + have
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if have != want {
				t.Errorf("%s\nmeans %s\nwant %s", file, have, want)
			}
		})
	}
}

// readVector returns the bytes and the meaning in file.
func readVector(t *testing.T, file, name string) ([]byte, string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if *rewrite && errors.Is(err, fs.ErrNotExist) {
		data, err := Encode(fullEnvelope(makers[name](newMaker(1))))
		if err != nil {
			t.Fatal(err)
		}
		return data, ""
	}
	if err != nil {
		t.Fatal(err)
	}
	digits, want, _ := strings.Cut(string(text), "\n----\n")
	data, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return data, want
}

func meaning(t *testing.T, e paxos.Envelope) string {
	t.Helper()
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%T %s\n", e.Msg, text)
}

// fullEnvelope holds a message of the type of like. No field is zero, and no two
// numbers are equal.
func fullEnvelope(like paxos.Message) paxos.Envelope {
	f := &filler{}
	var e paxos.Envelope
	f.fill(reflect.ValueOf(&e).Elem())
	m := reflect.New(reflect.TypeOf(like)).Elem()
	f.fill(m)
	if page := m.FieldByName("Page"); page.IsValid() {
		page.FieldByName("To").SetUint(0) // open, for the votes come later
		page.FieldByName("BallotsOnly").SetBool(m.Type() == reflect.TypeFor[paxos.Votes]())
	}
	e.Msg = m.Interface().(paxos.Message)
	e.From.Role = max(kindSpecs[KindOf(e.Msg)].role, paxos.ProposerRole)
	return e
}

type filler struct{ n uint64 }

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(f.n)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("n%d", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8: // a kind, or a byte
		v.SetUint(1)
	case reflect.Uint64:
		v.SetUint(f.n)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n))
	}
}
