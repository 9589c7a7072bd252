//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/linearizability"
)

const (
	teams       = 3
	teamSize    = 3
	groupSize   = 120             // operations, after which a team goes on with new keys
	opPatience  = 3 * time.Second // of one call
	restMost    = 60 * time.Millisecond
	checkWithin = 60 * time.Second // for the checker, per group
)

// clients are teams that use the cluster, and what they were told.
type clients struct {
	*journal
	faults *atomic.Int32 // how many there are right now

	mu      sync.Mutex
	under   [linearizability.Kinds]int // operations that were answered while there was a fault
	all     [linearizability.Kinds]int
	groups  int
	legal   int
	unknown int // operations of unknown outcome
	beyond  int // groups that the checker could not judge in time

	teams    []*team
	closed   chan *linearizability.Group
	playing  sync.WaitGroup
	checking sync.WaitGroup
}

// dial is the options of a connection from the address of one team.
func dial(from string) []nats.Option {
	d := &net.Dialer{Timeout: 2 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return []nats.Option{
		nats.SetCustomDialer(d), nats.MaxReconnects(-1), nats.ReconnectWait(100 * time.Millisecond), nats.PingInterval(2 * time.Second),
		nats.RetryOnFailedConnect(true), nats.Name("torture"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
}

// startClients lets the teams play until ctx ends.
func startClients(ctx context.Context, c *cluster, seed uint64, faults *atomic.Int32) (*clients, error) {
	cs := &clients{journal: c.journal, faults: faults, closed: make(chan *linearizability.Group, 1024)}
	cs.checking.Go(cs.check)
	for i := range teams {
		t := &team{clients: cs, name: teamName(i)}
		if err := c.net.addClient(t.name); err != nil {
			return nil, err
		}
		if err := t.start(ctx, c, i, seed); err != nil {
			return nil, err
		}
		cs.teams = append(cs.teams, t)
	}
	return cs, nil
}

func teamName(i int) string { return fmt.Sprintf("c%d", i+1) }

// stop waits for the teams, whose context has ended, and for the checker.
func (c *clients) stop() {
	c.playing.Wait()
	for _, t := range c.teams {
		c.closed <- t.group
	}
	close(c.closed)
	c.checking.Wait()
}

// check judges the histories of groups that are complete.
func (c *clients) check() {
	for g := range c.closed {
		unknown := 0
		ops := g.History.Close()
		for _, op := range ops {
			if op.Output.(linearizability.Output).Unknown {
				unknown++
			}
		}
		result, info := porcupine.CheckOperationsVerbose(linearizability.Model, ops, checkWithin)
		c.mu.Lock()
		c.groups++
		c.unknown += unknown
		switch result {
		case porcupine.Ok:
			c.legal++
		case porcupine.Unknown:
			c.beyond++
		}
		c.mu.Unlock()
		if result == porcupine.Illegal {
			page := filepath.Join(c.dir, strings.TrimSuffix(g.Keys[0], ".a")+".html")
			err := porcupine.VisualizePath(linearizability.Model, info, page)
			c.fail("the history of %s, %s is not linearizable: see %s (%v)\n%s", g.Keys[0], g.Keys[1], page, err, g.History)
		}
	}
}

func (c *clients) done(k linearizability.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[k]++
	if c.faults.Load() > 0 {
		c.under[k]++
	}
}

// team is clients with one address, and the group that they are at.
type team struct {
	*clients
	name string

	mu     sync.Mutex
	number int
	group  *linearizability.Group
	active map[*linearizability.Group]int // actors that are at it
}

func (t *team) start(ctx context.Context, c *cluster, number int, seed uint64) error {
	from := c.net.address(t.name)
	nc, err := nats.Connect(c.url(), dial(from)...)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	js, err := jetstream.NewWithAPIPrefix(nc, "synod.main.api")
	if err != nil {
		return err
	}
	kv, err := js.CreateKeyValue(within, jetstream.KeyValueConfig{Bucket: "torture"})
	if err != nil {
		return err
	}
	t.active = map[*linearizability.Group]int{}
	t.next()
	for i := range teamSize {
		id := number*teamSize + i
		t.playing.Go(func() {
			t.play(ctx, &linearizability.Actor{
				ID: id, Store: linearizability.Plain(nc, bus.Subjects{Cluster: "main"}, kv), Random: rand.New(rand.NewPCG(seed, uint64(id))),
				Patience: opPatience, Done: t.done, Complain: func(p string) { t.fail("client %d: %s", id, p) },
			})
		})
	}
	context.AfterFunc(ctx, func() {
		t.playing.Wait()
		nc.Close()
	})
	return nil
}

// next lets the team go on with new keys.
func (t *team) next() {
	if t.group != nil && t.active[t.group] == 0 {
		t.closed <- t.group
	}
	t.number++
	t.group = linearizability.NewGroup(fmt.Sprintf("%s-%d", t.name, t.number))
}

func (t *team) play(ctx context.Context, a *linearizability.Actor) {
	var at *linearizability.Group
	for ctx.Err() == nil {
		if g := t.present(at); g != at {
			a.Enter(g)
			t.leave(at)
			at = g
		}
		a.Act()
		select {
		case <-time.After(rand.N(restMost)):
		case <-ctx.Done():
		}
	}
	a.Leave()
	t.leave(at)
}

// present is the group to be at for who is at the group at.
func (t *team) present(at *linearizability.Group) *linearizability.Group {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.group.History.Len() >= groupSize {
		t.next()
	}
	if t.group != at {
		t.active[t.group]++
	}
	return t.group
}

// leave is told of every actor that does nothing more in g.
func (t *team) leave(g *linearizability.Group) {
	if g == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.active[g]--; t.active[g] == 0 && g != t.group {
		t.closed <- g
	}
}
