package consumers

import (
	"testing"
	"time"
)

// FuzzPull: whatever a client asks for, a request is for a message at least, and beats no
// more often than it may.
func FuzzPull(f *testing.F) {
	for _, text := range []string{
		"", "10", "-1", `{"batch":3,"expires":30000000000,"max_bytes":-5,"idle_heartbeat":1000000000}`, `{"no_wait":true}`,
		`{"batch":1,"expires":1,"idle_heartbeat":4611686018427387904}`, `{"expires":9223372036854775807}`, `{"batch":"x"}`, "{",
	} {
		f.Add([]byte(text))
	}
	now := time.Unix(1_700_000_000, 0)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePull("_INBOX.x", data, now)
		if err != nil {
			return
		}
		if p.batch < 1 || p.bytes < 0 || !p.expires.IsZero() && p.expires.Before(now) {
			t.Errorf("%q asks for %+v", data, p)
		}
		if p.heartbeat > 0 && (p.expires.IsZero() || p.beat.After(p.expires)) {
			t.Errorf("%q beats first at %v, after its end at %v", data, p.beat, p.expires)
		}
	})
}
