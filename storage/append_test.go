package storage

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// shortFile writes a byte less than it is told, and says so by no error.
type shortFile struct{ vfs.File }

func (f shortFile) Write(b []byte) (int, error) { return f.File.Write(b[:len(b)-1]) }

// TestAWriteThatIsShort is a failure.
func TestAWriteThatIsShort(t *testing.T) {
	f, err := vfs.NewMem().Create("x", diskWrites)
	if err != nil {
		t.Fatal(err)
	}
	w := logWriter{file: shortFile{f}}
	if err := w.append(make([]byte, 9)); err == nil || !strings.Contains(err.Error(), "8 of 9 bytes") || w.length != 8 {
		t.Errorf("error %v, %d bytes", err, w.length)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWhenASegmentIsFull: when it has as many bytes as were chosen.
func TestWhenASegmentIsFull(t *testing.T) {
	a := mustOpenIn(t, diskOptions(storagetest.NewDisk()))
	length := a.log.length
	for n, full := range map[int64]bool{-1: false, 0: true, 1: true} {
		a.log.length = int64(a.options.Segment) + n
		if next := a.nextSegment(); full != (next != nil) {
			t.Errorf("with %d bytes too many it is full: %t", n, !full)
		}
	}
	a.log.length = length
	closeIt(t, a)
}

// TestTheMemoryOfAnAppend is kept for the next, unless it is much.
func TestTheMemoryOfAnAppend(t *testing.T) {
	for size, kept := range map[int]bool{bufferRetained: true, bufferRetained + 1: false} {
		s := stage{segment: &segment{}, bytes: make([]byte, 0, size)}
		if err := s.fill(nil, nil); err != nil {
			t.Fatal(err)
		}
		if kept != (cap(s.bytes) == size) {
			t.Errorf("%d bytes are kept: %t", size, !kept)
		}
	}
}

// TestAGenesisThatCannotBeRead again is refused, not stored.
func TestAGenesisThatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(g *paxos.Genesis){
		"negative size":      func(g *paxos.Genesis) { g.First.Quorums.Size1 = -1 },
		"too many acceptors": func(g *paxos.Genesis) { g.First.Acceptors = make([]paxos.Member, paxos.MaxAcceptors+1) },
	} {
		o := memOptions()
		a := mustOpenIn(t, o)
		g := *someGenesis()
		if err := a.Append([]paxos.Record{paxos.Founded{Genesis: g}}); err != nil {
			t.Fatal(err)
		}
		spoil(&g)
		err := a.Append([]paxos.Record{paxos.Founded{Genesis: g}})
		if !errors.Is(err, ErrRecord) {
			t.Errorf("%s: error %v", name, err)
		}
		_ = a.Close()
		if a, err = OpenAcceptor("/a1", "a1", o); err != nil {
			t.Errorf("%s: afterwards %v", name, err)
			continue
		}
		closeIt(t, a)
	}
}
