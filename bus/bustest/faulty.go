package bustest

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/synod-paxos/synod/paxos"
)

// A Publisher sends envelopes. *bus.Bus is one.
type Publisher interface {
	Publish(e paxos.Envelope) error
}

// A Fate is what becomes of one message.
type Fate struct {
	Drop  bool // it is lost
	Twice bool // it is sent twice
	Hold  bool // it is sent by the next Release, with all that is held, in any order
}

// Faulty is a network that loses, repeats, delays and reorders messages on their way
// to a Publisher. Its choices depend on nothing but the seed and the order of calls.
type Faulty struct {
	to   Publisher
	fate func(paxos.Envelope, *rand.Rand) Fate

	mu   sync.Mutex
	rand *rand.Rand
	held []paxos.Envelope
}

// NewFaulty lets fate decide on every message that goes to to. A nil fate delivers
// all.
func NewFaulty(to Publisher, seed uint64, fate func(paxos.Envelope, *rand.Rand) Fate) *Faulty {
	if fate == nil {
		fate = func(paxos.Envelope, *rand.Rand) Fate { return Fate{} }
	}
	return &Faulty{to: to, fate: fate, rand: rand.New(rand.NewPCG(seed, seed))}
}

// Chance is a fate by dice, with these probabilities from 0 to 1.
func Chance(drop, twice, hold float64) func(paxos.Envelope, *rand.Rand) Fate {
	return func(_ paxos.Envelope, r *rand.Rand) Fate {
		return Fate{Drop: r.Float64() < drop, Twice: r.Float64() < twice, Hold: r.Float64() < hold}
	}
}

// Publish sends e, or does to it what its fate is. Lost and held messages are no
// errors.
func (f *Faulty) Publish(e paxos.Envelope) error {
	for _, e := range f.decide(e) {
		if err := f.to.Publish(e); err != nil {
			return err
		}
	}
	return nil
}

// decide is what of e leaves now.
func (f *Faulty) decide(e paxos.Envelope) []paxos.Envelope {
	f.mu.Lock()
	defer f.mu.Unlock()
	fate := f.fate(e, f.rand)
	now := []paxos.Envelope{e}
	switch {
	case fate.Drop:
		return nil
	case fate.Twice:
		now = append(now, e)
	}
	if fate.Hold {
		f.held = append(f.held, now...)
		return nil
	}
	return now
}

// Release sends what is held, shuffled, and reports how many messages that were.
// One that cannot be sent is lost.
func (f *Faulty) Release() int {
	f.mu.Lock()
	held := slices.Clone(f.held)
	f.held = f.held[:0]
	f.rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	f.mu.Unlock()
	for _, e := range held {
		_ = f.to.Publish(e) // a network owes nobody an error
	}
	return len(held)
}
