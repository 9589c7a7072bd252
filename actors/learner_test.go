package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// tape is a Machine that remembers what was applied.
type tape struct {
	mu      sync.Mutex
	applied []string
	at      paxos.Position
	broken  error
	hold    chan struct{}
	slow    chan struct{} // what a Snapshot waits for, after its first byte

	installing func() // called during Install; may be nil
}

func (m *tape) Apply(slot paxos.Slot, _ paxos.LogTime, commands []paxos.Command) ([]Result, error) {
	if m.hold != nil {
		<-m.hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slot != m.at.Applied+1 {
		return nil, fmt.Errorf("slot %d after %d", slot, m.at.Applied)
	}
	var results []Result
	for _, c := range commands {
		if string(c.Data) == "boom" {
			panic("a command that the machine cannot bear")
		}
		m.applied = append(m.applied, string(c.Data))
		results = append(results, Result{Data: c.Data})
	}
	m.at.Applied = slot
	return results, m.broken
}

func (m *tape) Position() paxos.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *tape) Sync(paxos.Slot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at.Durable = m.at.Applied
	return nil
}

// replies is an Answerer that remembers.
type replies struct {
	mu  sync.Mutex
	got []string
}

func (r *replies) Rest() {}

func (r *replies) Answer(inbox string, result Result, slot paxos.Slot, _ paxos.Ballot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, fmt.Sprintf("%s %d %s", inbox, slot, result.Data))
}

func (r *replies) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

func (m *tape) Digest() (sum [16]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	copy(sum[:], fmt.Sprint(len(m.applied), m.at.Applied))
	return sum
}

func (m *tape) Snapshot(w io.Writer) (paxos.Slot, error) {
	if m.slow != nil {
		fmt.Fprint(w, " ")
		<-m.slow
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at.Applied, json.NewEncoder(w).Encode(map[string]any{"applied": m.applied, "at": m.at.Applied})
}

func (m *tape) Install(r io.Reader) error {
	var state struct {
		Applied []string
		At      paxos.Slot
	}
	if err := json.NewDecoder(r).Decode(&state); err != nil {
		return fmt.Errorf("%w: %w", ErrBadSnapshot, err)
	}
	if m.installing != nil {
		m.installing()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applied, m.at.Applied, m.at.Durable = state.Applied, state.At, state.At
	return nil
}

type learning struct {
	machine    *tape
	out        *sent
	replies    *replies
	joined     error
	diskFailed chan error
	readers    *door
	behind     paxos.Marks // of the first acceptor that is heard
	doubts     []string
}

func startLearner(t *testing.T, l *learning) *Learner {
	t.Helper()
	return startLearnerAs(t, "l1", l, l.out)
}

func startLearnerAs(t *testing.T, id paxos.NodeID, l *learning, send Sender) *Learner {
	t.Helper()
	var readers Door
	if l.readers != nil {
		readers = l.readers
	}
	a, err := SpawnLearner(NewSystem(quiet()), LearnerConfig{
		Readers: readers, Doubted: func(d Doubt) { l.doubts = append(l.doubts, d.Reason) },
		Self:    paxos.Sender{Role: paxos.LearnerRole, ID: id, Disk: paxos.UUID{21}, Boot: 1, Process: 21},
		Options: roles.DefaultLearnerOptions(), Machine: l.machine, Send: send, Answer: l.replies,
		Joined: func(*paxos.Genesis) error { return l.joined }, Clock: NewClock(), Log: quiet(),
		Snapshots: l.machine, Dir: t.TempDir(), ChunkBytes: 16, Failed: l.diskFailed,
	})
	if err != nil {
		t.Fatal(err)
	}
	g := genesis
	a.Deliver(from(acceptor1, paxos.Hello{Genesis: &g, Marks: l.behind}))
	return a
}

func newLearning() *learning { return &learning{machine: &tape{}, out: &sent{}, replies: &replies{}} }

// choose delivers a value and the vote that chooses it.
func choose(l *Learner, slot paxos.Slot, text string, answerer paxos.NodeID) {
	e := acceptFor(slot, text)
	a := e.Msg.(paxos.Accept)
	a.Value.Answerer = answerer
	e.Msg = a
	l.Deliver(e)
	voter := acceptor1
	voter.Promised = ballot
	l.Deliver(from(voter, paxos.Accepted{Ballot: ballot, Slots: []paxos.Slot{slot}}))
}

// TestLearnerAppliesInOrderAndAnswers what it is named for, and publishes its
// position only after its answers.
func TestLearnerAppliesInOrderAndAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		a := startLearner(t, l)
		choose(a, 2, "second", "l1")
		choose(a, 1, "first", "l1")
		synctest.Wait()
		if got := strings.Join(l.machine.applied, " "); got != "first second" {
			t.Errorf("applied %q", got)
		}
		if got := strings.Join(l.replies.all(), ", "); got != "inbox.first 1 first, inbox.second 2 second" {
			t.Errorf("answered %q", got)
		}
		pass(time.Second)
		positions := of[paxos.Position](l.out)
		if last := positions[len(positions)-1]; last.Applied != 2 || last.Durable != 2 {
			t.Errorf("published %+v, want 2 applied and durable", last)
		}
		stopLearner(t, a)
	})
}

func stopLearner(t *testing.T, a *Learner) {
	t.Helper()
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
}

// TestTheNextLearnerAnswersForADeadOne after the time that covers for it, once.
func TestTheNextLearnerAnswersForADeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		a := startLearner(t, l)
		choose(a, 1, "x", "l2")
		synctest.Wait()
		if got := l.replies.all(); len(got) != 0 {
			t.Fatalf("answered %v for l2 at once", got)
		}
		pass(200 * time.Millisecond)
		if got := l.replies.all(); len(got) != 1 {
			t.Errorf("answered %v, want x once", got)
		}
		stopLearner(t, a)
	})
}

// TestResultsAreForgottenOnceAnswered: memory does not grow with what others say.
func TestResultsAreForgottenOnceAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		a := startLearner(t, l)
		for slot := paxos.Slot(1); slot <= 10; slot++ {
			choose(a, slot, "x", "l2")
		}
		a.Deliver(from(paxos.Sender{Role: paxos.LearnerRole, ID: "l2", Process: 22}, paxos.Position{Applied: 10}))
		pass(time.Second)
		if n := len(a.actor.applier.outcomes); n != 0 {
			t.Errorf("%d outcomes are still kept", n)
		}
		if got := l.replies.all(); len(got) != 0 {
			t.Errorf("answered %v, which l2 had", got)
		}
		stopLearner(t, a)
	})
}

// TestAMachineThatFailsStopsItsLearner, and the reason names the slot.
func TestAMachineThatFailsStopsItsLearner(t *testing.T) {
	for name, set := range map[string]func(*learning) (text string){
		"an error": func(l *learning) string { l.machine.broken = errors.New("disk full"); return "x" },
		"a panic":  func(*learning) string { return "boom" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLearning()
				text := set(l)
				a := startLearner(t, l)
				choose(a, 1, text, "l1")
				if err := <-a.Failed(); !strings.Contains(err.Error(), "slot 1") {
					t.Errorf("failed with %v, want slot 1 named", err)
				}
				if got := l.replies.all(); len(got) != 0 {
					t.Errorf("answered %v from a machine that failed", got)
				}
				stopLearner(t, a)
			})
		})
	}
}

// TestABrokenDiskStopsAnIdleLearner: nothing is applied, so only the disk can tell.
func TestABrokenDiskStopsAnIdleLearner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		failed := make(chan error, 1)
		l.diskFailed = failed
		a := startLearner(t, l)
		failed <- errors.New("no space left")
		if err := <-a.Failed(); !strings.Contains(err.Error(), "no space left") {
			t.Errorf("failed with %v", err)
		}
		stopLearner(t, a)
	})
}

// TestALearnerOfAnotherClusterAppliesNothing: its disk belongs elsewhere.
func TestALearnerOfAnotherClusterAppliesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		l.joined = errors.New("the directory belongs to another cluster")
		a := startLearner(t, l)
		if err := <-a.Failed(); !strings.Contains(err.Error(), "another cluster") {
			t.Errorf("failed with %v", err)
		}
		choose(a, 1, "x", "l1")
		synctest.Wait()
		if len(l.machine.applied) != 0 {
			t.Errorf("applied %v", l.machine.applied)
		}
		a.actor.applier.close()
		<-time.After(time.Minute) // protoactor counts for a second what is sent to who has just gone
	})
}

// TestASlowMachineHoldsTheLearnerBack: what waits to be applied is bounded.
func TestASlowMachineHoldsTheLearnerBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		l.machine.hold = make(chan struct{})
		a := startLearner(t, l)
		open := roles.DefaultLearnerOptions().OpenSlots
		for slot := paxos.Slot(1); slot <= 3*open; slot++ {
			choose(a, slot, "x", "l2")
		}
		synctest.Wait()
		if got := a.Status().Learned; got > 2*open {
			t.Errorf("learned %d slots that cannot be applied, want at most %d", got, 2*open)
		}
		close(l.machine.hold)
		synctest.Wait()
		if got := a.Status().Learned; got < open {
			t.Errorf("learned %d slots once the machine ran, want at least %d", got, open)
		}
		stopLearner(t, a)
	})
}

// answerReads delivers an acceptor's answer to every ReadQuery not yet answered.
func answerReads(a *Learner, out *sent, answered int, highest paxos.Slot) int {
	queries := of[paxos.ReadQuery](out)
	for _, q := range queries[answered:] {
		a.Deliver(from(acceptor1, paxos.ReadReport{Nonce: q.Nonce, MaxVoted: highest}))
	}
	return len(queries)
}

// TestABarrierWaitsForWhatWasVoted: a read does not return before the state holds
// the highest slot that a quorum voted in when it was asked.
func TestABarrierWaitsForWhatWasVoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		a := startLearner(t, l)
		synctest.Wait()
		read := make(chan error, 1)
		go func() { read <- a.Barrier(context.Background()) }()
		synctest.Wait()
		answerReads(a, l.out, 0, 1)
		synctest.Wait()
		select {
		case err := <-read:
			t.Fatalf("the read returned (%v) before slot 1 was applied", err)
		default:
		}
		choose(a, 1, "x", "l1")
		if err := <-read; err != nil {
			t.Error(err)
		}
		stopLearner(t, a)
	})
}

// TestReadsThatComeDuringARoundShareTheNext: two rounds serve any number of reads.
func TestReadsThatComeDuringARoundShareTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		a := startLearner(t, l)
		synctest.Wait()
		read := make(chan error, 100)
		for range 100 {
			go func() { read <- a.Barrier(context.Background()) }()
			synctest.Wait()
		}
		n := answerReads(a, l.out, 0, 0)
		synctest.Wait()
		if len(read) != 1 {
			t.Errorf("%d reads were served by the first round, want the one that began it", len(read))
		}
		answerReads(a, l.out, n, 0)
		for range 100 {
			if err := <-read; err != nil {
				t.Error(err)
			}
		}
		if got := len(of[paxos.ReadQuery](l.out)); got != 2 {
			t.Errorf("%d rounds for 100 reads, want 2", got)
		}
		stopLearner(t, a)
	})
}

// TestALearnerWithoutAQuorumSendsItsReadersAway, and takes them back.
func TestALearnerWithoutAQuorumSendsItsReadersAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		l.readers = &door{}
		a := startLearner(t, l)
		synctest.Wait()
		if !l.readers.isOpen() {
			t.Fatal("a learner that joined serves no readers")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Barrier(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a read without a quorum returned %v", err)
		}
		synctest.Wait()
		if l.readers.isOpen() {
			t.Error("a learner that cannot read still has readers")
		}
		answerReads(a, l.out, 0, 0)
		synctest.Wait()
		if !l.readers.isOpen() {
			t.Error("the readers were not taken back")
		}
		stopLearner(t, a)
	})
}

// TestALearnerThatIsBehindHasNoReaders: they would wait for it, while others can serve
// them. Once it has caught up it keeps them, unless it comes to need a snapshot.
func TestALearnerThatIsBehindHasNoReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		l.readers = &door{}
		a := startLearner(t, l)
		hello := func(m paxos.Marks) {
			g := genesis
			a.Deliver(from(acceptor1, paxos.Hello{Genesis: &g, Marks: m}))
			synctest.Wait()
		}
		hello(paxos.Marks{})
		if !l.readers.isOpen() {
			t.Fatal("a learner of an empty log has no readers")
		}
		far := genesis.Window + 2 // a learner of nothing lacks one slot more than a window
		hello(paxos.Marks{ChosenBelow: far})
		if !l.readers.isOpen() {
			t.Error("a learner that had caught up sent its readers away at once")
		}
		hello(paxos.Marks{ChosenBelow: far, TrimBelow: 2})
		if l.readers.isOpen() {
			t.Error("a learner that needs a snapshot has readers")
		}
		stopLearner(t, a)

		l = newLearning()
		l.readers = &door{}
		l.behind = paxos.Marks{ChosenBelow: far}
		a = startLearner(t, l)
		synctest.Wait()
		if l.readers.isOpen() {
			t.Error("a learner that is behind has readers")
		}
		choose(a, 1, "one", "l1")
		synctest.Wait()
		if l.machine.Position().Applied != 1 || l.readers.isOpen() {
			t.Error("a learner that still lacks a window has readers")
		}
		pass(2 * time.Second)
		if !l.readers.isOpen() {
			t.Error("a learner that does not come nearer than a window has no readers")
		}
		stopLearner(t, a)

		l = newLearning()
		l.readers = &door{}
		l.behind = paxos.Marks{ChosenBelow: fewSlots + 2}
		a = startLearner(t, l)
		synctest.Wait()
		if l.readers.isOpen() {
			t.Error("a learner that lacks more than a few slots has readers")
		}
		choose(a, 1, "one", "l1")
		synctest.Wait()
		if l.machine.Position().Applied != 1 || !l.readers.isOpen() {
			t.Error("a learner that lacks a few slots has no readers")
		}
		stopLearner(t, a)
	})
}

// TestALearnerWhoseStateDiffersSaysSoBeforeItStops, so that its next start knows.
func TestALearnerWhoseStateDiffersSaysSoBeforeItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		a := startLearner(t, l)
		for slot := paxos.Slot(1); slot <= paxos.DigestEvery; slot++ {
			choose(a, slot, "x", "l1")
		}
		synctest.Wait()
		fellow := paxos.Sender{Role: paxos.LearnerRole, ID: "l2", Process: 22}
		a.Deliver(from(fellow, paxos.Digest{Slot: paxos.DigestEvery, Sum: [16]byte{1}}))
		err := <-a.Failed()
		if !strings.Contains(err.Error(), "differs from that of [l2]") {
			t.Errorf("failed with %v", err)
		}
		if len(l.doubts) != 1 || !strings.Contains(l.doubts[0], "differs") {
			t.Errorf("said %q before it stopped, want the doubt once", l.doubts)
		}
		a.actor.applier.close()
	})
}
