package clustertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus/bustest"
)

// reader is the bucket over a connection of its own, which may use any learner.
func reader(t *testing.T, url string) jetstream.KeyValue {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.NewWithAPIPrefix(nc, Subjects.Root()+"api")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	kv, err := js.KeyValue(ctx, "test")
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// TestReadAtOnce: what NATS's own client has written and updated is read at once over
// another connection, every time, while leaders are killed; a wrong revision never
// writes. The errors while nobody leads are those of NATS and of time, and no old value.
func TestReadAtOnce(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	c := Start(t, small, url)
	c.AwaitLeader()
	write, read := c.Bucket(url), reader(t, url)
	rounds := 0
	for kills := 0; kills <= 3; {
		rounds++
		value := fmt.Sprint("value ", rounds)
		revision, ok := c.tryUpdate(write, value)
		if !ok {
			continue // nobody leads, or its outcome is unknown
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		entry, err := read.Get(ctx, "key")
		switch {
		case err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, jetstream.ErrNoStreamResponse):
			t.Errorf("round %d: %v", rounds, err)
		case err == nil && (entry.Revision() != revision || string(entry.Value()) != value):
			t.Errorf("round %d: read %q at revision %d just after %q at %d", rounds, entry.Value(), entry.Revision(), value, revision)
		}
		if _, err := write.Update(ctx, "key", []byte("wrong"), revision-1); err == nil {
			t.Errorf("round %d: an update of an old revision is done", rounds)
		}
		cancel()
		if rounds%25 == 0 {
			if kills++; kills <= 3 {
				leader := c.AwaitLeader()
				c.Stop(leader)
				c.StartRole(leader)
			}
		}
	}
	t.Logf("%d rounds", rounds)
}

// tryUpdate writes with the revision that the key has, and reports whether that is done.
func (c *Cluster) tryUpdate(kv jetstream.KeyValue, value string) (revision uint64, ok bool) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
	defer cancel()
	entry, err := kv.Get(ctx, "key")
	if err != nil {
		return 0, false
	}
	revision, err = kv.Update(ctx, "key", []byte(value), entry.Revision())
	return revision, err == nil
}
