//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// world is a cluster under torture.
type world struct {
	*cluster
	*rand.Rand
	only   *regexp.Regexp // faults to make; nil: all
	leader *leaderWatch
	health *healthWatch
	probe  *nats.Conn
	ledger *ledger
	faults atomic.Int32 // that there are right now

	hurt   map[string]bool // nodes that a fault of this round has to do with
	counts map[string]int  // faults made, by name
	slow   []recovery      // of every round
}

// recovery is how long after the end of a round's faults everything worked again.
type recovery struct {
	what         string
	gap          time.Duration // longest time between two acknowledgements, the faults included
	write, ready time.Duration // until a write and a read succeed, and until all roles say that they are ready
}

// A fault is one kind of what can go wrong.
type fault struct {
	name string
	all  bool // it leaves no quorum or nobody of a kind, so it comes alone
	do   func(*world) (*injury, error)
}

// An injury is a fault that was made.
type injury struct {
	what   string
	hold   time.Duration
	claims []claim
	undo   func() error
	after  func() error // what the injury wants once no fault of the round is left; nil: nothing
}

// errNobody says that a fault finds nobody to do it to, beside the others of its round.
var errNobody = errors.New("nobody is left for it")

const (
	// recoverWithin bounds the time after a fault until clients are served again: a
	// connection that was cut is given up within 6 s, and made anew within a few more.
	recoverWithin = 20 * time.Second
	// readyWithin bounds the time until all roles say so, a learner with an empty disk too.
	readyWithin = 60 * time.Second
)

// round makes some faults at once, waits, ends them, and waits until all is well.
func (w *world) round(ctx context.Context, faults []fault) {
	w.hurt = map[string]bool{}
	w.ledger.gap()
	var injuries []*injury
	what, hold := "", time.Duration(0)
	for _, f := range faults {
		i, err := f.do(w)
		if errors.Is(err, errNobody) {
			continue
		}
		if err != nil {
			w.fail("%s: %v", f.name, err)
			return
		}
		w.counts[f.name]++
		w.faults.Add(1)
		injuries = append(injuries, i)
		hold = max(hold, i.hold)
		if what != "" {
			what += "; "
		}
		what += i.what
	}
	w.say("fault: %s", what)
	w.hold(ctx, injuries, hold)
	for _, i := range slices.Backward(injuries) {
		if err := i.undo(); err != nil {
			w.fail("end of %s: %v", i.what, err)
		}
	}
	for _, i := range injuries {
		if i.after == nil {
			continue
		}
		if err := i.after(); err != nil {
			w.fail("after %s: %v", i.what, err)
		}
	}
	w.recover(ctx, what)
	w.faults.Add(-int32(len(injuries)))
}

// hold lets the faults last, and holds every role to what its health must say.
func (w *world) hold(ctx context.Context, injuries []*injury, hold time.Duration) {
	var claims sync.WaitGroup
	defer claims.Wait()
	for _, i := range injuries {
		for _, c := range i.claims {
			claims.Go(func() {
				if err := w.health.await(ctx, c); err != nil {
					w.fail("while %s: %v", i.what, err)
				}
			})
		}
	}
	pause(ctx, hold)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// recover waits until the cluster serves clients, and all roles say that they do
// their part.
func (w *world) recover(ctx context.Context, what string) {
	began := time.Now()
	r := recovery{what: what}
	within, cancel := context.WithTimeout(ctx, recoverWithin)
	defer cancel()
	if err := w.serves(within); err != nil && ctx.Err() == nil {
		w.fail("%s after the end of %s: %v", recoverWithin, what, err)
	}
	r.write = time.Since(began)
	for _, name := range w.roles() {
		if err := w.health.await(ctx, ready(name, readyWithin-time.Since(began))); err != nil {
			w.fail("after the end of %s: %v", what, err)
		}
	}
	r.ready, r.gap = time.Since(began), w.ledger.gap()
	w.slow = append(w.slow, r)
	w.say("well again: served after %s, all ready after %s; longest time without an acknowledgement %s",
		r.write.Round(time.Millisecond), r.ready.Round(time.Millisecond), r.gap.Round(time.Millisecond))
}

// serves returns nil once a write and a read, by somebody who was not there before, succeed.
func (w *world) serves(ctx context.Context) error {
	id := fmt.Sprintf("probe-%d", w.Uint64())
	w.ledger.mu.Lock()
	w.ledger.open[id] = true
	w.ledger.mu.Unlock()
	seq, ok := proposeUntilDone(ctx, w.probe, id, time.Second)
	if !ok {
		return fmt.Errorf("no write succeeds: %w", ctx.Err())
	}
	w.ledger.mu.Lock()
	delete(w.ledger.open, id)
	w.ledger.acked[id] = seq
	w.ledger.mu.Unlock()
	request := fmt.Appendf(nil, `{"seq":%d}`, seq)
	for ctx.Err() == nil {
		m, err := w.probe.Request("synod.main.api.DIRECT.GET.LEDGER", request, time.Second)
		if err == nil && m.Header.Get("Status") == "" {
			if string(m.Data) != id {
				return fmt.Errorf("%s was acknowledged at %d, where %q is read", id, seq, m.Data)
			}
			return nil
		}
		pause(ctx, 5*time.Millisecond)
	}
	return fmt.Errorf("no read succeeds: %w", ctx.Err())
}

// pick takes one of candidates that no other fault of the round has to do with. Of
// its kind, at most so many are taken as the cluster can do without.
func (w *world) pick(candidates []string, kind []string, spare int) (string, error) {
	for _, n := range kind {
		if w.hurt[n] {
			spare--
		}
	}
	free := slices.DeleteFunc(slices.Clone(candidates), func(n string) bool { return w.hurt[n] })
	if spare <= 0 || len(free) == 0 {
		return "", errNobody
	}
	name := free[w.IntN(len(free))]
	w.hurt[name] = true
	return name, nil
}

// anAcceptor, aLearner and so on are one that the cluster can do without.
func (w *world) anAcceptor() (string, error) { return w.pickAcceptor(w.acceptors()...) }

func (w *world) pickAcceptor(candidates ...string) (string, error) {
	return w.pick(candidates, w.acceptors(), (w.shape.acceptors-1)/2)
}

func (w *world) aLearner() (string, error) {
	return w.pick(w.learners(), w.learners(), w.shape.learners-1)
}

func (w *world) aProposer() (string, error) { return w.pickProposer(w.proposers()...) }

func (w *world) pickProposer(candidates ...string) (string, error) {
	return w.pick(candidates, w.proposers(), w.shape.proposers-1)
}

func (w *world) aServer() (string, error) {
	return w.pick(w.servers(), w.servers(), (w.shape.servers-1)/2)
}

// theLeader is who leads, if no other fault has to do with it.
func (w *world) theLeader() (string, error) { return w.pickProposer(w.leader.leader()) }

// anyRole is a role that the cluster can do without.
func (w *world) anyRole() (string, error) {
	return []func() (string, error){w.anAcceptor, w.aLearner, w.aProposer}[w.IntN(3)]()
}

// between is a time from least to most.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.Int64N(int64(most-least)+1))
}
