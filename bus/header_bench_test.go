package bus

import (
	"testing"

	"github.com/nats-io/nats.go"
)

func BenchmarkEncodeHeader(b *testing.B) {
	for name, h := range map[string]nats.Header{
		"id":       {nats.MsgIdHdr: {"abcdefghijklmnop-12345678"}},
		"id_trace": {nats.MsgIdHdr: {"abcdefghijklmnop-12345678"}, TraceHeader: {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				EncodeHeader(h)
			}
		})
	}
}
