package actors

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// door is a Front that remembers, and fails to open the first times.
type door struct {
	mu      sync.Mutex
	fails   int
	open    bool
	turns   []bool
	refused []paxos.Refusal
}

func (d *door) turn(open bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails > 0 {
		d.fails--
		return errors.New("no server")
	}
	d.open = open
	d.turns = append(d.turns, open)
	return nil
}

func (d *door) Open() error  { return d.turn(true) }
func (d *door) Close() error { return d.turn(false) }
func (d *door) Refuse(r paxos.Refusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = append(d.refused, r)
}

func (d *door) isOpen() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

var acceptor1 = paxos.Sender{Role: paxos.AcceptorRole, ID: "a1", Disk: disk, Boot: 1, Process: 3}

func startProposer(t *testing.T, front *door, out *sent, change func(*roles.ProposerOptions)) *Proposer {
	t.Helper()
	o := roles.DefaultProposerOptions()
	if change != nil {
		change(&o)
	}
	p, err := SpawnProposer(NewSystem(quiet()), ProposerConfig{
		Self: leader, Options: o, Send: out, Front: front, Clock: NewClock(), Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// elect makes p the leader of a cluster of one acceptor, by the messages that the
// acceptor would send.
func elect(t *testing.T, p *Proposer, out *sent) {
	t.Helper()
	g := genesis
	p.Deliver(from(acceptor1, paxos.Hello{Genesis: &g}))
	for len(of[paxos.LeaderQuery](out)) == 0 {
		pass(time.Millisecond)
	}
	p.Deliver(from(acceptor1, paxos.LeaderReport{Nonce: of[paxos.LeaderQuery](out)[0].Nonce, Silent: 1e9}))
	synctest.Wait()
	prepare := of[paxos.Prepare](out)[0]
	promised := acceptor1
	promised.Promised = prepare.Ballot
	p.Deliver(from(promised, paxos.Promise{Ballot: prepare.Ballot, Page: paxos.Page{From: 1}}))
	p.Deliver(from(paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}, paxos.Position{}))
	synctest.Wait()
}

// TestLeaderOpensTheDoorAndProposes also when the first attempt to open fails.
func TestLeaderOpensTheDoorAndProposes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front, out := &door{fails: 2}, &sent{}
		p := startProposer(t, front, out, nil)
		elect(t, p, out)
		pass(250 * time.Millisecond) // of the bubble: two failed openings
		p.Deliver(from(paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}, paxos.Position{}))
		if !front.isOpen() {
			t.Fatal("the door of the leader is closed")
		}
		p.Propose(paxos.Command{Subject: "propose", Data: []byte("x")})
		synctest.Wait()
		if got := of[paxos.Accept](out); len(got) != 1 || got[0].Slot != 1 {
			t.Errorf("sent %v, want one Accept in slot 1", got)
		}
		if s := p.Status(); s.Stage != "leading" || s.Proposed.Commands != 1 || s.Proposed.Elected != 1 {
			t.Errorf("status %+v", s)
		}
		stopProposer(t, p, front)
	})
}

// TestCommandsWaitFromTheirArrivalOn until they are proposed, also while nobody has taken
// them from the inbox.
func TestCommandsWaitFromTheirArrivalOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front, out := &door{}, &sent{}
		p := startProposer(t, front, out, nil)
		elect(t, p, out)
		p.CollectCommand(paxos.Command{Subject: "propose", Data: []byte("x")})
		pass(time.Millisecond)
		p.RestCommands()
		synctest.Wait()
		if waited := p.Status().Times.Queue.Sum; waited != paxos.Duration(time.Millisecond) {
			t.Errorf("waited for %v, want 1 ms", time.Duration(waited))
		}
		stopProposer(t, p, front)
	})
}

func stopProposer(t *testing.T, p *Proposer, front *door) {
	t.Helper()
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if front.isOpen() {
		t.Error("the door is open after the end")
	}
}

// echo lets d go by, in which the proposer hears its own Heartbeats, and nothing else.
func echo(p *Proposer, out *sent, d time.Duration) {
	heard := len(out.envelopes())
	for range d / time.Millisecond {
		pass(time.Millisecond)
		for _, e := range out.envelopes()[heard:] {
			heard++
			if _, ok := e.Msg.(paxos.Heartbeat); ok {
				p.Deliver(e)
			}
		}
	}
}

// TestLeaderWithoutAQuorumClosesTheDoor within an election timeout.
func TestLeaderWithoutAQuorumClosesTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front, out := &door{}, &sent{}
		p := startProposer(t, front, out, nil)
		elect(t, p, out)
		if !front.isOpen() {
			t.Fatal("the door of the leader is closed")
		}
		echo(p, out, 400*time.Millisecond)
		if front.isOpen() {
			t.Error("a leader that nobody answers still lets clients in")
		}
		p.Propose(paxos.Command{Subject: "propose", Data: []byte("late")})
		synctest.Wait()
		if len(front.refused) != 1 || front.refused[0].Reason != paxos.NotLeader {
			t.Errorf("refused %v, want the late command, by one who does not lead", front.refused)
		}
		stopProposer(t, p, front)
	})
}

// TestAFullQueueRefusesAtOnce: before the actor even runs.
func TestAFullQueueRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front, out := &door{}, &sent{}
		p := startProposer(t, front, out, func(o *roles.ProposerOptions) { o.QueueCommands = 4 })
		block := make(chan struct{})
		go p.call(func() { <-block })
		synctest.Wait()
		for range 6 {
			p.Propose(paxos.Command{Subject: "propose"})
		}
		if len(front.refused) != 2 || front.refused[0].Reason != paxos.Overloaded {
			t.Errorf("refused %v, want 2 overloaded", front.refused)
		}
		close(block)
		synctest.Wait()
		stopProposer(t, p, front)
	})
}

// TestBatchesFormOfWhatWaits: what arrives while the actor is busy is one batch.
func TestBatchesFormOfWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front, out := &door{}, &sent{}
		p := startProposer(t, front, out, nil)
		elect(t, p, out)
		block := make(chan struct{})
		go p.call(func() { <-block })
		synctest.Wait()
		for range 100 {
			p.Propose(paxos.Command{Subject: "propose", Data: []byte("x")})
		}
		close(block)
		synctest.Wait()
		accepts := of[paxos.Accept](out)
		if len(accepts) != 1 {
			t.Fatalf("%d Accepts for 100 commands that waited together, want 1", len(accepts))
		}
		if commands, err := paxos.DecodeBatch(accepts[0].Value.Body); err != nil || len(commands) != 100 {
			t.Errorf("the batch has %d commands (%v), want 100", len(commands), err)
		}
		stopProposer(t, p, front)
	})
}

// TestDrainHandsOver waits for what is in flight, and asks a successor to lead.
func TestDrainHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front, out := &door{}, &sent{}
		p := startProposer(t, front, out, nil)
		elect(t, p, out)
		p.Deliver(from(paxos.Sender{Role: paxos.ProposerRole, ID: "p2", Process: 8}, paxos.Hello{}))
		p.Propose(paxos.Command{Subject: "propose", Data: []byte("x")})
		synctest.Wait()
		drained := make(chan error, 1)
		go func() { drained <- p.Drain(context.Background()) }()
		synctest.Wait()
		if front.isOpen() {
			t.Error("a draining leader still lets clients in")
		}
		select {
		case err := <-drained:
			t.Fatalf("drained (%v) with a command in flight", err)
		default:
		}
		accept := of[paxos.Accept](out)[0]
		p.Deliver(from(acceptor1, paxos.Accepted{Ballot: accept.Ballot, Slots: []paxos.Slot{1}}))
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if got := of[paxos.HandOver](out); len(got) != 1 || got[0].Chosen.Below != 2 {
			t.Errorf("handed over %v, want once, with slot 1 chosen", got)
		}
		stopProposer(t, p, front)
	})
}
