package command

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
)

var manyReads = []Reads{
	{Items: []Read{{Subject: "$KV.b.k"}}},
	{Items: []Read{{Seq: 7}, {Subject: "a"}, {Subject: "bc"}, {Seq: math.MaxUint64}}},
	{Items: make([]Read, MaxReads)},
}

var manyResults = []ReadResults{
	{{State: ReadNotFound}},
	{
		{State: ReadFound, Seq: 9, Time: -3, Subject: "s", Header: []byte("h"), Data: []byte("d")},
		{State: ReadRefused, Code: 408, Why: "no"},
		{State: ReadFound, Seq: math.MaxUint64, Time: math.MaxInt64},
	},
}

func (r ReadResults) encode() []byte {
	b := AppendReadHead(nil)
	for i := range r {
		b = r[i].Append(b)
	}
	return b
}

func TestReadsSurviveEncoding(t *testing.T) {
	for _, r := range manyReads {
		data := r.Encode()
		got, err := DecodeReads(data)
		if err != nil || !reflect.DeepEqual(got, r) || !IsReads(data) || CountReads(data) != len(r.Items) {
			t.Errorf("%.100v came back as %.100v, %v", r, got, err)
		}
		if _, err := Decode(data); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.100v passes for a command: %v", r, err)
		}
	}
	for _, r := range manyResults {
		if got, err := DecodeReadResults(r.encode()); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%v came back as %v, %v", r, got, err)
		}
	}
}

// TestShortenedReadsAreMalformed cuts at every byte, and adds one. Results may end after
// each of them.
func TestShortenedReadsAreMalformed(t *testing.T) {
	for _, r := range manyReads[:2] {
		data := r.Encode()
		for n := range data {
			if _, err := DecodeReads(data[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%v cut at %d of %d bytes: %v", r, n, len(data), err)
			}
		}
		if _, err := DecodeReads(append(data, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v with a byte more: %v", r, err)
		}
	}
	r := manyResults[1]
	data, whole := r.encode(), map[int]bool{}
	for i := 1; i < len(r); i++ {
		whole[len(r[:i].encode())] = true
	}
	for n := range data {
		if _, err := DecodeReadResults(data[:n]); errors.Is(err, ErrMalformed) == whole[n] {
			t.Errorf("%v cut at %d of %d bytes: %v", r, n, len(data), err)
		}
	}
}

// TestReadsAreBounded: a few bytes that promise much take no memory for it.
func TestReadsAreBounded(t *testing.T) {
	tooMany := Reads{Items: make([]Read, MaxReads+1)}.Encode()
	promise := []byte{version, kindReads, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 'x', 0}
	results := append(AppendReadHead(nil), bytes.Repeat([]byte{byte(ReadNotFound)}, MaxReads+1)...)
	for _, data := range [][]byte{tooMany, promise, {version, kindReads, 0}} {
		if _, err := DecodeReads(data); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.20v: %v", data, err)
		}
		if n := CountReads(data); n > MaxReads {
			t.Errorf("%.20v counts as %d reads", data, n)
		}
	}
	if _, err := DecodeReadResults(results); !errors.Is(err, ErrMalformed) {
		t.Errorf("%d results: %v", MaxReads+1, err)
	}
}

// TestReadEncodingStaysTheSame holds the bytes of version 1.
func TestReadEncodingStaysTheSame(t *testing.T) {
	asked := Reads{Items: []Read{{Seq: 300}, {Subject: "a"}}}.Encode()
	if want := []byte{1, 128, 2, 0, 0xac, 2, 1, 'a', 0}; !bytes.Equal(asked, want) {
		t.Errorf("encoded as %v, want %v", asked, want)
	}
	got := ReadResults{{State: ReadFound, Seq: 300, Time: 1, Data: []byte("v")}, {State: ReadNotFound}, {State: ReadRefused, Code: 404, Why: "y"}}.encode()
	if want := []byte{1, 129, 1, 0xac, 2, 2, 0, 0, 1, 'v', 2, 3, 0x94, 3, 1, 'y'}; !bytes.Equal(got, want) {
		t.Errorf("encoded as %v, want %v", got, want)
	}
}

func FuzzDecodeReads(f *testing.F) {
	for _, r := range manyReads {
		f.Add(r.Encode())
	}
	f.Add([]byte{version, kindReads, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 'x', 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if n := CountReads(data); n < 0 || n > MaxReads {
			t.Errorf("counted %d", n)
		}
		r, err := DecodeReads(data)
		if err != nil {
			return
		}
		if !IsReads(data) || CountReads(data) != len(r.Items) {
			t.Errorf("%v was taken for something else, or for %d reads", r, CountReads(data))
		}
		if again, err := DecodeReads(r.Encode()); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%v came back as %v, %v", r, again, err)
		}
	})
}

func FuzzDecodeReadResults(f *testing.F) {
	for _, r := range manyResults {
		f.Add(r.encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeReadResults(data)
		if err != nil {
			return
		}
		if again, err := DecodeReadResults(r.encode()); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%v came back as %v, %v", r, again, err)
		}
	})
}
