package clustertest

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

// TestAFlippedByte in the state of a learner is found under load, and mended without
// anybody's help but that of who starts stopped processes again. Of two learners
// neither can be believed: both go back to the last state that was the same. Of three,
// the one that differs from the others does.
func TestAFlippedByte(t *testing.T) {
	t.Parallel()
	for _, learners := range []int{2, 3} {
		t.Run(string(rune('0'+learners))+" learners", func(t *testing.T) { flipAByte(t, learners) })
	}
}

func flipAByte(t *testing.T, learners int) {
	url := bustest.Server(t).URL()
	c := Start(t, Size{Acceptors: 3, Proposers: 1, Learners: learners}, url)
	c.AwaitLeader()
	bucket := c.Bucket(url)
	load := c.StartLoad(16)
	ids := []paxos.NodeID{"l1", "l2", "l3"}[:learners]
	c.Await("a state to go back to", func() bool {
		return c.Role("l1").Report().Learner.Kept > 0 && c.Role("l2").Report().Learner.Kept > 0
	})
	c.Stop("l1")
	flipSubjectRecord(t, filepath.Join(c.Data("l1"), "state"), "$KV.test.key")
	c.StartRole("l1")
	c.Await("l1 to catch up", func() bool { return c.Role("l1").Report().Learner.Lag < 100 })
	c.put(bucket, "changed") // which makes the flipped byte count

	revived := map[paxos.NodeID]int{}
	revive := func() {
		for _, id := range ids {
			if failed, why := c.Revive(id); failed {
				t.Logf("%s: %v", id, why)
				revived[id]++
			}
		}
	}
	c.Await("those concerned to stop", func() bool {
		revive()
		return revived["l1"] > 0 && (learners > 2 || revived["l2"] > 0)
	})
	from := c.Role("l1").Report().Learner.Applied
	acked := load.Acked()
	c.Await("states that agree again", func() bool {
		revive()
		for _, id := range ids {
			if c.Role(id).Report().Learner.Kept <= from {
				return false
			}
		}
		return load.Acked() > acked+100
	})
	if learners > 2 && revived["l2"]+revived["l3"] > 0 {
		t.Errorf("learners that agree stopped: %v", revived)
	}
	load.Stop()
	if entry, err := bucket.Get(t.Context(), "key"); err != nil || string(entry.Value()) != "changed" {
		t.Errorf("key is %v, %v", entry, err)
	}
	load.Check(100, ids...)
}

// Bucket is a bucket of the cluster with one key.
func (c *Cluster) Bucket(url string) jetstream.KeyValue {
	c.t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	js, err := jetstream.NewWithAPIPrefix(nc, Subjects.Root()+"api")
	if err != nil {
		c.t.Fatal(err)
	}
	var bucket jetstream.KeyValue
	c.Await("a bucket", func() bool {
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		defer cancel()
		bucket, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "test"})
		return err == nil
	})
	c.put(bucket, "first")
	return bucket
}

func (c *Cluster) put(bucket jetstream.KeyValue, value string) {
	c.t.Helper()
	c.Await("a put", func() bool {
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
		defer cancel()
		_, err := bucket.PutString(ctx, "key", value)
		return err == nil
	})
}

// flipSubjectRecord changes one byte of the record of a subject, in the database of a
// learner that does not run: the last one, which is of the digest of its last message.
func flipSubjectRecord(t *testing.T, dir, subject string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "state-*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("databases %v, %v", names, err)
	}
	db, err := pebble.Open(names[0], &pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{0x22}, UpperBound: []byte{0x23}})
	if err != nil {
		t.Fatal(err)
	}
	var key, value []byte
	for ok := it.First(); ok; ok = it.Next() {
		if bytes.HasSuffix(it.Key(), []byte(subject)) {
			key, value = bytes.Clone(it.Key()), bytes.Clone(it.Value())
		}
	}
	if err := it.Close(); err != nil || key == nil {
		t.Fatalf("no record of %s, %v", subject, err)
	}
	value[len(value)-1] ^= 1
	if err := db.Set(key, value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
