// Package learner replicates a state machine of your own: a learner of a Synod
// cluster that applies the log to it. All learners of a cluster must run the same
// machine, so this is for clusters whose every learner is such a program, instead of
// the built-in streams. Clients send commands to it with client.Apply.
package learner

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

// A StateMachine is replicated: every learner applies the same commands to its own,
// in the same order. It must be deterministic: state and replies follow from the
// commands and their log times alone. What breaks that: a clock, randomness, the order of a
// map, a goroutine's timing, the host's name, floating point that differs between
// CPUs, another version of the code. Learners compare digests and stop when they differ.
//
// It lives in memory; the learner keeps it on disk by Snapshot, and starts it by Restore:
// all of it, every 5 s or 4096 slots while commands come, which suits states of up to some
// hundred MiB. Its methods are called one at a time. A panic in any of them stops the
// learner.
//
// Not promised: there is no older copy to go back to when learners' states differ, as the
// built-in machine has. Of three or more learners, those that a strict majority disagrees
// with take a fellow's state at their next start. Otherwise all stop, and stay stopped
// until somebody says which state is the good one (OPERATIONS.md, "States that differ"):
// the log since the last snapshot is trimmed, so it cannot tell.
type StateMachine interface {
	// Apply applies the commands of one slot, in order, and returns what to answer
	// each; there may be none. Log time never goes back. A missing reply stops the
	// learner, and a panic too, with the slot named.
	Apply(at LogTime, commands []Command) [][]byte
	// Snapshot writes the state. Nothing is applied or read meanwhile.
	Snapshot(w io.Writer) error
	// Restore replaces the state by what Snapshot wrote. After an error the learner stops.
	Restore(r io.Reader) error
	// Digest sums the state up: equal states have equal digests, and different ones
	// almost surely do not. It is called at every 256th slot and whenever nothing was
	// applied for 200 ms.
	Digest() [16]byte
}

// A LogTime is when the log says that a slot was decided. It is the time that a
// state machine may look at.
type LogTime struct {
	Slot uint64 // from 1, without gaps
	Time time.Time
}

// A Command is a client's message. It may be applied twice if the client sent it
// twice: a machine that must not do so twice remembers ids of its own.
type Command struct {
	Subject string // relative to the cluster's: "propose" for client.Apply
	Header  []byte // in NATS's wire form; empty for none
	Data    []byte // not to be kept or changed
}

// Options say who a learner is, and where it keeps its state.
type Options struct {
	ID      string // among the learners of the cluster; 1 to 63 of a-z, 0-9 and '-'
	Cluster string // empty: "main"
	Prefix  string // that every subject of the cluster starts with; empty: "synod"
	Data    string // directory, made if it is missing, and held by one process at a time
	// NATS says how to reach NATS, and as whom. Its Subjects are not used.
	NATS bus.Options
	Log  *slog.Logger // nil: slog.Default
}

// A Learner is a running learner.
type Learner struct {
	node    *node.Learner
	machine *machine
}

// Start starts a learner that applies the log to m, from where Data left off. ctx
// bounds the wait for a NATS server. The caller must Stop it.
func Start(ctx context.Context, o Options, m StateMachine) (*Learner, error) {
	if o.Cluster == "" {
		o.Cluster = "main"
	}
	if !paxos.NodeID(o.ID).Valid() || o.Data == "" {
		return nil, fmt.Errorf("learner: id %q, data %q: want an id of 1 to 63 of a-z, 0-9 and -, and a directory", o.ID, o.Data)
	}
	o.NATS.Subjects = bus.Subjects{Prefix: o.Prefix, Cluster: o.Cluster}
	l := &Learner{}
	c := node.Config{ID: paxos.NodeID(o.ID), Bus: o.NATS, Data: o.Data, Log: o.Log}
	c.OpenMachine = func(dir string) (_ node.Machine, err error) {
		l.machine, err = open(dir, m)
		return l.machine, err
	}
	var err error
	if l.node, err = node.StartLearner(ctx, c); err != nil {
		return nil, err
	}
	return l, nil
}

// Read calls read while nothing is applied, with a state that holds every command that was
// answered anywhere before the call: what read sees is linearizable. It returns ctx's error,
// or read's.
func (l *Learner) Read(ctx context.Context, read func() error) error {
	if err := l.node.Barrier(ctx); err != nil {
		return fmt.Errorf("learner: the read cannot be made linearizable: %w", err)
	}
	l.machine.mu.Lock()
	defer l.machine.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err // waiting for the machine took too long
	}
	return read()
}

// Applied is the last slot that was applied; 0: none.
func (l *Learner) Applied() uint64 { return uint64(l.machine.Position().Applied) }

// Failed yields why the learner stopped by itself, at most once: its disk failed, or its
// state machine did, or it parted from the others. It must be Stopped all the same,
// and not be started again in this process.
func (l *Learner) Failed() <-chan error { return l.node.Failed() }

// Stop ends the learner once what it learned is applied and on disk. Its error says that
// not all is on disk: the next start learns the rest again. It is called once.
func (l *Learner) Stop() error { return l.node.Stop(context.Background()) }
