package explore

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

var (
	ballots = flag.Int("explore.ballots", Default().Ballots, "of each proposer")
	crashes = flag.Int("explore.crashes", Default().Crashes, "of acceptors and proposers, in all")
	slots   = flag.Int("explore.slots", Default().Slots, "of the log")
)

// TestEveryState closes the space of all states of a small cluster.
func TestEveryState(t *testing.T) {
	b := Default()
	b.Ballots, b.Crashes, b.Slots = *ballots, *crashes, *slots
	began := time.Now()
	r := Explore(b)
	t.Logf("%v, in %v", r, time.Since(began).Round(time.Millisecond))
	if r.Wrong != "" {
		t.Errorf("%v: %s", b, r.Wrong)
	}
	if !r.Closed || r.Values < b.Proposers*b.Ballots*b.Slots || r.Learners < 600 {
		t.Errorf("%v: the exploration shows too little", r)
	}
}

// TestNothingIsLeftOut explores small bounds twice: as usual, and without what makes
// the space small, as far as that goes. Acceptors come to no other sets of votes.
func TestNothingIsLeftOut(t *testing.T) {
	for _, b := range []Bound{
		Small(),
		{Proposers: 1, Slots: 1, Ballots: 2, Crashes: 1},
	} {
		usual := newExplorer(b)
		fewer := usual.explore()
		b.Plain, b.States = true, 250_000
		plain := newExplorer(b)
		all := plain.explore()
		t.Logf("%v, and plain: %v", fewer, all)
		if fewer.Wrong != "" || all.Wrong != "" || !fewer.Closed || all.States < fewer.States/10 {
			t.Errorf("%v: %s %s", b, fewer.Wrong, all.Wrong)
		}
		met := usual.texts()
		for _, text := range plain.texts() {
			if _, ok := slices.BinarySearch(met, text); !ok {
				t.Errorf("%v: left out: %s", b, text)
			}
		}
	}
}

// texts is the polls as texts, sorted.
func (x *explorer) texts() []string {
	all := map[string]bool{}
	for p := range x.polls {
		var voters []string
		for _, votes := range p {
			var cast []string
			for k, v := range x.votes {
				if votes>>k&1 == 1 {
					cast = append(cast, fmt.Sprint(v))
				}
			}
			slices.Sort(cast)
			voters = append(voters, fmt.Sprint(cast))
		}
		slices.Sort(voters)
		all[fmt.Sprint(voters)] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// TestEveryStateOfAChange closes the space of all states of a small cluster whose
// configuration changes while leaders do.
func TestEveryStateOfAChange(t *testing.T) {
	for _, m := range []Move{Replacement()} {
		if m.Crashes = *crashes; *crashes > 0 {
			m.Slots, m.States = *slots, 0
		}
		began := time.Now()
		r := ExploreMove(m)
		t.Logf("%v, in %v", r, time.Since(began).Round(time.Millisecond))
		if r.Wrong != "" {
			t.Errorf("%v: %s", m, r.Wrong)
		}
		if !r.Closed || r.Changed == 0 || r.Polls < 23 { // as many as without what makes the space small
			t.Errorf("%v: the exploration shows too little", m)
		}
	}
}
