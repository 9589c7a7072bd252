package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

// TestAClusterIsGivenUpByItsName: nothing happens to a cluster that can decide, to one whose
// UUID is not confirmed, or where nobody says what is lost.
func TestAClusterIsGivenUpByItsName(t *testing.T) {
	id := uuid.New().String()
	config := &node.Configuration{Number: 1, From: 1, Window: 256, Copies: 1}
	reports := func(there int, learner bool) (rs []node.Report) {
		for i, a := range []paxos.NodeID{"a1", "a2", "a3"} {
			disk := paxos.UUID{byte(i + 1)}.String()
			if len(config.Acceptors) < 3 {
				config.Acceptors = append(config.Acceptors, node.Member{ID: a, Disk: disk})
			}
			if i < there {
				rs = append(rs, node.Report{Role: "acceptor", ID: a, Disk: disk, UUID: id, Generation: 1, Configuration: config, Acceptor: &node.AcceptorReport{Sealed: true}})
			}
		}
		if learner {
			rs = append(rs, node.Report{Role: "learner", ID: "l1", UUID: id, Generation: 1, Configuration: config, Learner: &node.LearnerReport{Applied: 7}})
		}
		return rs
	}
	for _, test := range []struct {
		name, confirm string
		reports       []node.Report
		want, told    string
	}{
		{"confirmed", id, reports(1, true), "", "up to slot 7"},
		{"not confirmed", "", reports(1, true), "--confirm " + id, "up to slot 7"},
		{"another is confirmed", uuid.New().String(), reports(1, true), "the cluster is " + id, "up to slot 7"},
		{"it can decide", id, reports(2, true), "has its quorums", ""},
		{"no learner", id, reports(1, false), "no learner answers", ""},
		{"nobody", id, nil, "no role that knows its cluster answers", ""},
	} {
		cluster, told := node.Overview("main", test.reports), &strings.Builder{}
		err := (&forceCommand{Confirm: test.confirm}).judge(&cluster, told)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if !strings.Contains(told.String(), test.told) || test.told == "" && told.Len() > 0 {
			t.Errorf("%s: it tells %q, want %q", test.name, told, test.told)
		}
	}
}
