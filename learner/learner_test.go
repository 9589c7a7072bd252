package learner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/clustertest"
	"github.com/synod-paxos/synod/learner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counters is learners that count, in a cluster of clustertest.
type counters struct {
	t   *testing.T
	url string
	dir string
}

func (c *counters) options(id string) learner.Options {
	return learner.Options{
		ID: id, Cluster: clustertest.Subjects.Cluster, Data: filepath.Join(c.dir, id),
		NATS: bus.Options{URLs: []string{c.url}}, Log: bustest.Quiet(),
	}
}

func (c *counters) start(id string) (*learner.Learner, *Counter) {
	c.t.Helper()
	counter := &Counter{}
	l, err := learner.Start(c.t.Context(), c.options(id), counter)
	if err != nil {
		c.t.Fatal(err)
	}
	return l, counter
}

func (c *counters) stop(l *learner.Learner) {
	c.t.Helper()
	if err := l.Stop(); err != nil {
		c.t.Errorf("stop: %v", err)
	}
}

// sees wants a linearizable read of n.
func (c *counters) sees(l *learner.Learner, counter *Counter, n uint64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	err := l.Read(ctx, func() error {
		if counter.n != n {
			return fmt.Errorf("the counter is %d, want %d", counter.n, n)
		}
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
}

// TestCountersAgree: what was answered is in every learner's state, after a
// restart and after the loss of a disk too.
func TestCountersAgree(t *testing.T) {
	url := bustest.Server(t).URL()
	clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 2}, url)
	cs := &counters{t: t, url: url, dir: t.TempDir()}
	l1, n1 := cs.start("l1")
	l2, n2 := cs.start("l2")
	c, err := client.Connect(t.Context(), client.Options{
		Cluster: clustertest.Subjects.Cluster, NATS: bus.Options{URLs: []string{url}, Log: bustest.Quiet()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sum := uint64(0)
	add := func(n int) {
		t.Helper()
		for range n {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			reply, at, err := c.Apply(ctx, []byte("four"))
			cancel()
			if sum += 4; err != nil || string(reply) != fmt.Sprint(sum) || at == 0 {
				t.Fatalf("answer %q at %d, %v, want %d", reply, at, err, sum)
			}
		}
	}
	add(20)
	cs.sees(l1, n1, sum)
	cs.sees(l2, n2, sum)
	cs.stop(l2)
	add(20)
	l2, n2 = cs.start("l2")
	if l2.Applied() == 0 {
		t.Error("a restart begins at the start of the log")
	}
	cs.sees(l2, n2, sum)
	cs.stop(l1)
	if err := os.RemoveAll(cs.options("l1").Data); err != nil {
		t.Fatal(err)
	}
	l1, n1 = cs.start("l1")
	cs.sees(l1, n1, sum)
	add(5)
	cs.stop(l1)
	cs.stop(l2)
}

// TestADamagedFile is told by name, and not taken for a state.
func TestADamagedFile(t *testing.T) {
	url := bustest.Server(t).URL()
	clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 1}, url)
	cs := &counters{t: t, url: url, dir: t.TempDir()}
	l, counter := cs.start("l1")
	cs.sees(l, counter, 0)
	c, err := client.Connect(t.Context(), client.Options{
		Cluster: clustertest.Subjects.Cluster, NATS: bus.Options{URLs: []string{url}, Log: bustest.Quiet()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Apply(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	cs.stop(l)
	file := filepath.Join(cs.options("l1").Data, "state", "snapshot")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		damaged := append([]byte(nil), whole...)
		damaged[i] ^= 1
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := learner.Start(t.Context(), cs.options("l1"), &Counter{}); err == nil {
			cs.stop(l)
			t.Fatalf("byte %d of %d is damaged, and the learner starts", i, len(whole))
		}
	}
	if _, err := learner.Start(t.Context(), learner.Options{}, &Counter{}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a learner without id and directory: %v", err)
	}
}

// sick is a machine that cannot be kept.
type sick struct{ Counter }

func (*sick) Snapshot(io.Writer) error { panic("no ink") }

// TestAPanicOfTheMachine ends the learner with a reason, and not the program.
func TestAPanicOfTheMachine(t *testing.T) {
	url := bustest.Server(t).URL()
	clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 1}, url)
	cs := &counters{t: t, url: url, dir: t.TempDir()}
	machine := &sick{}
	l, err := learner.Start(t.Context(), cs.options("l1"), machine)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(t.Context(), client.Options{
		Cluster: clustertest.Subjects.Cluster, NATS: bus.Options{URLs: []string{url}, Log: bustest.Quiet()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Apply(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := l.Stop(); err == nil || !strings.Contains(err.Error(), "no ink") {
		t.Errorf("it stops with %v, want the panic's reason", err)
	}
}
