package node

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// judged fails the test unless err is nil where want is empty, and says want elsewhere.
func judged(t *testing.T, name string, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: %v, want %q", name, err, want)
	}
}

// TestWhenAnAcceptorIsReady: when it can vote, and not for any other reason.
func TestWhenAnAcceptorIsReady(t *testing.T) {
	s := bustest.Server(t)
	a := &Acceptor{common: common{bus: bustest.Connect(t, s.URL())}}
	founded := paxos.AcceptorState{Genesis: &paxos.Genesis{Cluster: ours}, Sealed: true}
	unsealed := founded
	unsealed.Sealed = false
	higher := paxos.ClusterID{UUID: theirs.UUID, Generation: 2}
	for _, test := range []struct {
		name   string
		status actors.AcceptorStatus
		want   string
	}{
		{"well", actors.AcceptorStatus{State: founded}, ""},
		{"a sync under way", actors.AcceptorStatus{State: founded, Writer: actors.WriterStats{Pending: hungSync}}, ""},
		{"not founded", actors.AcceptorStatus{}, "belongs to no cluster yet"},
		{"not sealed", actors.AcceptorStatus{State: unsealed}, "run `synod init` again"},
		{"a twin cluster", actors.AcceptorStatus{State: founded, Rival: theirs}, "neither serves"},
		{"superseded", actors.AcceptorStatus{State: founded, Rival: higher}, "serves and votes no more"},
		{"its disk hangs", actors.AcceptorStatus{State: founded, Writer: actors.WriterStats{Pending: hungSync + time.Millisecond}}, "its disk hangs"},
	} {
		judged(t, test.name, a.notReady(test.status), test.want)
	}
	disconnect(t, s, a.bus)
	judged(t, "no connection", a.notReady(actors.AcceptorStatus{State: founded}), "no connection")
}

// TestWhenAProposerIsReady: when it leads and is of use, or follows a leader.
func TestWhenAProposerIsReady(t *testing.T) {
	s := bustest.Server(t)
	p := &Proposer{common: common{bus: bustest.Connect(t, s.URL())}, front: &front{}}
	g, ballot := &paxos.Genesis{Cluster: ours}, paxos.Ballot{Round: 1, Proposer: "p2"}
	status := func(stage string, leader paxos.Ballot, learners ...paxos.NodeID) actors.ProposerStatus {
		return actors.ProposerStatus{Genesis: g, ProposerStatus: roles.ProposerStatus{Stage: stage, Leader: leader, LiveLearners: learners}}
	}
	rival := status("standby", ballot)
	rival.Rival = theirs
	for _, test := range []struct {
		name   string
		status actors.ProposerStatus
		open   bool
		want   string
	}{
		{"leads", status("leading", ballot, "l1"), true, ""},
		{"follows", status("standby", ballot), false, ""},
		{"leads nobody's requests", status("leading", ballot, "l1"), false, "does not reach its clients yet"},
		{"leads and nobody would answer", status("leading", ballot), true, "hears no learner"},
		{"follows nobody", status("standby", paxos.Ballot{}), false, "hears no leader"},
		{"prepares", status("preparing", ballot, "l1"), false, "it is preparing"},
		{"a twin cluster", rival, false, "neither serves"},
		{"knows no cluster", actors.ProposerStatus{}, false, errNoCluster.Error()},
	} {
		p.front.open.Store(test.open)
		judged(t, test.name, p.notReady(test.status), test.want)
	}
	disconnect(t, s, p.bus)
	judged(t, "no connection", p.notReady(status("standby", ballot)), "no connection")
}

// TestWhenALearnerIsReady: when it can serve a linearizable read and is not far behind.
func TestWhenALearnerIsReady(t *testing.T) {
	s := bustest.Server(t)
	l := &Learner{common: common{bus: bustest.Connect(t, s.URL())}}
	well := actors.LearnerStatus{Genesis: &paxos.Genesis{Cluster: ours}, LearnerStatus: roles.LearnerStatus{Learned: 9, TrimBelow: 10, ChosenBelow: 10}}
	twin, trimmed, behind, unfounded := well, well, well, well
	twin.Rival, trimmed.TrimBelow, behind.Behind, behind.ChosenBelow, unfounded.Genesis = theirs, 11, true, 1001, nil
	for _, test := range []struct {
		name    string
		status  actors.LearnerStatus
		halt    halt
		canRead bool
		want    string
	}{
		{"well", well, halt{}, true, ""},
		{"cannot read", well, halt{}, false, errCannotRead.Error()},
		{"below the trim point", trimmed, halt{}, true, "needs a snapshot"},
		{"behind", behind, halt{}, true, "it is 1000 slots behind"},
		{"held", well, halt{Slot: 7, Reason: "a fault"}, true, "synod skip --slot 7"},
		{"a twin cluster", twin, halt{}, true, "neither serves"},
		{"knows no cluster", unfounded, halt{}, true, errNoCluster.Error()},
	} {
		l.halt = test.halt
		judged(t, test.name, l.notReady(test.status, test.canRead), test.want)
	}
	l.halt = halt{}
	disconnect(t, s, l.bus)
	judged(t, "no connection", l.notReady(well, true), "no connection")
}

// disconnect stops s, and returns once b has noticed.
func disconnect(t *testing.T, s *bus.Server, b *bus.Bus) {
	t.Helper()
	lost := b.Conn().StatusChanged(nats.RECONNECTING)
	defer b.Conn().RemoveStatusListener(lost)
	s.Stop()
	select {
	case <-lost:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection is not lost")
	}
}
