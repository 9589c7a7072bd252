package actors

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

func untold(Progress) {}

// TestChunksThatComeTwice, or late, or of another snapshot or fellow, are not taken for those that
// were asked for.
func TestChunksThatComeTwice(t *testing.T) {
	const chunk = 10
	want := make([]byte, 95)
	for i := range want {
		want[i] = byte(i)
	}
	const most = 20 // questions
	stop := make(chan struct{})
	var before paxos.SnapshotChunk
	var tr *Transfer
	asked := 0
	tr = NewTransfer(stop,
		func(_ paxos.NodeID, q paxos.SnapshotQuery) {
			if asked++; asked > most {
				t.Errorf("asked more than %d times, the last time for byte %d", most, q.Offset)
				close(stop)
				return
			}
			c := paxos.SnapshotChunk{ID: 7, Applied: 5, Total: uint64(len(want)), Offset: q.Offset, Data: want[q.Offset:min(int(q.Offset)+chunk, len(want))]}
			foreign := c
			foreign.ID, foreign.Data = 8, bytes.Repeat([]byte{0xff}, chunk)
			if q.ID != 0 {
				tr.Receive("l2", before)
				tr.Receive("l2", foreign)
				tr.Receive("l2", paxos.SnapshotChunk{ID: 7, Applied: 5, Total: uint64(len(want)), Offset: q.Offset}) // nothing, and not the end
			}
			tr.Receive("l3", foreign)
			tr.Receive("l2", c)
			before = c
		}, nil, untold)
	file, err := tr.intoFile(t.TempDir(), func(int) paxos.NodeID { return "l2" }, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if have, err := io.ReadAll(file); err != nil || !bytes.Equal(have, want) {
		t.Errorf("received %v, %v, want %v", have, err, want)
	}
}

// TestASnapshotMayTakeLongToBeMade, and longer than any timeout, while its fellow says that
// there is more of it.
func TestASnapshotMayTakeLongToBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		from := func(turn int) paxos.NodeID {
			if turn > 0 {
				t.Errorf("left the fellow after %s", time.Since(began))
			}
			return "l2"
		}
		var tr *Transfer
		var told []Progress
		tr = NewTransfer(make(chan struct{}),
			func(_ paxos.NodeID, q paxos.SnapshotQuery) {
				// It has 1 byte more every 90 s, and the second chunk must wait for another's snapshot.
				passed := time.Since(began)
				c := paxos.SnapshotChunk{ID: 7, Total: 2, Offset: q.Offset, Data: []byte("x")}
				if passed < time.Hour || q.ID != 0 && passed < 2*time.Hour {
					c = paxos.SnapshotChunk{ID: paxos.SnapshotMaking, Offset: 1 + uint64(passed/(90*time.Second))}
				}
				tr.Receive("l2", c)
			}, nil, func(p Progress) { told = append(told, p) })
		file, err := tr.intoFile(t.TempDir(), from, quiet())
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if have, err := io.ReadAll(file); err != nil || string(have) != "xx" {
			t.Errorf("received %q, %v", have, err)
		}
		if first, last := told[0], told[len(told)-1]; first != (Progress{Making, "l2", 0, 0}) || last != (Progress{Receiving, "l2", 2, 2}) {
			t.Errorf("told of %+v first, of %+v last", first, last)
		}
	})
}

// TestEveryMachineIsWaitedFor in the end, also one that thinks for long before it writes the first
// byte of a snapshot, and of which every fellow that is asked makes a new one.
func TestEveryMachineIsWaitedFor(t *testing.T) {
	for _, thinks := range []time.Duration{110 * time.Second, 3 * time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			began, asked := time.Now(), time.Now()
			from := func(turn int) paxos.NodeID {
				if asked = time.Now(); asked.Sub(began) > 3*thinks {
					t.Errorf("%s, and the snapshot is not there", asked.Sub(began))
					close(stop)
				}
				return []paxos.NodeID{"l2", "l3"}[turn%2]
			}
			var tr *Transfer
			tr = NewTransfer(stop,
				func(to paxos.NodeID, _ paxos.SnapshotQuery) {
					c := paxos.SnapshotChunk{ID: 7, Total: 1, Data: []byte("x")}
					if time.Since(asked) < thinks {
						c = paxos.SnapshotChunk{ID: paxos.SnapshotMaking, Offset: 1}
					}
					tr.Receive(to, c)
				}, nil, untold)
			file, err := tr.intoFile(t.TempDir(), from, quiet())
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
		})
	}
}

// TestAFellowThatMakesNoProgressIsLeft for another one, also in the middle.
func TestAFellowThatMakesNoProgressIsLeft(t *testing.T) {
	for name, stuck := range map[string]struct {
		answer func(q paxos.SnapshotQuery) *paxos.SnapshotChunk
		gone   bool
		after  time.Duration
		next   time.Duration // that another may make one without a byte more
	}{
		"silent": {func(paxos.SnapshotQuery) *paxos.SnapshotChunk { return nil }, false, snapshotStuck, snapshotStuck},
		"gone":   {func(paxos.SnapshotQuery) *paxos.SnapshotChunk { return nil }, true, snapshotSilent, snapshotStuck},
		"stuck": {func(paxos.SnapshotQuery) *paxos.SnapshotChunk {
			return &paxos.SnapshotChunk{ID: paxos.SnapshotMaking, Offset: 1}
		}, false, snapshotStuck, 2 * snapshotStuck},
		"silent in the middle": {func(q paxos.SnapshotQuery) *paxos.SnapshotChunk {
			if q.ID != 0 {
				return nil
			}
			return &paxos.SnapshotChunk{ID: 7, Total: 2, Data: []byte("y")}
		}, false, snapshotSilent, snapshotStuck},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var left time.Duration
				from := func(turn int) paxos.NodeID {
					if turn == 0 {
						return "l2"
					}
					left = time.Since(began)
					return "l3"
				}
				var tr *Transfer
				tr = NewTransfer(make(chan struct{}),
					func(to paxos.NodeID, q paxos.SnapshotQuery) {
						c := &paxos.SnapshotChunk{ID: 8, Total: 1, Data: []byte("x")}
						if to == "l2" {
							c = stuck.answer(q)
						}
						if c != nil {
							tr.Receive(to, *c)
						}
					}, func(paxos.NodeID) bool { return !stuck.gone }, untold)
				file, err := tr.intoFile(t.TempDir(), from, quiet())
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				if have, err := io.ReadAll(file); err != nil || string(have) != "x" {
					t.Errorf("received %q, %v, want the other one's", have, err)
				}
				if left < stuck.after || left > stuck.after+snapshotFirst {
					t.Errorf("left the fellow after %s, want %s", left, stuck.after)
				}
				if tr.stuck != stuck.next {
					t.Errorf("the next may take %s, want %s", tr.stuck, stuck.next)
				}
			})
		})
	}
}

// TestWhoAsksWhileASnapshotIsMade hears so, and does not have another one made.
func TestWhoAsksWhileASnapshotIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		l.machine.slow = make(chan struct{})
		a := startLearner(t, l)
		choose(a, 1, "longer than one chunk", "l1")
		synctest.Wait()
		fellow := paxos.Sender{Role: paxos.LearnerRole, ID: "l2", Process: 22}
		ask := func(id uint64) []paxos.SnapshotChunk {
			e := from(fellow, paxos.SnapshotQuery{ID: id})
			e.To = "l1"
			a.Deliver(e)
			synctest.Wait()
			return of[paxos.SnapshotChunk](l.out)
		}
		if got := ask(0); len(got) != 0 {
			t.Fatalf("answered %v before it is made", got)
		}
		for i, id := range []uint64{0, 5} {
			if got := ask(id); len(got) != i+1 || got[i].ID != paxos.SnapshotMaking || got[i].Offset != 2 {
				t.Fatalf("meanwhile answered %v, want that it is made, and has 1 byte", got)
			}
		}
		close(l.machine.slow)
		synctest.Wait()
		got := of[paxos.SnapshotChunk](l.out)
		if len(got) != 3 || got[2].ID == 0 || got[2].ID == paxos.SnapshotMaking || len(got[2].Data) != 16 {
			t.Fatalf("answered %v, want the first chunk", got)
		}
		id := got[2].ID
		pass(time.Millisecond) // another one would have another id
		if got := ask(0); len(got) != 4 || got[3].ID != id {
			t.Errorf("asked again, it answered %v, want the first chunk again", got)
		}
		if got := ask(id); len(got) != 5 || got[4].ID != id {
			t.Errorf("asked for it, it answered %v", got)
		}
		pass(time.Millisecond)
		if got := ask(0); len(got) != 6 || got[5].ID == id || got[5].ID == 0 {
			t.Errorf("asked for a new one, it answered %v", got)
		}
		stopLearner(t, a)
	})
}
