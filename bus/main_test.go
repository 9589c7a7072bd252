package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for an event. A test that fails takes this long.
const patience = 30 * time.Second

// receive takes the next value of c, or fails.
func receive[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("nothing came in %s", patience)
	}
	return v
}

// A journal is a log that tests wait for.
type journal struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with every line
}

func newJournal() *journal { return &journal{more: make(chan struct{})} }

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	close(j.more)
	j.more = make(chan struct{})
	return nil
}

func (j *journal) text() (string, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n"), j.more
}

// await returns once the log contains text.
func (j *journal) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(patience)
	for {
		have, more := j.text()
		if strings.Contains(have, text) {
			return
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("the log does not say %q:\n%s", text, have)
		}
	}
}

func (j *journal) logger() *slog.Logger { return slog.New(j) }

// heartbeat is some message of proposer p1, told apart by next.
func heartbeat(next paxos.Slot) paxos.Envelope {
	return paxos.Envelope{
		From: paxos.Sender{Role: paxos.ProposerRole, ID: "p1"},
		Msg:  paxos.Heartbeat{Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}, Next: next},
	}
}

// listen is what acceptor a1 hears.
func listen(t *testing.T, b *bus.Bus) <-chan paxos.Envelope {
	t.Helper()
	heard := make(chan paxos.Envelope, 128)
	l, err := b.Listen(paxos.AcceptorRole, "a1", func(e paxos.Envelope) { heard <- e })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	})
	return heard
}

func publish(t *testing.T, b *bus.Bus, e paxos.Envelope) {
	t.Helper()
	if err := b.Publish(e); err != nil {
		t.Fatal(err)
	}
}

func next(e paxos.Envelope) paxos.Slot { return e.Msg.(paxos.Heartbeat).Next }
