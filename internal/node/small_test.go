package node

import (
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

func TestVersionOf(t *testing.T) {
	build := func(module string, settings ...string) *debug.BuildInfo {
		info := &debug.BuildInfo{}
		info.Main.Version = module
		for i := 0; i < len(settings); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return info
	}
	for _, test := range []struct {
		stamped string
		info    *debug.BuildInfo
		want    string
	}{
		{"v1.2.3", build("v1.0.0"), "1.2.3"},
		{"", build("v1.0.0"), "1.0.0"},
		{"", build("(devel)"), "0.0.0-devel"},
		{"", build("(devel)", "vcs.revision", "0123456789abcdef", "vcs.modified", "false"), "0.0.0-devel+0123456789ab"},
		{"", build("(devel)", "vcs.revision", "0123", "vcs.modified", "true"), "0.0.0-devel+0123.dirty"},
		{"", nil, "0.0.0-devel"},
	} {
		if have := versionOf(test.stamped, test.info); have != test.want {
			t.Errorf("%q, %+v: %q, want %q", test.stamped, test.info, have, test.want)
		}
	}
}

// TestStackStopsTopFirst, also past a part that fails, and only once.
func TestStackStopsTopFirst(t *testing.T) {
	var s stack
	var stopped []string
	broken := errors.New("stuck")
	for _, name := range []string{"store", "bus", "actor"} {
		s.push(name, func() error {
			stopped = append(stopped, name)
			if name == "bus" {
				return broken
			}
			return nil
		})
	}
	if err := s.stop(); !errors.Is(err, broken) {
		t.Errorf("stopped with %v, want %v", err, broken)
	}
	if err := s.stop(); err != nil {
		t.Errorf("a second stop: %v", err)
	}
	if want := []string{"actor", "bus", "store"}; !slices.Equal(stopped, want) {
		t.Errorf("stopped %v, want %v", stopped, want)
	}
}

// TestCountCommands against the decoder, on batches and on what is left of them.
func TestCountCommands(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var commands []paxos.Command
		for range r.IntN(5) {
			commands = append(commands, paxos.Command{Subject: "propose", Data: make([]byte, r.IntN(300)), Reply: "inbox"})
		}
		body := paxos.EncodeBatch(commands...)
		decoded, err := paxos.DecodeBatch(body)
		if err != nil || countCommands(body) != len(decoded) {
			t.Fatalf("%d commands counted, %d decoded, %v", countCommands(body), len(decoded), err)
		}
		for cut := range body {
			if n := countCommands(body[:cut]); n > len(commands) {
				t.Fatalf("%d commands in a part of %d", n, len(commands))
			}
		}
	}
	if n := countCommands(nil); n != 0 {
		t.Errorf("%d commands in nothing", n)
	}
}

func TestParseQuorums(t *testing.T) {
	for text, want := range map[string]paxos.QuorumSystem{
		"majority":  {},
		"sizes:3,2": {Kind: paxos.Sizes, Size1: 3, Size2: 2},
		"grid:2":    {Kind: paxos.Grid, Rows: 2},
	} {
		q, err := ParseQuorums(text)
		if err != nil || q.QuorumSystem != want {
			t.Errorf("%s is %+v, %v; want %+v", text, q, err, want)
		}
		if back, err := q.MarshalText(); err != nil || string(back) != text {
			t.Errorf("%s is written as %s, %v", text, back, err)
		}
	}
	for _, text := range []string{"", "most", "sizes", "sizes:3", "sizes:a,b", "grid", "grid:x", "majority:", "majority:2"} {
		if q, err := ParseQuorums(text); err == nil {
			t.Errorf("%q is %+v, want an error", text, q)
		}
	}
}

// TestProposerOptionsFollowTheServer: what fits a NATS message can be proposed, and
// no two proposers stand for election in step.
func TestProposerOptionsFollowTheServer(t *testing.T) {
	for _, payload := range []int{64 << 10, 1 << 20, 8 << 20} {
		o := proposerOptions(payload, 0)
		if o.BatchBytes >= payload || o.BatchBytes < payload*9/10 {
			t.Errorf("batches of %d bytes for messages of %d", o.BatchBytes, payload)
		}
		if o.QueueBytes < 8*o.BatchBytes {
			t.Errorf("a queue of %d bytes holds too few batches of %d", o.QueueBytes, o.BatchBytes)
		}
	}
	if a, b := proposerOptions(1<<20, 0), proposerOptions(1<<20, 0); a.Seed == b.Seed {
		t.Error("two proposers draw equal timeouts")
	}
}

func TestLatency(t *testing.T) {
	l := Latency{Bounds: []float64{0.001, 0.002, 0.004}, Counts: []uint64{50, 40, 9, 1}}
	for q, want := range map[float64]time.Duration{0.5: time.Millisecond, 0.9: 2 * time.Millisecond, 0.99: 4 * time.Millisecond, 1: 4 * time.Millisecond} {
		if have := l.quantile(q); have != want {
			t.Errorf("quantile %v is %s, want %s", q, have, want)
		}
	}
	if have := l.cumulative(); have[0.001] != 50 || have[0.002] != 90 || have[0.004] != 99 || l.count() != 100 {
		t.Errorf("cumulative %v of %d", have, l.count())
	}
	if have := (&Latency{}).quantile(0.5); have != 0 {
		t.Errorf("of nothing: %s", have)
	}
	if l := newLatency(storage.Histogram{}); len(l.Counts) != len(l.Bounds)+1 {
		t.Errorf("%d counts for %d bounds", len(l.Counts), len(l.Bounds))
	}
}

// TestCopiesAreTheOperatorsToChange: a cluster is founded with one more than the acceptors
// that may be lost, and no change of acceptors or quorums changes that.
func TestCopiesAreTheOperatorsToChange(t *testing.T) {
	ids := []paxos.NodeID{"a1", "a2", "a3", "a4", "a5"}
	for n, want := range map[int]int{1: 1, 3: 2, 5: 3} {
		if g := (Plan{Acceptors: ids[:n]}).genesis(); g.First.Copies != want {
			t.Errorf("%d acceptors are founded with %d copies, want %d", n, g.First.Copies, want)
		}
	}
	if g := (Plan{Acceptors: ids, Copies: 4}).genesis(); g.First.Copies != 4 {
		t.Errorf("founded with %d copies, want the 4 that were asked for", g.First.Copies)
	}
	newest := &paxos.Configuration{Number: 1, From: 1, Copies: 3}
	for i, id := range ids {
		newest.Acceptors = append(newest.Acceptors, paxos.Member{ID: id, Disk: paxos.UUID{byte(i + 1)}})
	}
	sizes := paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 5, Size2: 1}
	for _, test := range []struct {
		change Change
		want   int
	}{{Change{Remove: "a5"}, 3}, {Change{Quorums: &sizes}, 3}, {Change{Copies: 1}, 1}} {
		if next, err := (&Members{}).Plan(t.Context(), newest, test.change); err != nil || next.Copies != test.want {
			t.Errorf("%+v: %d copies, %v, want %d", test.change, next.Copies, err, test.want)
		}
	}
}

// TestPlanOfARestoredCluster: it goes on where the state ends, above its generation; what was
// founded by an earlier call and is not what this one asks for is told.
func TestPlanOfARestoredCluster(t *testing.T) {
	p := Plan{Acceptors: []paxos.NodeID{"a1", "a2", "a3"}, Copies: 2, Window: 64, From: 101, State: [16]byte{7}, Generation: 3}
	g := p.genesis()
	if g.Cluster.Generation != 3 || g.First.From != 101 || g.State != p.State || g.Window != 64 || g.First.Copies != 2 {
		t.Errorf("%+v becomes %+v", p, g)
	}
	if g := (Plan{}).genesis(); g.Cluster.Generation != 1 || g.First.From != 1 || g.Window != paxos.DefaultWindow {
		t.Errorf("an empty plan becomes %+v", g)
	}
	for want, p := range map[string]Plan{
		"": {}, "2 learner copies instead of 3": {Copies: 3}, "a window of 64 slots instead of 128": {Window: 128},
		"2 learner copies instead of 1 and a window of 64 slots instead of 1": {Copies: 1, Window: 1},
	} {
		if have := p.Differs(&g); have != want {
			t.Errorf("%+v differs by %q, want %q", p, have, want)
		}
	}
}
