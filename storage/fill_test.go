package storage

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestWhatIsPassedIsRead: between two votes of a run there may be states. If one of them is not
// what was written, neither is its length, perhaps.
func TestWhatIsPassedIsRead(t *testing.T) {
	for _, kind := range []byte{stateEntry, genesisEntry} {
		d := storagetest.NewDisk()
		a := mustOpenIn(t, diskOptions(d))
		founded := paxos.Founded{Genesis: *someGenesis()}
		err := errors.Join(a.Append([]paxos.Record{voteFor(5, 9), founded}), a.Append([]paxos.Record{voteFor(6, 9)}), a.Append([]paxos.Record{voteFor(7, 9)}))
		if err != nil {
			t.Fatal(err)
		}
		data := d.Bytes(a.log.segment.path)
		at := a.index.runs[0].places[0].at
		for at += entryLength(data[at:]); data[at] != kind; at += entryLength(data[at:]) {
		}
		for _, flip := range []int64{0, 1, 2, 3, entryHeader, entryLength(data[at:]) - 1} {
			data[at+flip] ^= 1
			runs := a.index.read(1, 0)
			m := newMerge(a.disk, runs, 1, 0)
			var err error
			for err == nil {
				var ok bool
				if _, ok, err = m.next(true); !ok {
					break
				}
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%c, byte %d: error %v", kind, flip, err)
			}
			a.index.release(runs)
			data[at+flip] ^= 1
		}
		closeIt(t, a)
	}
}

func entryLength(b []byte) int64 {
	entry, _ := cutEntry(b)
	return int64(len(entry))
}

// TestReadsGoOverWindows: entries larger and smaller than what is read at once.
func TestReadsGoOverWindows(t *testing.T) {
	o := memOptions()
	o.Segment = 1 << 20
	a := mustOpenIn(t, o)
	r := rand.New(rand.NewPCG(1, 1))
	var want []paxos.Vote
	for slot := range paxos.Slot(60) {
		v := voteFor(slot+1, r.IntN(3*windowBytes>>(slot%3*4))).(paxos.Voted)
		for i := range v.Vote.Value.Body {
			v.Vote.Value.Body[i] = byte(r.Uint32())
		}
		want = append(want, v.Vote)
		if err := a.Append([]paxos.Record{v}); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []int{0, 1, 29, 59} {
		p := paxos.Page{From: paxos.Slot(from + 1)}
		if err := a.Fill(&p, 1<<30); err != nil {
			t.Fatal(err)
		}
		if len(p.Votes) != len(want)-from {
			t.Fatalf("from %d: %d votes", from, len(p.Votes))
		}
		for i, v := range p.Votes {
			if w := want[from+i]; v.Slot != w.Slot || !v.Value.Equal(w.Value) {
				t.Errorf("from %d: slot %d is not what was written in slot %d", from, v.Slot, w.Slot)
			}
		}
	}
	closeIt(t, a)
}

// TestTheEndOfAWindow lies anywhere in the last entry of a run, which is a state.
func TestTheEndOfAWindow(t *testing.T) {
	o := memOptions()
	o.Segment = 1 << 20
	for over := -5; over < 70; over++ {
		o.FS = vfs.NewMem()
		a := mustOpenIn(t, o)
		v := voteFor(1, windowBytes-100).(paxos.Voted)
		v.Vote.Value.Body = make([]byte, 2*windowBytes-100-over-len(encodeVote(t, v.Vote)))
		if n := len(encodeVote(t, v.Vote)); n != windowBytes-over {
			t.Fatalf("a vote of %d bytes", n)
		}
		if err := a.Append([]paxos.Record{v}); err != nil {
			t.Fatal(err)
		}
		if votes := pageOf(t, a); len(votes) != 1 {
			t.Errorf("%d bytes behind the vote: %d votes", over, len(votes))
		}
		closeIt(t, a)
	}
}

// TestAFileThatIsCutShort while the acceptor is open, or gone, is told by who reads it.
func TestAFileThatIsCutShort(t *testing.T) {
	for _, how := range []string{"short", "gone", "unreadable"} {
		d := storagetest.NewDisk()
		a := mustOpenIn(t, diskOptions(d))
		if err := a.Append([]paxos.Record{voteFor(5, 1000)}); err != nil {
			t.Fatal(err)
		}
		file, want := a.log.segment.path, ErrCorrupt
		switch how {
		case "short":
			if err := d.Put(file, d.Bytes(file)[:a.index.runs[0].places[0].at+200]); err != nil {
				t.Fatal(err)
			}
		case "gone":
			want = fs.ErrNotExist
			if err := d.FS().Remove(file); err != nil {
				t.Fatal(err)
			}
		case "unreadable":
			want = syscall.EIO
			d.Before(func(o storagetest.Op) error {
				if o.Kind == storagetest.Read {
					return syscall.EIO
				}
				return nil
			})
		}
		p := paxos.Page{From: 1}
		err := a.Fill(&p, 1)
		if !errors.Is(err, want) || len(p.Votes) > 0 || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %d votes, error %v", how, len(p.Votes), err)
		}
		if how == "short" && !strings.Contains(err.Error(), "it ends before byte") {
			t.Errorf("%s: error %v", how, err)
		}
		d.Before(nil)
		if closed := a.Close(); !errors.Is(closed, err) {
			t.Errorf("%s: Close says %v", how, closed)
		}
	}
}

// TestEveryReadFails of a page, one in each: whatever it is of, no page comes of it.
func TestEveryReadFails(t *testing.T) {
	d := storagetest.NewDisk()
	o := diskOptions(d)
	o.Segment = 1 << 20
	a := mustOpenIn(t, o)
	for slot, over := range []int{20, -300} { // a state crosses the end of a window, and a vote is larger than one
		v := voteFor(paxos.Slot(slot+1), windowBytes-100).(paxos.Voted)
		v.Vote.Value.Body = make([]byte, 2*windowBytes-100-over-len(encodeVote(t, v.Vote)))
		if err := a.Append([]paxos.Record{v}); err != nil {
			t.Fatal(err)
		}
	}
	left := d.Crash(0, 0)
	closeIt(t, a)
	failed := 0
	for n, more := 1, true; more; n++ {
		d := left.Crash(0, 0)
		a := mustOpenIn(t, o.on(d))
		reads := 0
		d.Before(func(o storagetest.Op) error {
			if o.Kind == storagetest.Read {
				if reads++; reads == n {
					return syscall.EIO
				}
			}
			return nil
		})
		p := paxos.Page{}
		err := a.Fill(&p, 1<<30)
		if more = reads >= n; more {
			failed++
		}
		if more != errors.Is(err, syscall.EIO) || more && len(p.Votes) > 0 || !more && len(p.Votes) != 2 {
			t.Errorf("read %d fails: %d votes, error %v", n, len(p.Votes), err)
		}
		d.Before(nil)
		if closed := a.Close(); (closed != nil) != more {
			t.Errorf("read %d fails: Close says %v", n, closed)
		}
	}
	if failed < 3 {
		t.Errorf("only %d reads", failed)
	}
}

// TestAPageReadsWhatItNeeds: also of a log whose votes are in many runs and segments, and
// without a limit.
func TestAPageReadsWhatItNeeds(t *testing.T) {
	d := storagetest.NewDisk()
	o := diskOptions(d)
	a := mustOpenIn(t, o)
	for slot := paxos.Slot(1); slot < 1000; slot += 2 {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 400), voteFor(slot, 400)}); err != nil {
			t.Fatal(err)
		}
	}
	before := d.Calls()
	p := paxos.Page{From: 301}
	if err := a.Fill(&p, 2500); err != nil || len(p.Votes) < 3 || p.Next != p.Votes[0].Slot+paxos.Slot(len(p.Votes)) {
		t.Errorf("error %v, page of %d, next %d", err, len(p.Votes), p.Next)
	}
	if calls := d.Calls() - before; calls > 40 {
		t.Errorf("%d calls on the disk for %d votes", calls, len(p.Votes))
	}
	closeIt(t, a)
}
