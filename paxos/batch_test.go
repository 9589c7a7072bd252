package paxos

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func randomCommand(r *rand.Rand) Command {
	text := func(most int) string { return strings.Repeat("x", r.IntN(most)) }
	return Command{Subject: text(100), Reply: text(40), Header: []byte(text(300)), Data: []byte(text(20000))}
}

// TestBatchRoundTrip: what is decoded is what was encoded, in order, whether the
// batch was encoded at once or grew one by one.
func TestBatchRoundTrip(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		var commands []Command
		var grown []byte
		for range r.IntN(20) {
			c := randomCommand(r)
			commands, grown = append(commands, c), AppendCommand(grown, c)
		}
		body := EncodeBatch(commands...)
		if len(commands) > 0 && !bytes.Equal(body, grown) {
			t.Fatalf("seed %d: the batch that grew differs", seed)
		}
		got, err := DecodeBatch(body)
		if err != nil || len(got) != len(commands) {
			t.Fatalf("seed %d: %d commands of %d (%v)", seed, len(got), len(commands), err)
		}
		for i := range got {
			if !reflect.DeepEqual(got[i], commands[i]) {
				t.Fatalf("seed %d: command %d is %+v, want %+v", seed, i, got[i], commands[i])
			}
		}
	}
}

// TestCommandSizeBoundsWhatItTakes: a leader that counts Size never makes a batch
// larger than it meant to, nor much smaller.
func TestCommandSizeBoundsWhatItTakes(t *testing.T) {
	for seed := range uint64(500) {
		c := randomCommand(rand.New(rand.NewPCG(seed, 1)))
		takes := len(AppendCommand([]byte{batchFormat}, c)) - 1
		if size := c.Size(); takes > size || size > takes+maxLengths {
			t.Errorf("seed %d: Size is %d, it takes %d", seed, size, takes)
		}
	}
	if empty := (Command{}); empty.Size() < len(EncodeBatch(empty))-1 {
		t.Errorf("an empty command takes %d bytes, its Size is %d", len(EncodeBatch(empty))-1, empty.Size())
	}
}

func TestAnEmptyBatchHasNoCommands(t *testing.T) {
	for _, body := range [][]byte{nil, {}, EncodeBatch()} {
		if got, err := DecodeBatch(body); err != nil || len(got) != 0 {
			t.Errorf("%v: %v, %v", body, got, err)
		}
	}
}

// TestDecodeBatchRefusesWhatNobodyWrote: every batch that breaks off is refused, and
// nothing of it is returned.
func TestDecodeBatchRefusesWhatNobodyWrote(t *testing.T) {
	whole := EncodeBatch(Command{Subject: "propose", Reply: "r", Header: []byte("h"), Data: []byte("data")}, Command{Subject: "s"})
	ends := map[int]bool{0: true, 1: true, len(EncodeBatch(Command{Subject: "propose", Reply: "r", Header: []byte("h"), Data: []byte("data")})): true, len(whole): true}
	for n := range len(whole) + 1 {
		got, err := DecodeBatch(whole[:n])
		if ends[n] != (err == nil) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
		if err != nil && (!errors.Is(err, ErrBatch) || got != nil) {
			t.Errorf("the first %d bytes: %v with %v", n, err, got)
		}
	}
	for _, body := range [][]byte{
		{batchFormat + 1}, {0},
		{batchFormat, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},       // a length of 2^64-1
		{batchFormat, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, // a length beyond 64 bits
	} {
		if _, err := DecodeBatch(body); !errors.Is(err, ErrBatch) {
			t.Errorf("%v: %v, want an ErrBatch", body, err)
		}
	}
}

// FuzzDecodeBatch: no bytes make it panic, and what it decodes is what it would
// decode of its own encoding of that.
func FuzzDecodeBatch(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(EncodeBatch())
	f.Add(EncodeBatch(Command{Subject: "propose", Reply: "_INBOX.x", Header: []byte("NATS/1.0\r\n\r\n"), Data: []byte("hello")}, Command{}))
	f.Add([]byte{batchFormat, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, body []byte) {
		commands, err := DecodeBatch(body)
		if err != nil {
			if !errors.Is(err, ErrBatch) {
				t.Errorf("%v is no ErrBatch", err)
			}
			return
		}
		if len(commands) > len(body)/4 {
			t.Errorf("%d commands of %d bytes", len(commands), len(body))
		}
		again, err := DecodeBatch(EncodeBatch(commands...))
		if err != nil || len(again) != len(commands) {
			t.Fatalf("%v, %d commands of %d", err, len(again), len(commands))
		}
		for i := range again {
			if string(again[i].Data) != string(commands[i].Data) || string(again[i].Header) != string(commands[i].Header) ||
				again[i].Subject != commands[i].Subject || again[i].Reply != commands[i].Reply {
				t.Errorf("command %d is %+v and then %+v", i, commands[i], again[i])
			}
		}
	})
}

// TestRoomForABatchFitsIt: every learner makes it for every batch.
func TestRoomForABatchFitsIt(t *testing.T) {
	for _, size := range []int{0, 128, 4 << 10} {
		var body []byte
		for range 100 {
			body = AppendCommand(body, Command{Subject: "propose", Reply: "_INBOX.x", Data: make([]byte, size)})
		}
		commands, err := DecodeBatch(body)
		if err != nil || len(commands) != 100 || cap(commands) > 110 {
			t.Errorf("%d commands of %d bytes have room for %d, %v", len(commands), size, cap(commands), err)
		}
	}
}
