package actors

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// TestDropsAreToldOfAgain: who makes up ids without end fills neither memory nor the log,
// and does not silence it for ever. All are counted.
func TestDropsAreToldOfAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		d := dropLog{log: slog.New(slog.NewTextHandler(&out, nil))}
		drop := func(id string, reason paxos.DropReason) {
			d.note([]paxos.Drop{{Reason: reason, From: paxos.Sender{Role: paxos.AcceptorRole, ID: paxos.NodeID(id)}, Msg: paxos.Heartbeat{}}})
		}
		lines := func() int {
			n := strings.Count(out.String(), "\n")
			out.Reset()
			return n
		}
		for round := range 3 {
			for i := range 5000 {
				drop(fmt.Sprint("made-up-", round, "-", i), paxos.Foreign)
			}
			if n := lines(); n != logKinds {
				t.Errorf("round %d: %d lines, want %d", round, n, logKinds)
			}
			<-time.After(logEvery)
			drop("known", paxos.Twin)
			drop("known", paxos.Twin)
			if n := lines(); n != 1 {
				t.Errorf("round %d: %d lines of a known sender, want 1", round, n)
			}
			<-time.After(logEvery)
		}
		if c := d.counts(); c["foreign"] != 15_000 || c["twin"] != 6 {
			t.Errorf("counted %v", c)
		}
	})
}
