package storage_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

// BenchmarkAppend is the durable write of one group on the disk under TMPDIR.
// A votes/s figure is a rate, us/sync the time of one Append.
func BenchmarkAppend(b *testing.B) {
	for _, cover := range []struct {
		name  string
		after time.Duration
	}{{"lazy", 0}, {"strict", -1}} {
		for _, group := range []int{1, 10, 100} {
			for _, size := range []int{128, 4096} {
				b.Run(fmt.Sprintf("cover=%s/votes=%d/bytes=%d", cover.name, group, size), func(b *testing.B) {
					benchmarkAppend(b, storage.Options{CoverAfter: cover.after}, group, size)
				})
			}
		}
	}
}

func benchmarkAppend(b *testing.B, o storage.Options, group, size int) {
	a, err := storage.OpenAcceptor(b.TempDir(), "a1", o)
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, size)
	ballot := paxos.Ballot{Round: 1, Proposer: "p1", Incarnation: 1 << 60}
	records := make([]paxos.Record, group)
	next := paxos.Slot(1)
	b.ReportAllocs()
	for b.Loop() {
		for i := range records {
			records[i] = paxos.Voted{
				Vote:        paxos.Vote{Slot: next, Ballot: ballot, Value: paxos.Value{Kind: paxos.Batch, Stamp: paxos.LogTime(next), Answerer: "l1", Body: body}},
				ChosenBelow: next,
			}
			next++
		}
		if err := a.Append(records); err != nil {
			b.Fatal(err)
		}
	}
	m := a.Metrics()
	b.ReportMetric(float64(m.Votes)/b.Elapsed().Seconds(), "votes/s")
	b.ReportMetric(float64(m.Votes)*float64(size)/1e6/b.Elapsed().Seconds(), "MB/s")
	b.ReportMetric(float64(m.Covers)/float64(m.Appends), "covers/op")
	b.ReportMetric(float64(m.Recycled), "recycled")
	if err := a.Close(); err != nil {
		b.Fatal(err)
	}
}
