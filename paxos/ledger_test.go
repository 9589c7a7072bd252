package paxos

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

func ballot(round uint64) Ballot { return Ballot{Round: round, Proposer: "p1", Incarnation: 7} }

// fill is the page of l that starts at from, of at most maxBytes.
func fill(l *Ledger, p Page, maxBytes int) Page {
	l.Fill(&p, maxBytes)
	return p
}

// TestLedgerNeverLowersAnything applies random records: nothing that the state
// remembers ever falls, trimmed votes never come back, and replaying the records on
// a fresh disk gives the same state.
func TestLedgerNeverLowersAnything(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		l, again := &Ledger{}, &Ledger{}
		for range 60 {
			before := l.State
			record := randomRecord(r)
			l.Append(record)
			again.Append(record)
			after := l.State
			if after.Promised.Less(before.Promised) || after.Marks.MaxVoted < before.Marks.MaxVoted ||
				after.Marks.MaxStamp < before.Marks.MaxStamp || after.Marks.TrimBelow < before.Marks.TrimBelow ||
				after.Marks.ChosenBelow < before.Marks.ChosenBelow || (before.Sealed && !after.Sealed) {
				t.Fatalf("seed %d: %+v made of %+v by %+v", seed, after, before, record)
			}
			for _, v := range fill(l, Page{From: 1}, 1<<20).Votes {
				if v.Slot < after.Marks.TrimBelow || after.Promised.Less(v.Ballot) {
					t.Fatalf("seed %d: %+v holds the vote %+v", seed, after, v)
				}
			}
		}
		if !reflect.DeepEqual(l.State, again.State) {
			t.Fatalf("seed %d: %+v, replayed %+v", seed, l.State, again.State)
		}
	}
}

func randomRecord(r *rand.Rand) Record {
	switch r.IntN(7) {
	case 0:
		return Promised{ballot(r.Uint64N(9))}
	case 1:
		return Trimmed{Slot(r.IntN(6))}
	case 2:
		return Founded{Genesis: Genesis{Window: 1}, Sealed: r.IntN(2) == 0}
	case 3:
		return Abandoned{}
	case 4:
		return Reached{Below: Slot(r.IntN(8))}
	default:
		v := Vote{Slot: Slot(1 + r.IntN(8)), Ballot: ballot(r.Uint64N(9)), Value: Value{Stamp: LogTime(r.IntN(9))}}
		return Voted{Vote: v, ChosenBelow: Slot(r.IntN(8))}
	}
}

// TestLedgerFounding: an unsealed genesis can be dropped, a sealed one cannot, and
// what the record points to is not shared with the state.
func TestLedgerFounding(t *testing.T) {
	var l Ledger
	l.Append(Founded{Genesis: Genesis{Window: 3}})
	if l.State.Genesis == nil || l.State.Genesis.Window != 3 || l.State.Sealed {
		t.Errorf("stored: %+v", l.State)
	}
	l.Append(Abandoned{})
	if l.State.Genesis != nil {
		t.Errorf("abandoned: %+v", l.State)
	}
	l.Append(Founded{Genesis: Genesis{Window: 4}, Sealed: true}, Abandoned{}, Founded{Genesis: Genesis{Window: 4}})
	if l.State.Genesis == nil || l.State.Genesis.Window != 4 || !l.State.Sealed {
		t.Errorf("sealed: %+v", l.State)
	}
}

// TestLedgerOfALaterGeneration: what comes before its first slot was chosen, and is
// held, elsewhere; configurations that follow count only once there is a genesis.
func TestLedgerOfALaterGeneration(t *testing.T) {
	first, second := configuration(5, 100, "a1"), configuration(6, 200, "a1")
	var l Ledger
	l.Append(Configured{Known: []Configuration{second}})
	if l.State.Known != nil {
		t.Errorf("configured before it was founded: %+v", l.State)
	}
	g := Genesis{Cluster: ClusterID{Generation: 2}, Window: 3, First: first}
	l.Append(Founded{Genesis: g})
	if l.State.Marks != (Marks{}) {
		t.Errorf("before it is sealed: %+v", l.State)
	}
	l.Append(Founded{Genesis: g, Sealed: true}, Configured{Known: []Configuration{second}}, Reached{Below: 50})
	if want := (Marks{TrimBelow: 100, ChosenBelow: 100}); l.State.Marks != want || l.State.Known.Number() != 6 {
		t.Errorf("%+v, want %+v", l.State, want)
	}
	l.Append(Reached{Below: 150}, Reached{Below: 120})
	if l.State.Marks.ChosenBelow != 150 {
		t.Errorf("reached slot 150: %+v", l.State)
	}
}

// TestPagesCoverTheLedger reads a ledger page by page, in pages of every size: each
// vote in the range comes once, in order, and every page moves on.
func TestPagesCoverTheLedger(t *testing.T) {
	var l Ledger
	for _, slot := range []Slot{9, 2, 3, 7, 5} {
		l.Append(Voted{Vote: Vote{Slot: slot, Ballot: ballot(1), Value: Value{Body: make([]byte, 10*slot)}}})
	}
	l.Append(Trimmed{3}, Voted{Vote: Vote{Slot: 2, Ballot: ballot(2)}})
	for maxBytes := range 1000 {
		for _, only := range []bool{false, true} {
			var got []Slot
			from := Slot(1)
			for range 9 {
				p := fill(&l, Page{From: from, To: 9, BallotsOnly: only}, maxBytes)
				for _, v := range p.Votes {
					got = append(got, v.Slot)
					if only != (len(v.Value.Body) == 0) {
						t.Fatalf("ballots only: %v, and %d bytes", only, len(v.Value.Body))
					}
				}
				if from = p.Next; from == 0 {
					break
				}
			}
			if want := []Slot{3, 5, 7}; !reflect.DeepEqual(got, want) {
				t.Fatalf("pages of %d bytes, ballots only %v: slots %v, want %v", maxBytes, only, got, want)
			}
		}
	}
	if p := fill(&l, Page{From: 4}, 1<<20); len(p.Votes) != 3 || p.Next != 0 {
		t.Errorf("the open page from slot 4: %+v", p)
	}
	if p := fill(&l, Page{From: 8, To: 2}, 1<<20); len(p.Votes) != 0 || p.Next != 0 {
		t.Errorf("a page that ends before it begins: %+v", p)
	}
}

// TestPendingPages: only promises and votes want a page from the disk; the message
// that is built with it differs in nothing else.
func TestPendingPages(t *testing.T) {
	full := Page{From: 1, To: 3, Votes: []Vote{{Slot: 2}}}
	promise := Promise{Ballot: ballot(3), Page: Page{From: 1, To: 3}, Marks: Marks{MaxVoted: 2}}
	page, with := Pending(promise)
	if page == nil || !reflect.DeepEqual(*page, promise.Page) {
		t.Fatalf("the page of a promise: %+v", page)
	}
	if got := with(full).(Promise); !reflect.DeepEqual(got, Promise{promise.Ballot, full, promise.Marks}) || len(promise.Page.Votes) > 0 {
		t.Errorf("built %+v of %+v", got, promise)
	}
	votes := Votes{Page: Page{From: 1}, Marks: Marks{TrimBelow: 1}}
	if page, with = Pending(votes); page == nil || !reflect.DeepEqual(with(full), Votes{full, votes.Marks}) {
		t.Errorf("the page of votes: %+v", page)
	}
	if page, with = Pending(Accepted{}); page != nil || with != nil {
		t.Errorf("an Accepted has a page: %+v", page)
	}
}

// TestLedgerClone shares no votes with its original.
func TestLedgerClone(t *testing.T) {
	var l Ledger
	l.Append(Voted{Vote: Vote{Slot: 1, Ballot: ballot(1)}})
	c := l.Clone()
	l.Append(Trimmed{2})
	c.Append(Voted{Vote: Vote{Slot: 4, Ballot: ballot(1)}})
	if got := fill(c, Page{From: 1}, 1<<20).Votes; len(got) != 2 {
		t.Errorf("the clone holds %v", got)
	}
	if got := fill(&l, Page{From: 1}, 1<<20).Votes; len(got) != 0 {
		t.Errorf("the original holds %v", got)
	}
}

// TestTrimmingKeepsWhoGoverned: of configurations, those stay that govern a slot of which
// there may be votes, and the one before while the first slot of the next may be undecided.
func TestTrimmingKeepsWhoGoverned(t *testing.T) {
	g := genesis()
	second := g.First
	second.Number, second.From = 2, 9
	for below, want := range map[Slot]int{8: 2, 9: 2, 10: 1} {
		var l Ledger
		l.Append(Founded{Genesis: g, Sealed: true}, Configured{Known: []Configuration{second}}, Trimmed{Below: below})
		if len(l.State.Known) != want || l.State.Known.Number() != 2 {
			t.Errorf("trimmed below %d: %d configurations are known, want %d", below, len(l.State.Known), want)
		}
	}
}
