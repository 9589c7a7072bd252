package streams

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const benchBatch = 100

// BenchmarkApplyLedger appends 128-byte messages, 100 to a slot, on the file
// system of the machine. ns/op, B/op and allocs/op are for one message.
func BenchmarkApplyLedger(b *testing.B) {
	data := []byte(strings.Repeat("x", 128))
	benchmarkApply(b, nil, func(i int) Message { return Message{Subject: "propose", Data: data} })
}

// BenchmarkApplyLedgerWithID is BenchmarkApplyLedger with a Nats-Msg-Id each.
func BenchmarkApplyLedgerWithID(b *testing.B) {
	data := []byte(strings.Repeat("x", 128))
	benchmarkApply(b, nil, func(i int) Message {
		return Message{Subject: "propose", Header: fmt.Appendf(nil, "NATS/1.0\r\nNats-Msg-Id: %024d\r\n\r\n", i), Data: data}
	})
}

// BenchmarkApplyPut puts 100-byte values to 100,000 keys of a bucket, round-robin, and to
// 4096.
func BenchmarkApplyPut(b *testing.B) {
	for _, c := range []struct{ history, keys int }{{1, 100_000}, {8, 100_000}, {1, 4096}} {
		b.Run(fmt.Sprintf("history=%d,keys=%d", c.history, c.keys), func(b *testing.B) {
			data := []byte(strings.Repeat("x", 100))
			benchmarkApply(b, bucketConfig("b", fmt.Sprintf(`"max_msgs_per_subject":%d`, c.history)), func(i int) Message {
				return Message{Subject: fmt.Sprintf("api.$KV.b.key-%06d", i*7919%c.keys), Data: data}
			})
		})
	}
}

func bucketConfig(name, more string) *Message {
	return &Message{
		Subject: "api.STREAM.CREATE.KV_" + name,
		Data: fmt.Appendf(nil, `{"name":"KV_%s","subjects":["$KV.%s.>"],"discard":"new","allow_direct":true,"deny_delete":true,"allow_rollup_hdrs":true,%s}`,
			name, name, more),
	}
}

func benchmarkApply(b *testing.B, setup *Message, command func(i int) Message) {
	m, err := Open(b.TempDir(), Options{FS: vfs.Default, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			b.Error(err)
		}
	}()
	slot := uint64(0)
	apply := func(commands []Message) {
		slot++
		if _, err := m.Apply(slot, int64(slot), commands); err != nil {
			b.Fatal(err)
		}
	}
	apply([]Message{upgradeTo(MaxVersion)})
	if setup != nil {
		apply([]Message{*setup})
	}
	commands := make([]Message, benchBatch)
	b.ReportAllocs()
	for i := 0; i < b.N; {
		n := min(benchBatch, b.N-i)
		b.StopTimer()
		for j := range n {
			commands[j] = command(i + j)
		}
		b.StartTimer()
		apply(commands[:n])
		i += n
	}
}
