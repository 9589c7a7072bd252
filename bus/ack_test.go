package bus

import (
	"encoding/json"
	"math"
	"testing"
)

// FuzzParsePlainAck: what the short way takes, the JSON decoder reads alike.
func FuzzParsePlainAck(f *testing.F) {
	for _, text := range []string{
		`{"stream":"LEDGER","seq":57}`, `{"stream":"KV_a","seq":1,"duplicate":true}`, `{"stream":"LEDGER","seq":057}`,
		`{"stream":"LEDGER","seq":18446744073709551615}`, `{"stream":"LEDGER","seq":}`, `{"stream":"","seq":1}`, `{"stream":"a\\u0041","seq":1}`,
		`{"stream":"LEDGER","seq":1,"duplicate":true,"seq":2}`, `{"stream":"LEDGER","seq":1.5}`, `{"error":{"code":503}}`, `{"stream":"\xff","seq":1}`, "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		short, ok := parsePlainAck(data)
		if !ok {
			return
		}
		var long Ack
		if err := json.Unmarshal(data, &long); err != nil || long != short {
			t.Errorf("%s is %+v in short, and %+v (%v)", data, short, long, err)
		}
	})
}

// TestPlainAcks: what learners write is read the short way.
func TestPlainAcks(t *testing.T) {
	for _, a := range []Ack{{Stream: "LEDGER", Seq: 1}, {Stream: "KV_config", Seq: math.MaxInt64, Duplicate: true}} {
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := parsePlainAck(data); !ok || got != a {
			t.Errorf("%s is %+v, %v", data, got, ok)
		}
	}
}

func BenchmarkParseAck(b *testing.B) {
	data := []byte(`{"stream":"LEDGER","seq":1234567}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseAck(data); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzParseAck: what is taken for an answer names a stream or an error.
func FuzzParseAck(f *testing.F) {
	for _, text := range []string{
		`{"stream":"LEDGER","seq":57}`, `{"error":{"code":503,"err_code":10008,"description":"x","outcome":"unknown"}}`, `{"error":null}`,
		`{"type":"io.nats.jetstream.api.v1.pub_ack_response"}`, `[]`, `{"stream":1}`, "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAck(data)
		if err == nil && a.Stream == "" && a.Error == nil {
			t.Errorf("%q is taken for an answer", data)
		}
	})
}
