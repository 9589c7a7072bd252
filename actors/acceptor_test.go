package actors

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

func startAcceptor(t *testing.T, store *memory, out *sent) *Acceptor {
	t.Helper()
	a, err := SpawnAcceptor(NewSystem(quiet()), AcceptorConfig{
		Self:  paxos.Sender{Role: paxos.AcceptorRole, ID: "a1", Disk: disk, Boot: 1, Process: 3},
		State: paxos.AcceptorState{Genesis: &genesis, Sealed: true, Known: paxos.Configurations{&genesis.First}},
		Store: store, Send: out, PageBytes: 1 << 20, Clock: NewClock(), Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAcceptorThatCannotPersistSendsNothing is the promise that an acceptor may
// not break: no Promise leaves it before that promise is durable.
func TestAcceptorThatCannotPersistSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, out := newMemory(), &sent{}
		store.broken = errors.New("no space left on device")
		a := startAcceptor(t, store, out)
		a.Deliver(from(leader, paxos.Prepare{Ballot: ballot, From: 1}))
		synctest.Wait()
		if got := of[paxos.Promise](out); len(got) != 0 {
			t.Errorf("sent %v, want nothing", got)
		}
		select {
		case err := <-a.Failed():
			if want := "no space left on device"; !strings.Contains(err.Error(), want) {
				t.Errorf("failed with %v, want it to name %q", err, want)
			}
		default:
			t.Error("the acceptor still runs, want it failed")
		}
		stopAcceptor(t, a)
	})
}

func stopAcceptor(t *testing.T, a *Acceptor) {
	t.Helper()
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
}

// TestAnswersWithoutRecordsWaitToo holds up the sync of a promise: a repeated
// Prepare emits no record, nor does the question of a newcomer, and the answers to both
// state the promise all the same.
func TestAnswersWithoutRecordsWaitToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, out := newMemory(), &sent{}
		store.hold = make(chan struct{})
		a := startAcceptor(t, store, out)
		synctest.Wait()
		atStart := len(of[paxos.Hello](out))
		a.Deliver(from(leader, paxos.Prepare{Ballot: ballot, From: 1}))
		synctest.Wait()
		a.Deliver(from(leader, paxos.Prepare{Ballot: ballot, From: 1}))
		a.Deliver(paxos.Envelope{From: paxos.Sender{Role: paxos.LearnerRole, ID: "l1", Process: 8}, Msg: paxos.Hello{}})
		synctest.Wait()
		if got := of[paxos.Promise](out); len(got) != 0 {
			t.Errorf("sent %v while the promise was not durable", got)
		}
		if got := of[paxos.Hello](out); len(got) != atStart {
			t.Errorf("sent %v after the promise, which is not durable", got[atStart:])
		}
		close(store.hold)
		synctest.Wait()
		if got := of[paxos.Promise](out); len(got) != 2 {
			t.Errorf("sent %d promises, want 2", len(got))
		}
		if got := of[paxos.Hello](out); len(got) != atStart+1 {
			t.Errorf("answered the newcomer with %v, want one Hello", got[atStart:])
		}
		stopAcceptor(t, a)
	})
}

// TestSignsOfLifeDoNotWaitForTheDisk holds up the sync of a promise: that the acceptor
// hears a leader leaves at once, and tells of no promise that is not durable.
func TestSignsOfLifeDoNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, out := newMemory(), &sent{}
		store.hold = make(chan struct{}, 1)
		a := startAcceptor(t, store, out)
		heartbeat := func(b paxos.Ballot) (early []paxos.Envelope) {
			before := len(out.envelopes())
			a.Deliver(from(leader, paxos.Heartbeat{Ballot: b, Chosen: paxos.Chosen{From: 1, Below: 1}, Next: 1}))
			synctest.Wait()
			return out.envelopes()[before:]
		}
		durable := ballot
		store.hold <- struct{}{}
		a.Deliver(from(leader, paxos.Prepare{Ballot: durable, From: 1}))
		synctest.Wait()
		higher := durable
		higher.Round++
		a.Deliver(from(leader, paxos.Prepare{Ballot: higher, From: 1})) // its sync hangs
		synctest.Wait()
		got := heartbeat(higher)
		if len(got) != 1 {
			t.Fatalf("sent %v while the disk stalls, want one sign of life", got)
		}
		if _, ok := got[0].Msg.(paxos.LeaderReport); !ok || got[0].From.Promised != durable {
			t.Errorf("sent %v while the disk stalls, want a report that tells of %v", got[0], durable)
		}
		close(store.hold)
		synctest.Wait()
		if got := heartbeat(higher); len(got) != 2 || got[0].From.Promised != higher {
			t.Errorf("sent %v when the disk was back, want a report and a Hello of %v", got, higher)
		}
		stopAcceptor(t, a)
	})
}

// TestReadsTellWhatIsDurable holds up the sync of a vote: a read that comes meanwhile
// would tell of it, so it is answered after it. One that finds nothing under way is
// answered by the role itself.
func TestReadsTellWhatIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, out := newMemory(), &sent{}
		store.hold = make(chan struct{})
		a := startAcceptor(t, store, out)
		read := func(nonce uint64) []paxos.ReadReport {
			a.Deliver(from(paxos.Sender{Role: paxos.LearnerRole, ID: "l1", Process: 8}, paxos.ReadQuery{Nonce: nonce}))
			synctest.Wait()
			return of[paxos.ReadReport](out)
		}
		if got := read(1); len(got) != 1 || got[0].MaxVoted != 0 {
			t.Errorf("before any vote reads are told %v, want one answer", got)
		}
		a.Deliver(acceptFor(1, "x"))
		synctest.Wait()
		if got := read(2); len(got) != 1 {
			t.Errorf("reads are told %v while a vote is not durable", got)
		}
		close(store.hold)
		synctest.Wait()
		if got := read(3); len(got) != 3 || got[1].MaxVoted != 1 || got[2].MaxVoted != 1 {
			t.Errorf("after a vote reads are told %v, want three answers, and of the vote", got)
		}
		stopAcceptor(t, a)
	})
}

// TestVotesShareASync holds up one sync: all votes that arrive meanwhile go with
// the next one, and into one message. The role is not blocked by the disk.
func TestVotesShareASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, out := newMemory(), &sent{}
		store.hold = make(chan struct{})
		a := startAcceptor(t, store, out)
		for slot := paxos.Slot(1); slot <= 8; slot++ {
			a.Deliver(acceptFor(slot, "x"))
			synctest.Wait()
		}
		if got := a.Status().State.Marks.MaxVoted; got != 8 {
			t.Errorf("the role has voted up to slot %d behind a held disk, want 8", got)
		}
		store.hold <- struct{}{}
		store.hold <- struct{}{}
		synctest.Wait()
		if got := len(store.appended()); got != 2 {
			t.Errorf("%d syncs for 8 votes, want 2", got)
		}
		accepted := of[paxos.Accepted](out)
		if len(accepted) != 2 || len(accepted[1].Slots) != 7 {
			t.Errorf("sent %v, want slot 1 and then 2 to 8 in one message", accepted)
		}
		stopAcceptor(t, a)
	})
}

// TestPagesShowTheDiskAsItWasThen emits a Promise and then a Trim before either
// is written. The page must hold the votes that the later Trim forgets: without
// them a new leader would take chosen slots for gaps.
func TestPagesShowTheDiskAsItWasThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, out := newMemory(), &sent{}
		a := startAcceptor(t, store, out)
		a.Deliver(acceptFor(1, "x"))
		synctest.Wait()
		store.hold = make(chan struct{})
		higher := paxos.Ballot{Round: 2, Proposer: "p1", Incarnation: 7}
		chosen := paxos.Chosen{From: 2, Below: 2}
		a.Collect(from(leader, paxos.Prepare{Ballot: higher, From: 1}))
		a.Collect(from(leader, paxos.Heartbeat{Ballot: higher, Chosen: chosen, Next: 2}))
		a.Collect(from(leader, paxos.Trim{Ballot: higher, Below: 2}))
		a.Rest()
		close(store.hold)
		synctest.Wait()
		got := of[paxos.Promise](out)
		if len(got) != 1 || len(got[0].Page.Votes) != 1 || got[0].Page.Votes[0].Slot != 1 {
			t.Errorf("promised %v, want the vote in slot 1 on its page", got)
		}
		if below := store.ledger.State.Marks.TrimBelow; below != 2 {
			t.Errorf("trimmed below %d, want 2", below)
		}
		stopAcceptor(t, a)
	})
}

// TestAPanicEndsTheRoleForGood: a role whose memory may be wrong must not answer
// again in this process.
func TestAPanicEndsTheRoleForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, out := newMemory(), &sent{}
		a := startAcceptor(t, store, out)
		var log strings.Builder
		a.sys.log = slog.New(slog.NewTextHandler(&log, nil))
		a.call(func() { panic("an invariant broke") })
		synctest.Wait()
		a.Deliver(from(leader, paxos.Prepare{Ballot: ballot, From: 1}))
		synctest.Wait()
		if got := of[paxos.Promise](out); len(got) != 0 {
			t.Errorf("sent %v after a panic", got)
		}
		if _, there := a.sys.actors.ProcessRegistry.GetLocal(a.pid.Id); there {
			t.Error("its actor is still there")
		}
		err := <-a.Failed()
		if err.Error() != "an invariant broke" {
			t.Errorf("failed with %q, want the reason alone", err)
		}
		if !strings.Contains(log.String(), "acceptor_test.go") {
			t.Errorf("the log does not say where it was:\n%s", log.String())
		}
		a.actor.writer.close()
	})
}

// TestATwinStopsTheAcceptor hears its own id from another process on its disk.
func TestATwinStopsTheAcceptor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, out := newMemory(), &sent{}
		a := startAcceptor(t, store, out)
		twin := paxos.Sender{Role: paxos.AcceptorRole, ID: "a1", Disk: disk, Boot: 1, Process: 99}
		a.Deliver(from(twin, paxos.Hello{}))
		err := <-a.Failed()
		if !strings.Contains(err.Error(), "another process") || strings.Contains(err.Error(), "\n") {
			t.Errorf("failed with %v, want one line", err)
		}
		if a.Drops()["twin"] != 1 {
			t.Errorf("counted %v", a.Drops())
		}
		if last := a.LastDrops()["twin"]; last.From != twin || last.At != time.Now() {
			t.Errorf("the last was %+v", last)
		}
		a.actor.writer.close()
	})
}

// TestADiskThatFailsOnItsOwnEndsTheAcceptor: nothing need be written to notice.
func TestADiskThatFailsOnItsOwnEndsTheAcceptor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		a := startAcceptor(t, store, &sent{})
		store.failed <- errors.New("a flush failed")
		if err := <-a.Failed(); !strings.Contains(err.Error(), "a flush failed") {
			t.Errorf("failed with %v", err)
		}
		stopAcceptor(t, a)
	})
}

// TestAFullInboxLosesAndCounts: like the network, and without blocking NATS.
func TestAFullInboxLosesAndCounts(t *testing.T) {
	q := inbox[int]{maxItems: 2, maxBytes: 100, wake: func() {}}
	for i, want := range []bool{true, true, false} {
		if got := q.push(i, 1); got != want {
			t.Errorf("push %d: %v", i, got)
		}
	}
	if items, _ := q.take(nil); q.overflow.Load() != 1 || len(items) != 2 {
		t.Errorf("overflow %d, left %d", q.overflow.Load(), q.len())
	}
	if !q.push(0, 100) || q.push(1, 1) {
		t.Error("bytes are not bounded")
	}
}
