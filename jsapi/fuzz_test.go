package jsapi

import (
	"strings"
	"testing"

	"github.com/synod-paxos/synod/bus"
)

// FuzzFind: a subject is served by an operation whose own subject it matches.
func FuzzFind(f *testing.F) {
	s := bus.Subjects{Prefix: "synod", Cluster: "main"}
	for _, text := range []string{
		"INFO", "STREAM.INFO.KV_a", "STREAM.INFO.", "DIRECT.GET.KV_a", "DIRECT.GET.KV_a.$KV.a.b", "CONSUMER.CREATE.S.c.f.>", "..", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		i, tail := find(s, "synod.main.api."+text)
		if i < 0 {
			return
		}
		fixed, _, _ := strings.Cut(operations[i].subject, "*")
		if fixed+tail != text {
			t.Errorf("%q is served by %q with %q", text, operations[i].subject, tail)
		}
	})
}
