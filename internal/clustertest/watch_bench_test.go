package clustertest

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// watchers is how many watch one bucket.
const watchers = 1000

// heap is the memory in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkThousandWatchers puts values into a bucket that many watch, one after the
// other: ns/op is the time from the beginning of a put until the last watcher has its
// update. Memory is that of a watcher in client, NATS server and learner together.
func BenchmarkThousandWatchers(b *testing.B) {
	server := bustest.ServerWith(b, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})
	c := Start(b, Size{Acceptors: 3, Proposers: 1, Learners: 2, Leaf: []string{server.LeafURL()}}, server.URL())
	c.AwaitLeader()
	c.awaitPaths()
	nc := c.Connect().Conn()
	js, err := jetstream.NewWithAPIPrefix(nc, Subjects.API("")[:len(Subjects.API(""))-1])
	if err != nil {
		b.Fatal(err)
	}
	var kv jetstream.KeyValue
	c.Await("a bucket", func() bool {
		kv, err = js.CreateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: "b"})
		return err == nil
	})
	before := heap()
	arrived := make(chan *nats.Msg, 2*watchers)
	for i := range watchers {
		inbox := nc.NewInbox()
		if _, err := nc.ChanSubscribe(inbox, arrived); err != nil {
			b.Fatal(err)
		}
		request := fmt.Sprintf(`{"stream_name":"KV_b","config":{"deliver_policy":"last_per_subject","ack_policy":"none","filter_subject":"$KV.b.>",
			"replay_policy":"instant","flow_control":true,"idle_heartbeat":5000000000,"deliver_subject":%q}}`, inbox)
		m, err := nc.Request(Subjects.API(fmt.Sprintf("CONSUMER.CREATE.KV_b.w%d.$KV.b.>", i)), []byte(request), 10*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		var answer struct{ Error *bus.Error }
		if err := json.Unmarshal(m.Data, &answer); err != nil || answer.Error != nil {
			b.Fatalf("watcher %d: %v %v", i, err, answer.Error)
		}
	}
	memory := float64(heap()-before) / watchers
	var delays []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := kv.Put(b.Context(), "key", []byte("value")); err != nil {
			b.Fatal(err)
		}
		for n := 0; n < watchers; {
			if m := <-arrived; len(m.Data) > 0 {
				n++
				delays = append(delays, time.Since(start))
			}
		}
	}
	slices.Sort(delays)
	b.ReportMetric(float64(delays[len(delays)/2].Microseconds())/1e3, "ms-median")
	b.ReportMetric(float64(delays[len(delays)*99/100].Microseconds())/1e3, "ms-p99")
	b.ReportMetric(memory, "B/watcher")
}
