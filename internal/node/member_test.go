package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

var (
	ours   = paxos.ClusterID{UUID: paxos.UUID{1}, Generation: 1}
	theirs = paxos.ClusterID{UUID: paxos.UUID{2}, Generation: 1}
)

func disk(n byte) paxos.UUID { return paxos.UUID{0xd, n} }

func threeMembers() *paxos.Configuration {
	c := &paxos.Configuration{Number: 4, From: 100, Copies: 2}
	for i, id := range []paxos.NodeID{"a1", "a2", "a3"} {
		c.Acceptors = append(c.Acceptors, paxos.Member{ID: id, Disk: disk(byte(i + 1))})
	}
	return c
}

// converse opens an operator's conversation with roles that answer says the words of; a nil
// answer is silence. Acceptor a3 answers what others are asked, too.
func converse(t *testing.T, answer func(to paxos.NodeID, m paxos.Message) paxos.Message) *Members {
	t.Helper()
	s := bustest.Server(t)
	b := bustest.Connect(t, s.URL())
	play := func(as paxos.Sender) {
		_, err := b.Listen(as.Role, as.ID, func(e paxos.Envelope) {
			if e.From.Role != paxos.OperatorRole || as.Role == paxos.AcceptorRole && e.To != as.ID && as.ID != "a3" {
				return
			}
			if m := answer(as.ID, e.Msg); m != nil {
				_ = b.Publish(paxos.Envelope{Cluster: ours, From: as, To: e.From.ID, Msg: m})
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	play(paxos.Sender{Role: paxos.ProposerRole, ID: "p1", Process: 1})
	for i, id := range []paxos.NodeID{"a1", "a2", "a3", "a4", "b1"} {
		as := paxos.Sender{Role: paxos.AcceptorRole, ID: id, Disk: disk(byte(i + 1)), Boot: 1, Process: uint64(i + 2)}
		if id == "a2" {
			as.Disk = disk(22) // its own is gone
		}
		play(as)
	}
	o, err := startOperator(bustest.Connect(t, s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	m := &Members{operator: o, cluster: ours, wait: 2 * time.Second}
	t.Cleanup(m.Close)
	return m
}

// TestPlans: what an operator asks for becomes the configuration that follows, or is refused
// before anything is proposed.
func TestPlans(t *testing.T) {
	var asked atomic.Int32
	m := converse(t, func(to paxos.NodeID, _ paxos.Message) paxos.Message {
		switch to {
		case "a4":
			if asked.Add(1) == 1 {
				return nil // a3 is faster
			}
			return paxos.GenesisReport{}
		case "b1":
			return paxos.GenesisReport{Genesis: &paxos.Genesis{Cluster: theirs}, Sealed: true}
		case "a1", "a3":
			return paxos.GenesisReport{Genesis: &paxos.Genesis{Cluster: ours}, Sealed: true}
		default:
			return paxos.GenesisReport{}
		}
	})
	grid := paxos.QuorumSystem{Kind: paxos.Grid, Rows: 2}
	sizes := paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 3, Size2: 1}
	for name, test := range map[string]struct {
		change Change
		want   string // ids with disks, or why not
	}{
		"add":                     {Change{Add: "a4"}, "a1:1 a2:2 a3:3 a4:4"},
		"remove":                  {Change{Remove: "a2"}, "a1:1 a3:3"},
		"replace takes the place": {Change{Remove: "a2", Add: "a4"}, "a1:1 a4:4 a3:3"},
		"replace by another disk": {Change{Remove: "a2", Add: "a2"}, "a1:1 a2:22 a3:3"},
		"quorums alone":           {Change{Quorums: &sizes}, "a1:1 a2:2 a3:3"},
		"nothing to replace":      {Change{Remove: "a1", Add: "a1"}, "error: there is nothing to replace"},
		"the newcomer is in":      {Change{Remove: "a1", Add: "a3"}, "error: is in configuration 4 already"},
		"add one that is in":      {Change{Add: "a2"}, "error: `synod member replace a2`"},
		"remove a stranger":       {Change{Remove: "a7"}, "error: acceptor a7 is not in configuration 4"},
		"of another cluster":      {Change{Add: "b1"}, "error: give it an empty data directory"},
		"as it is":                {Change{Copies: 2}, "error: that is configuration 4 as it is"},
		"quorums that do not fit": {Change{Quorums: &grid}, "error: 3 acceptors do not fill 2 rows"},
	} {
		next, err := m.Plan(t.Context(), threeMembers(), test.change)
		var have []string
		for _, a := range next.Acceptors {
			have = append(have, fmt.Sprintf("%s:%d", a.ID, a.Disk[1]))
		}
		wrong, fails := strings.CutPrefix(test.want, "error: ")
		switch {
		case fails && (err == nil || !strings.Contains(err.Error(), wrong)):
			t.Errorf("%s: %v, want an error that says %q", name, err, wrong)
		case !fails && (err != nil || strings.Join(have, " ") != test.want || next.Number != 5):
			t.Errorf("%s: configuration %d of %q, %v, want number 5 of %q", name, next.Number, have, err, test.want)
		}
	}
	m.wait = time.Millisecond
	if _, err := m.Plan(t.Context(), threeMembers(), Change{Add: "a9"}); err == nil || !strings.Contains(err.Error(), "acceptor a9 does not answer: start it first") {
		t.Errorf("an acceptor that is not there: %v", err)
	}
}

// TestCarryWaits: a change is asked for, across leaders, until it has taken over for good. What
// it waits for is told once.
func TestCarryWaits(t *testing.T) {
	now, next := threeMembers(), threeMembers()
	next.Number, next.Copies = 5, 1
	answers := make(chan paxos.Message, 8)
	for _, a := range []paxos.Message{
		paxos.ChangeReport{Newest: *now, Waits: "the last change"}, paxos.ChangeReport{Newest: *next, Waits: "copies"},
		paxos.ChangeReport{Newest: *next, Waits: "copies"}, nil, paxos.ChangeReport{Newest: *next},
	} {
		answers <- a
	}
	m := converse(t, func(_ paxos.NodeID, asked paxos.Message) paxos.Message {
		c, is := asked.(paxos.Change)
		if !is || c.Next == nil || !c.Next.Same(next) {
			return nil
		}
		return <-answers
	})
	m.wait = askAgain / 2 // a leader is asked once
	var told []string
	r, err := m.Carry(t.Context(), *next, func(text string) { told = append(told, text) })
	if err != nil || r.Newest.Number != 5 || r.Waits != "" || len(answers) != 0 {
		t.Errorf("%+v, %v with %d answers to come, want the end", r, err, len(answers))
	}
	if want := []string{"the last change", "copies", ErrNoLeader.Error()}; !slices.Equal(told, want) {
		t.Errorf("it tells %q, want %q", told, want)
	}
}

// TestCarryGivesUp when the change cannot be, or its caller does; it says what it waited for.
func TestCarryGivesUp(t *testing.T) {
	next, other := threeMembers(), threeMembers()
	next.Number, next.Copies = 5, 1
	other.Number, other.Copies = 5, 3
	later := *next
	later.Number = 6
	ended := errors.New("the operator has gone home")
	for name, test := range map[string]struct {
		answer paxos.ChangeReport
		want   []string
	}{
		"refused":        {paxos.ChangeReport{Newest: *threeMembers(), Refused: "no quorum would be left"}, []string{"the leader refuses: no quorum would be left"}},
		"another change": {paxos.ChangeReport{Newest: *other}, []string{"another change was faster"}},
		"a later one":    {paxos.ChangeReport{Newest: later}, []string{"another change was faster", "number 6"}},
		"the caller":     {paxos.ChangeReport{Newest: *next, Waits: "copies"}, []string{ended.Error(), "it waits: copies"}},
	} {
		m := converse(t, func(_ paxos.NodeID, asked paxos.Message) paxos.Message {
			if _, is := asked.(paxos.Change); is {
				return test.answer
			}
			return nil
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := m.Carry(ctx, *next, func(string) { cancel(ended) })
		cancel(nil)
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want an error that says %q", name, err, want)
			}
		}
	}
}

// TestTransferRefused: who asks for a new leader hears why there is none.
func TestTransferRefused(t *testing.T) {
	m := converse(t, func(_ paxos.NodeID, asked paxos.Message) paxos.Message {
		if tr, is := asked.(paxos.Transfer); is && tr.To == "p9" {
			return paxos.ChangeReport{Refused: "p9 is not heard"}
		}
		return paxos.ChangeReport{}
	})
	if err := m.Transfer(t.Context(), "p9"); err == nil || !strings.Contains(err.Error(), "p9 is not heard") {
		t.Errorf("a transfer to nobody: %v", err)
	}
	if err := m.Transfer(t.Context(), ""); err != nil {
		t.Errorf("a transfer to anybody: %v", err)
	}
}

// TestTheMarkOfASupersededCluster stays in its directory, and one that cannot be read stops
// the start: what it says must not be guessed.
func TestTheMarkOfASupersededCluster(t *testing.T) {
	dir := t.TempDir()
	if by, err := readSuperseded(dir); err != nil || by != (paxos.ClusterID{}) {
		t.Errorf("without a mark: %v, %v", by, err)
	}
	by := paxos.ClusterID{UUID: paxos.UUID{7}, Generation: 3}
	markSuperseded(dir, bustest.Quiet())(by)
	if have, err := readSuperseded(dir); err != nil || have != by {
		t.Errorf("marked with %s, and read %s, %v", by, have, err)
	}
	for _, text := range []string{"", "nonsense\n", by.UUID.String(), by.UUID.String() + " generation x"} {
		path := filepath.Join(dir, supersededFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readSuperseded(dir); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("the mark %q: %v, want the file named", text, err)
		}
	}
}
