package e2e

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// keyUser writes one key through nats.go's own key-value client, and reads it back at
// once on another connection. Nobody else writes that key.
type keyUser struct {
	t             *testing.T
	key           string
	writes, reads jetstream.KeyValue

	last    uint64          // revision of the last acknowledged write
	value   string          // that it wrote
	unsure  map[string]bool // values of later writes that were not answered
	number  int
	written chan<- struct{}
}

// attempt is a context for one call: a leader that dies leaves it without an answer.
func (u *keyUser) attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Second)
}

// run writes and reads until ctx ends.
func (u *keyUser) run(ctx context.Context) {
	for ctx.Err() == nil && !u.t.Failed() {
		u.number++
		value := strconv.Itoa(u.number)
		if !u.write(ctx, value) {
			u.unsure[value] = true
			u.look(ctx)
			continue
		}
		u.look(ctx)
		u.written <- struct{}{}
	}
}

// write puts the value, or updates the key from its last revision, and, before that, from
// a wrong one, which must be refused.
func (u *keyUser) write(ctx context.Context, value string) bool {
	attempt, cancel := u.attempt(ctx)
	defer cancel()
	var revision uint64
	var err error
	switch {
	case u.number%2 == 0 || len(u.unsure) > 0 || u.last == 0:
		revision, err = u.writes.Put(attempt, u.key, []byte(value))
	default:
		wrong, e := u.writes.Update(attempt, u.key, []byte("wrong"), u.last-1)
		var refused *jetstream.APIError
		if e == nil || errors.As(e, &refused) && refused.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence {
			u.t.Errorf("an update of %s from revision %d, which is not the last: revision %d, %v", u.key, u.last-1, wrong, e)
		}
		revision, err = u.writes.Update(attempt, u.key, []byte(value), u.last)
	}
	if err != nil {
		var refused *jetstream.APIError
		if errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence && len(u.unsure) == 0 {
			u.t.Errorf("an update of %s from its last revision %d: %v", u.key, u.last, err)
		}
		return false
	}
	if revision <= u.last {
		u.t.Errorf("%s has revision %d after %d", u.key, revision, u.last)
	}
	u.last, u.value = revision, value
	clear(u.unsure)
	return true
}

// look wants to read what was acknowledged last, or a later write of which nobody knows.
func (u *keyUser) look(ctx context.Context) {
	for ctx.Err() == nil {
		attempt, cancel := u.attempt(ctx)
		e, err := u.reads.Get(attempt, u.key)
		cancel()
		if err != nil {
			if errors.Is(err, jetstream.ErrKeyNotFound) && u.last == 0 {
				return
			}
			if errors.Is(err, jetstream.ErrKeyNotFound) {
				u.t.Errorf("%s was written as revision %d, and is not found", u.key, u.last)
				return
			}
			continue // a read that cannot be linearizable fails; the next one may do
		}
		switch value := string(e.Value()); {
		case e.Revision() == u.last && value == u.value:
		case e.Revision() > u.last && u.unsure[value]:
			u.last, u.value = e.Revision(), value
		default:
			u.t.Errorf("%s is %q at revision %d; %q was acknowledged as revision %d, and unanswered are %v",
				u.key, value, e.Revision(), u.value, u.last, u.unsure)
		}
		return
	}
}

// TestKeysWhileLeadersAreKilled is what Synod is for: whoever writes through an unmodified
// nats.go reads the new value at once from any other connection, every time, while the
// process that leads is killed again and again. A learner that lost its disk takes a
// fellow's state meanwhile.
func TestKeysWhileLeadersAreKilled(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	bucket := func() jetstream.KeyValue {
		js, err := jetstream.NewWithAPIPrefix(c.connect(), "synod.main.api")
		if err != nil {
			t.Fatal(err)
		}
		kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "config", History: 5})
		if err != nil {
			t.Fatal(err)
		}
		return kv
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	written := make(chan struct{})
	var users sync.WaitGroup
	for i := range 4 {
		u := &keyUser{t: t, key: "key." + strconv.Itoa(i), writes: bucket(), reads: bucket(), unsure: map[string]bool{}, written: written}
		users.Go(func() { u.run(ctx) })
	}
	total := 0
	await := func(n int) {
		t.Helper()
		timeout := time.After(patience)
		for range n {
			select {
			case <-written:
				total++
			case <-timeout:
				t.Fatalf("%d writes within %s, want %d", total, patience, n)
			}
		}
	}
	kill := func() {
		t.Helper()
		await(50)
		leader := c.leader()
		c.kill(leader)
		await(50)
		c.start(leader)
	}
	for range 3 {
		kill()
	}
	// Once acceptors have forgotten the beginning of the log, only a fellow has its state.
	for trimmed := false; !trimmed; {
		await(50)
		for _, a := range c.status().Acceptors {
			trimmed = trimmed || a.AcceptorReport != nil && a.TrimBelow > 1
		}
	}
	c.kill("l2")
	if err := os.RemoveAll(c.data("l2")); err != nil {
		t.Fatal(err)
	}
	l2 := c.start("l2")
	kill()
	for installed := false; !installed; {
		await(20)
		installed = l2.said("snapshot received")
	}
	await(100)
	go func() { // the users write on until they are told to stop
		for range written {
		}
	}()
	stop()
	users.Wait()
	close(written)
	t.Logf("%d writes", total)
	c.awaitReady()
	c.settle()
}
