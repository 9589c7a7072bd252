package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestALaterStateIsFound wherever it is, if it is sound and later than that number.
func TestALaterStateIsFound(t *testing.T) {
	s := &segment{number: 7, seed: someSeed}
	entry := func(appends uint64) []byte {
		b, err := appendState(nil, someSeed, 7, state{appends: appends})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	mark := binary.LittleEndian.AppendUint64(nil, 7)
	damaged := entry(8)
	damaged[len(damaged)-1] ^= 1
	for _, c := range []struct {
		what  string
		parts [][]byte
		want  uint64
	}{
		{"nothing", nil, 0},
		{"a number alone", [][]byte{mark}, 0},
		{"at the beginning", [][]byte{entry(6)}, 6},
		{"behind other bytes", [][]byte{{1}, entry(6)}, 6},
		{"behind the number of the segment", [][]byte{mark, entry(6)}, 6},
		{"no later one", [][]byte{entry(5)}, 0},
		{"behind one that is not later", [][]byte{entry(5), entry(6)}, 6},
		{"damaged", [][]byte{damaged}, 0},
		{"behind a damaged one", [][]byte{damaged, entry(6)}, 6},
		{"cut short", [][]byte{entry(6)[:20]}, 0},
		{"behind one that is cut short", [][]byte{entry(6)[:13], entry(6)}, 6},
	} {
		if n := laterState(slices.Concat(c.parts...), s, 5); n != c.want {
			t.Errorf("%s: %d, want %d", c.what, n, c.want)
		}
	}
}

// TestPartsThatAreOlder: each sign that a part of the directory is older than the others is
// enough.
func TestPartsThatAreOlder(t *testing.T) {
	last := &segment{path: "/a1/votes/x"}
	for _, c := range []struct {
		what          string
		last          *segment
		appends, boot uint64 // of the log's last state
		cover         page
		identity      uint64 // boot number
		file          string // that is said to be damaged; empty: none
	}{
		{"all sound", last, 9, 4, page{appends: 9, boot: 4}, 4, ""},
		{"opened, and nothing appended", last, 9, 3, page{appends: 9, boot: 4}, 4, ""},
		{"about to be opened", last, 9, 4, page{appends: 9, boot: 5}, 4, ""},
		{"later than the cover", last, 10, 4, page{appends: 9, boot: 4}, 4, ""},
		{"no Append", nil, 9, 4, page{appends: 9, boot: 4}, 4, "/a1/votes"},
		{"an Append lost", last, 8, 4, page{appends: 9, boot: 4}, 4, "/a1/votes/x"},
		{"a boot lost", last, 9, 2, page{appends: 9, boot: 4}, 4, "/a1/votes/x"},
		{"identity older than the log", last, 9, 4, page{appends: 9, boot: 4}, 3, "/a1/IDENTITY"},
		{"identity older than the cover", last, 9, 4, page{appends: 9, boot: 6}, 4, "/a1/IDENTITY"},
		{"cover older than the identity", last, 9, 4, page{appends: 9, boot: 3}, 4, "/a1/COVER"},
	} {
		fsys := vfs.NewMem()
		a := &Acceptor{dir: &Dir{fs: fsys, path: "/a1", info: Info{Boot: c.identity}}, cover: &cover{path: "/a1/COVER", page: c.cover}, disk: fsys}
		r := recovery{a: a, last: c.last, state: state{appends: c.appends, boot: c.boot}}
		var damage *Error
		switch err := r.check(); {
		case c.file == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.file != "" && (!errors.As(err, &damage) || damage.Kind != ErrCorrupt || damage.Path != c.file):
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestALostGenesis: the states of a segment say that there is one.
func TestALostGenesis(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, diskOptions(d))
	a.stage.state.Genesis = someGenesis() // as if it were written
	if err := a.Append([]paxos.Record{voteFor(1, 9)}); err != nil {
		t.Fatal(err)
	}
	closeIt(t, a)
	if _, err := OpenAcceptor("/a1", "a1", diskOptions(d)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "the genesis is missing") {
		t.Errorf("error %v", err)
	}
}

// TestTheEndOfTheLogIsSynced before anything is written behind it: what a process left unsynced
// may be lost with the power, when that is there.
func TestTheEndOfTheLogIsSynced(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(2) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
			t.Fatal(err)
		}
	}
	closeIt(t, a)
	var ops []string
	d.Before(func(o storagetest.Op) error {
		if path.Ext(o.Path) == ".log" && (o.Kind == storagetest.Write || o.Kind == storagetest.Sync) {
			ops = append(ops, fmt.Sprint(o.Kind, " ", path.Base(o.Path)))
		}
		return nil
	})
	a = mustOpenIn(t, sized(d))
	d.Before(nil)
	closeIt(t, a)
	if want := []string{"sync " + segmentName(3), "write " + segmentName(4)}; len(ops) < 2 || !slices.Equal(ops[:2], want) {
		t.Errorf("%v, want %v first", ops, want)
	}
}

// TestALongRecoveryIsTold to an operator, once in a while.
func TestALongRecoveryIsTold(t *testing.T) {
	for took, want := range map[time.Duration]int{tellAfter: 0, tellAfter + 1: 1} {
		synctest.Test(t, func(t *testing.T) {
			d := storagetest.NewDisk()
			a := mustOpenIn(t, sized(d))
			for slot := range paxos.Slot(2) {
				if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
					t.Fatal(err)
				}
			}
			closeIt(t, a)
			d.Before(func(o storagetest.Op) error {
				if o.Kind == storagetest.Open && path.Base(o.Path) == segmentName(1) {
					<-time.After(took)
				}
				return nil
			})
			var log bytes.Buffer
			o := diskOptions(d)
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			a = mustOpenIn(t, o)
			if n := strings.Count(log.String(), "reading the log of votes"); n != want {
				t.Errorf("%v for a file: told %d times, want %d: %s", took, n, want, log.String())
			}
			closeIt(t, a)
		})
	}
}

// TestALeftoverThatCannotBeRemoved ends the opening.
func TestALeftoverThatCannotBeRemoved(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(leastSpares + 3) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
			t.Fatal(err)
		}
	}
	a.cover.begins(a.newest, a.log.segment.before) // and a crash before the files are given up
	if err := a.coverNow(); err != nil {
		t.Fatal(err)
	}
	left := d.Crash(0, 0)
	closeIt(t, a)
	left.Before(func(o storagetest.Op) error {
		if o.Kind == storagetest.Remove {
			return syscall.EIO
		}
		return nil
	})
	if _, err := OpenAcceptor("/a1", "a1", sized(left)); !errors.Is(err, syscall.EIO) {
		t.Errorf("error %v", err)
	}
}

// TestLookingForStatesIsFast though a value is full of what looks like long ones, and the
// longest state is found.
func TestLookingForStatesIsFast(t *testing.T) {
	s := &segment{number: 7, seed: someSeed}
	trap := binary.LittleEndian.AppendUint64(append([]byte{stateEntry}, 0, 0, 16, 0), s.number)
	data := bytes.Repeat(trap, 4<<20/len(trap))
	largest := state{appends: 1<<64 - 1, boot: 1<<64 - 1}
	largest.Promised = paxos.Ballot{Round: 1<<64 - 1, Proposer: paxos.NodeID(strings.Repeat("x", 255))}
	largest.Marks = paxos.Marks{ChosenBelow: 1<<64 - 1, TrimBelow: 1<<64 - 1, MaxVoted: 1<<64 - 1, MaxStamp: -1 << 63}
	data, err := appendState(data, s.seed, s.number, largest)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if n := laterState(data, s, 1); n != largest.appends {
		t.Errorf("found number %d", n)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
