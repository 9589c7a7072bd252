package clustertest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// Load is clients that propose without pause, each command with an id of its own,
// repeated until it is acknowledged.
type Load struct {
	cluster *Cluster
	stop    chan struct{}
	done    sync.WaitGroup

	mu    sync.Mutex
	acked map[string]uint64 // sequence, by command
	last  time.Time
	gap   time.Duration // the longest time between two acknowledgements
	final []*bus.Error  // answers after which no repetition can help
}

// StartLoad starts so many clients.
func (c *Cluster) StartLoad(clients int) *Load {
	c.t.Helper()
	l := &Load{cluster: c, stop: make(chan struct{}), acked: map[string]uint64{}, last: time.Now()}
	for i := range clients {
		nc, err := nats.Connect(strings.Join(c.urls, ","), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
		if err != nil {
			c.t.Fatal(err)
		}
		l.done.Add(1)
		go func() {
			defer l.done.Done()
			defer nc.Close()
			l.client(nc, i)
		}()
	}
	return l
}

func (l *Load) client(nc *nats.Conn, client int) {
	for n := 0; ; n++ {
		command := fmt.Sprintf("c%d-%d", client, n)
		m := nats.NewMsg(Subjects.Propose())
		m.Data = []byte(command)
		m.Header.Set(nats.MsgIdHdr, command)
		for {
			select {
			case <-l.stop:
				return
			default:
			}
			if l.try(nc, m, command) {
				break
			}
		}
	}
}

// try proposes once. An unknown outcome is settled by trying again.
func (l *Load) try(nc *nats.Conn, m *nats.Msg, command string) bool {
	reply, err := nc.RequestMsg(m, time.Second)
	if err != nil {
		return l.breathe()
	}
	ack, err := bus.ParseAck(reply.Data)
	if err != nil {
		return l.breathe()
	}
	if ack.Error != nil {
		l.refused(ack.Error)
		return l.breathe()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[command] = ack.Seq
	if len(l.acked) > 1 {
		l.gap = max(l.gap, time.Since(l.last))
	}
	l.last = time.Now()
	return true
}

// refused notes an error that says more than that this was not the moment.
func (l *Load) refused(err *bus.Error) {
	switch err.Code {
	case bus.CodeOverloaded, bus.CodeNotLeader, bus.CodeNoProgress, bus.CodeUnknown:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.final = append(l.final, err)
}

// breathe keeps a client that nobody answers from spinning.
func (l *Load) breathe() bool {
	select {
	case <-l.stop:
	case <-time.After(5 * time.Millisecond):
	}
	return false
}

// Acked is how many commands were acknowledged.
func (l *Load) Acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// AwaitMore waits until n more commands are acknowledged.
func (l *Load) AwaitMore(n int) {
	l.cluster.t.Helper()
	from := l.Acked()
	l.cluster.Await(fmt.Sprintf("%d more acknowledgements", n), func() bool { return l.Acked() >= from+n })
}

// Gap is the longest time that passed between two acknowledgements.
func (l *Load) Gap() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gap
}

// Stop ends the clients.
func (l *Load) Stop() {
	close(l.stop)
	l.done.Wait()
}

// Check stops the cluster and compares every learner's LEDGER with what was
// acknowledged: each command exactly once, at the sequence that was answered, and
// the same order everywhere as far as each learner came. At least min commands
// must have been acknowledged, and none have been refused for good.
func (l *Load) Check(minimum int, learners ...paxos.NodeID) {
	l.cluster.t.Helper()
	if l.Acked() < minimum {
		l.cluster.t.Errorf("%d commands were acknowledged, want at least %d", l.Acked(), minimum)
	}
	for _, err := range l.final {
		l.cluster.t.Errorf("a command was refused for good: %v", err)
	}
	l.awaitLearners(learners)
	l.cluster.stopAll()
	logs := map[paxos.NodeID][]string{}
	for _, id := range learners {
		logs[id] = l.cluster.Ledger(id)
		l.checkLog(id, logs[id])
	}
	for _, id := range learners[1:] {
		if !slices.Equal(logs[id], logs[learners[0]]) {
			l.cluster.t.Errorf("%s and %s have different logs, of %d and %d", id, learners[0], len(logs[id]), len(logs[learners[0]]))
		}
	}
}

// awaitLearners waits until all learners applied the same slot.
func (l *Load) awaitLearners(ids []paxos.NodeID) {
	l.cluster.t.Helper()
	l.cluster.Await("learners that are equally far", func() bool {
		var applied []paxos.Slot
		for _, id := range ids {
			applied = append(applied, l.cluster.Role(id).Report().Learner.Applied)
		}
		return slices.Max(applied) == slices.Min(applied)
	})
}

func (l *Load) checkLog(id paxos.NodeID, log []string) {
	l.cluster.t.Helper()
	at := map[string]uint64{}
	for i, command := range log {
		if first, twice := at[command]; twice {
			l.cluster.t.Errorf("%s has %s twice, at %d and %d", id, command, first, i+1)
		}
		at[command] = uint64(i + 1)
	}
	for command, seq := range l.acked {
		if at[command] != seq {
			l.cluster.t.Errorf("%s has %s at %d, it was acknowledged at %d", id, command, at[command], seq)
		}
	}
}

// Ledger is the LEDGER of a learner that does not run, from its disk.
func (c *Cluster) Ledger(id paxos.NodeID) []string {
	c.t.Helper()
	m, err := streams.Open(filepath.Join(c.Data(id), "state"), streams.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	defer m.Close()
	view := m.View()
	defer view.Close()
	var log []string
	for message, err := range view.Messages(streams.Query{Stream: "LEDGER"}) {
		if err != nil {
			c.t.Fatal(err)
		}
		log = append(log, string(message.Data))
	}
	return log
}
