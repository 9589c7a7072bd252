package node

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// healthy is the reports of a cluster that has nothing to complain about.
func healthy() []Report {
	g := &paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{1}, Generation: 1}, Window: 256,
		First: paxos.Configuration{Number: 1, From: 1, Copies: 2},
	}
	for i, id := range []paxos.NodeID{"a1", "a2", "a3"} {
		g.First.Acceptors = append(g.First.Acceptors, paxos.Member{ID: id, Disk: paxos.UUID{byte(i + 1)}})
	}
	var reports []Report
	add := func(role string, id paxos.NodeID) *Report {
		reports = append(reports, Report{Role: role, ID: id, Ready: true, Process: string(id)})
		r := &reports[len(reports)-1]
		r.setGenesis(g, nil)
		return r
	}
	for _, m := range g.First.Acceptors {
		r := add("acceptor", m.ID)
		r.Disk = m.Disk.String()
		r.Acceptor = &AcceptorReport{Sealed: true, ChosenBelow: 10, Syncs: 4, Commands: 10}
	}
	add("proposer", "p1").Proposer = &ProposerReport{Stage: "leading", Serving: true, Ballot: "3.p1.7", ChosenBelow: 12, LiveLearners: []paxos.NodeID{"l1", "l2"},
		Phase2: Latency{Bounds: []float64{0.001}, Counts: []uint64{1, 2}, Sum: 0.5}, OpenSlots: []OpenSlot{{Slot: 12, Age: 2}}}
	add("proposer", "p2").Proposer = &ProposerReport{Stage: "standby"}
	for _, id := range []paxos.NodeID{"l1", "l2"} {
		add("learner", id).Learner = &LearnerReport{Learned: 11, Applied: 11, ChosenBelow: 12, CanRead: true}
	}
	return reports
}

// without is reports less those of one role.
func without(reports []Report, role string, ids ...paxos.NodeID) []Report {
	return slices.DeleteFunc(reports, func(r Report) bool { return r.Role == role && slices.Contains(ids, r.ID) })
}

func TestOverviewOfAHealthyCluster(t *testing.T) {
	c := Overview("main", healthy())
	if len(c.Problems) != 0 {
		t.Errorf("problems %q, want none", c.Problems)
	}
	if c.Leader == nil || *c.Leader != (Leader{ID: "p1", Ballot: "3.p1.7"}) {
		t.Errorf("leader %+v, want p1", c.Leader)
	}
	if c.Chosen != 11 {
		t.Errorf("chosen up to %d, want 11", c.Chosen)
	}
	if len(c.Acceptors) != 3 || len(c.Proposers) != 2 || len(c.Learners) != 2 {
		t.Errorf("%d acceptors, %d proposers, %d learners, want 3, 2, 2", len(c.Acceptors), len(c.Proposers), len(c.Learners))
	}
	if have := c.Acceptors[0].CommandsPerSync; have != 2.5 {
		t.Errorf("%v commands per sync, want 10/4", have)
	}
}

// TestProblems breaks one thing at a time.
func TestProblems(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func([]Report) []Report
		want [][]string // the words of each problem, in order
	}{
		{"nobody", func([]Report) []Report { return nil }, [][]string{{"No role of cluster \"main\" answers"}}},
		{"one acceptor down", func(r []Report) []Report { return without(r, "acceptor", "a2") }, [][]string{{"Acceptor a2 does not answer"}}},
		{"no quorum", func(r []Report) []Report { return without(r, "acceptor", "a2", "a3") },
			[][]string{{"Nothing can be decided", "1 of 3", "a2, a3", "`synod member force-new-cluster`"}, {"a2 does not answer"}, {"a3 does not answer"}}},
		{"wiped", func(r []Report) []Report {
			r[1].Disk, r[1].UUID, r[1].Configuration, r[1].Acceptor = paxos.UUID{9}.String(), "", nil, &AcceptorReport{}
			return r
		}, [][]string{{"Acceptor a2 has another disk", "never votes"}}},
		{"a stranger", func(r []Report) []Report {
			return append(r, Report{Role: "acceptor", ID: "a9", Disk: paxos.UUID{9}.String(), Acceptor: &AcceptorReport{}})
		}, [][]string{{"Acceptor a9 is not in the configuration"}}},
		{"one of a cluster before", func(r []Report) []Report {
			for i := range r {
				r[i].Generation = 2
			}
			old := Report{UUID: paxos.UUID{9}.String(), Generation: 1, Disk: paxos.UUID{9}.String()}
			a, l := old, old
			a.Role, a.ID, a.Acceptor = "acceptor", "a9", &AcceptorReport{}
			l.Role, l.ID, l.Learner = "learner", "l9", &LearnerReport{}
			return append(r, a, l)
		}, [][]string{{"Acceptor a9 is of generation 1", "superseded: stop it for good"}, {"Learner l9 is of generation 1", "superseded"}}},
		{"a cluster that is superseded", func(r []Report) []Report {
			for i := range 3 {
				r[i].Ready, r[i].Rival, r[i].NotReady = false, "x generation 2", "x has the name"
			}
			r[3].Proposer.Stage = "standby"
			return r
		}, [][]string{{"Nothing is decided: cluster x generation 2 has the name", "a1, a2, a3"},
			{"Acceptor a1 is not ready: x has the name"}, {"Acceptor a2 is not ready"}, {"Acceptor a3 is not ready"}}},
		{"superseded, and not whole", func(r []Report) []Report {
			r[0].Ready, r[0].Rival, r[0].NotReady = false, "x generation 2", "x has the name"
			r[3].Proposer.Stage = "standby"
			return without(r, "acceptor", "a2", "a3")
		}, [][]string{{"only 0 of 3 acceptors vote"}, {"Acceptor a1 is not ready: x has the name"}, {"a2 does not answer"}, {"a3 does not answer"}}},
		{"learners of a cluster before alone", func(r []Report) []Report {
			for i := range r {
				if r[i].Generation = 2; r[i].Learner != nil {
					r[i].UUID, r[i].Generation = paxos.UUID{9}.String(), 1
				}
			}
			return r
		}, [][]string{{"Learner l1 is of generation 1"}, {"Learner l2 is of generation 1"}, {"No learner answers"}}},
		{"unsealed", func(r []Report) []Report { r[0].Acceptor.Sealed = false; return r }, [][]string{{"a1 is not sealed", "synod init"}}},
		{"no proposer", func(r []Report) []Report { return without(r, "proposer", "p1", "p2") }, [][]string{{"Nobody leads: no proposer answers"}}},
		{"election", func(r []Report) []Report { r[3].Proposer.Stage = "preparing"; return r }, [][]string{{"Nobody leads", "p1 is preparing"}}},
		{"votes in the air", func(r []Report) []Report {
			r[0].Acceptor.MaxVoted, r[1].Acceptor.MaxVoted, r[2].Acceptor.MaxVoted = 13, 11, 12
			return without(r, "proposer", "p1", "p2")
		}, [][]string{{"Nobody leads"}, {"Slots 12 to 13 have votes", "a1 up to 13, a2 up to 11, a3 up to 12"}}},
		{"no learner", func(r []Report) []Report {
			r[3].Proposer.LiveLearners = nil
			return without(r, "learner", "l1", "l2")
		}, [][]string{{"p1 hears no learner"}, {"No learner answers"}}},
		{"one learner", func(r []Report) []Report { return without(r, "learner", "l1") }, [][]string{{"1 learner of the 2", "acceptors keep everything", "empty data directory"}}},
		{"a learner far behind", func(r []Report) []Report { r[5].Learner.Lag = 1000; return r }, [][]string{{"Learner l1 is 1000 slots behind"}, {"1 learner of the 2"}}},
		{"a silent acceptor", func(r []Report) []Report { r[3].Proposer.Silent = []paxos.NodeID{"a3"}; return r }, [][]string{{"p1 gets no answer from acceptor a3"}}},
		{"a slow disk", func(r []Report) []Report {
			r[1].Acceptor.Sync = Latency{Bounds: []float64{0.1, 0.2, 0.4}, Counts: []uint64{90, 8, 2, 0}}
			return r
		}, [][]string{{"a2 has a slow disk"}}},
		{"space", func(r []Report) []Report { r[2].Acceptor.SpaceLow = true; return r }, [][]string{{"a3 is short of disk space"}}},
		{"another cluster of the name", func(r []Report) []Report { r[6].UUID = paxos.UUID{8}.String(); return r }, [][]string{{"Learner l2 is of another cluster"}, {"1 learner of the 2"}}},
		{"two of one id", func(r []Report) []Report {
			twin := r[4]
			twin.Process = "other"
			return append(r, twin)
		}, [][]string{{"Two processes run proposer p2"}}},
		{"not founded", func(r []Report) []Report {
			for i := range r {
				r[i].UUID, r[i].Configuration = "", nil
			}
			return r
		}, [][]string{{"not founded", "synod init --acceptors a1,a2,a3"}}},
		{"one proposer", func(r []Report) []Report { return without(r, "proposer", "p2") }, [][]string{{"Only one proposer"}}},
		{"an open slot", func(r []Report) []Report {
			r[3].Proposer.OpenSlots = []OpenSlot{{Slot: 12, Age: 3200, Missing: []paxos.NodeID{"a2", "a3"}}, {Slot: 13, Age: 3100}}
			r[3].Proposer.InFlight, r[3].Proposer.Queued = 2, 40
			return r
		}, [][]string{{"Slot 12 is undecided for 3.2 s", "2 slots in flight", "40 commands", "a2, a3 did not vote"}}},
		{"a hung disk", func(r []Report) []Report { r[0].Acceptor.SyncPending = 4200; return r }, [][]string{{"Acceptor a1 has a disk that hangs", "4.2 s"}}},
		{"a learner apart", func(r []Report) []Report { return unreadable(r, 5) }, [][]string{{"Learner l1 is not ready", "no quorum of acceptors"}}},
		{"no quorum and so no reads", func(r []Report) []Report { return unreadable(without(r, "acceptor", "a2", "a3"), 3, 4) },
			[][]string{{"Nothing can be decided"}, {"a2 does not answer"}, {"a3 does not answer"}}},
		{"messages under its own id, of another disk", func(r []Report) []Report {
			r[0].Ignored = map[string]uint64{"twin": 1}
			r[0].IgnoredLast = map[string]LastIgnored{"twin": {From: "acceptor a1", Disk: "other", Boot: 1, Ago: 1}}
			return r
		},
			[][]string{{"Acceptor a1 ignored 1 message (twin)", "(disk other, boot 1)", "ran under its id", "an id of its own"}}},
		{"a twin's messages", func(r []Report) []Report {
			r[0].Ignored = map[string]uint64{"twin": 7, "stale": 9, "foreign": 5}
			r[0].IgnoredLast = map[string]LastIgnored{"twin": {From: "acceptor a1", Disk: r[0].Disk, Boot: 2, Ago: 4.2}}
			return r
		},
			[][]string{{"Acceptor a1 ignored 7 messages (twin)", "the last 4 s ago of acceptor a1 (disk 01000000-", "boot 2)", "one data directory"}}},
		{"permissions", func(r []Report) []Report { r[4].Bus.AsyncErrors = 1; return r }, [][]string{{"NATS refused something to proposer p2, 1 time"}}},
		{"a clock ahead", func(r []Report) []Report { return clocks(r, map[int]time.Duration{1: 3 * time.Second}) },
			[][]string{{"clock of acceptor a2 is 3s ahead of the others'", "host h1"}}},
		{"a clock behind", func(r []Report) []Report { return clocks(r, map[int]time.Duration{5: -time.Hour}) },
			[][]string{{"clock of learner l1 is 1h0m0s behind the others'"}}},
		{"clocks near enough", func(r []Report) []Report {
			return clocks(r, map[int]time.Duration{0: 400 * time.Millisecond, 3: -300 * time.Millisecond})
		}, nil},
		{"a report that took long", func(r []Report) []Report {
			r = clocks(r, map[int]time.Duration{5: 700 * time.Millisecond})
			r[5].heard = r[5].asked.Add(800 * time.Millisecond)
			return r
		}, nil},
		{"slow consumer", func(r []Report) []Report { r[5].Bus.SlowConsumers = 2; return r }, [][]string{{"Learner l1 did not keep up", "2 times"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := Overview("main", test.edit(healthy()))
			if len(c.Problems) != len(test.want) {
				t.Fatalf("problems %q, want %d", c.Problems, len(test.want))
			}
			for i, words := range test.want {
				for _, w := range words {
					if !strings.Contains(c.Problems[i], w) {
						t.Errorf("problem %q does not say %q", c.Problems[i], w)
					}
				}
				if !strings.HasSuffix(c.Problems[i], ".") {
					t.Errorf("problem %q is no sentence", c.Problems[i])
				}
			}
		})
	}
}

// unreadable makes the i-th learners among reports unable to read.
func unreadable(reports []Report, learners ...int) []Report {
	for _, i := range learners {
		r := &reports[i]
		if r.Learner != nil {
			r.Ready, r.NotReady, r.Learner.CanRead = false, errCannotRead.Error(), false
		}
	}
	return reports
}

// clocks gives every report a clock, each on a host of its own, and those of which wrong.
func clocks(reports []Report, wrong map[int]time.Duration) []Report {
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range reports {
		r := &reports[i]
		r.asked, r.heard, r.Host = asked, asked.Add(2*time.Millisecond), fmt.Sprintf("h%d", i)
		r.Clock = asked.Add(time.Millisecond + wrong[i])
	}
	return reports
}

// TestReportSurvivesTheWire: quorums are counted by who asks, from what is told.
func TestReportSurvivesTheWire(t *testing.T) {
	for _, q := range []paxos.QuorumSystem{{}, {Kind: paxos.Sizes, Size1: 3, Size2: 2}, {Kind: paxos.Grid, Rows: 3}} {
		r := healthy()[0]
		r.Configuration.Quorums = Quorums{q}
		have, err := parseReport(reportJSON(r))
		if err != nil {
			t.Fatal(err)
		}
		want := r.Configuration.paxos()
		got := have.Configuration.paxos()
		if got.Quorums != want.Quorums || !slices.Equal(got.Acceptors, want.Acceptors) || got.Acceptors[0].Disk.IsZero() {
			t.Errorf("configuration %+v became %+v", want, got)
		}
	}
}

// TestStatusFieldsAreStable holds the names that STATUS.md promises: adding is
// fine, whoever renames one breaks somebody's script.
func TestStatusFieldsAreStable(t *testing.T) {
	data, err := json.Marshal(Overview("main", healthy()))
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"":          {"cluster", "uuid", "generation", "configuration", "leader", "chosen", "acceptors", "proposers", "learners", "problems"},
		"leader":    {"id", "ballot"},
		"acceptors": {"id", "up", "version", "ready", "member", "disk", "sealed", "promised", "chosen_below", "trim_below", "max_voted", "commands", "syncs", "commands_per_sync", "messages_per_command"},
		"proposers": {"id", "up", "ready", "stage", "serving", "chosen_below", "commands", "batches", "queued", "in_flight", "messages_per_command"},
		"learners":  {"id", "up", "ready", "applied", "durable", "learned", "lag", "commands", "answered", "digest", "messages_per_command"},
	}
	for where, fields := range want {
		object := c
		switch at := c[where].(type) {
		case []any:
			object = at[0].(map[string]any)
		case map[string]any:
			object = at
		}
		for _, f := range fields {
			if f == "version" {
				continue // left out when empty
			}
			if _, ok := object[f]; !ok {
				t.Errorf("%s has no field %q", where, f)
			}
		}
	}
}

// TestStatusFieldsAreDocumented: STATUS.md names everything that may be printed.
func TestStatusFieldsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../cmd/synod/STATUS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range fieldNames(reflect.TypeFor[Cluster]()) {
		if !strings.Contains(string(doc), "`"+name+"`") {
			t.Errorf("STATUS.md does not say what %s is", name)
		}
	}
}

// fieldNames is the JSON names of all fields within a type.
func fieldNames(t reflect.Type) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return fieldNames(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				names = append(names, name)
			}
			if f.IsExported() {
				names = append(names, fieldNames(f.Type)...)
			}
		}
	}
	return names
}
