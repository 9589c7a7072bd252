package storage_test

import (
	"reflect"
	"testing"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

func TestAcceptorFindsWhatItAppended(t *testing.T) {
	dir := t.TempDir() + "/data/a1"
	a, err := storage.OpenAcceptor(dir, "a1", storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := paxos.Ballot{Round: 3, Proposer: "p1", Incarnation: 1 << 63}
	records := []paxos.Record{
		paxos.Promised{Ballot: b},
		paxos.Voted{Vote: paxos.Vote{Slot: 7, Ballot: b, Value: paxos.Value{Kind: paxos.Batch, Stamp: -5, Answerer: "l1", Body: []byte("hello")}}, ChosenBelow: 4},
		paxos.Voted{Vote: paxos.Vote{Slot: 1 << 63, Ballot: b}},
		paxos.Trimmed{Below: 3},
	}
	var want paxos.Ledger
	want.Append(records...)
	if err := a.Append(records); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a, err = storage.OpenAcceptor(dir, "a1", storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := a.State(); !reflect.DeepEqual(got, want.State) {
		t.Errorf("state %+v, want %+v", got, want.State)
	}
	if a.Boot() != 2 {
		t.Errorf("boot number %d, want 2", a.Boot())
	}
	p := paxos.Page{From: 1}
	if err := a.Fill(&p, 1<<20); err != nil {
		t.Fatal(err)
	}
	w := paxos.Page{From: 1}
	want.Fill(&w, 1<<20)
	t.Logf("%+v", p)
	if len(p.Votes) != len(w.Votes) {
		t.Errorf("votes %+v, want %+v", p, w)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}
