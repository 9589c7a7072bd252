package actors

import (
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// dropLog counts the messages that a role did not take, and logs one of each
// kind now and then.
type dropLog struct {
	log    *slog.Logger
	mu     sync.Mutex
	count  map[string]uint64
	logged map[string]time.Time
}

// logEvery is the shortest time between two log lines of one kind.
const logEvery = 10 * time.Second

func (d *dropLog) note(drops []paxos.Drop) {
	if len(drops) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == nil {
		d.count, d.logged = map[string]uint64{}, map[string]time.Time{}
	}
	for _, p := range drops {
		reason := p.Reason.String()
		d.count[reason]++
		if p.Reason == paxos.Stale || p.Reason == paxos.Unfounded {
			continue // late messages are as normal as lost ones, and so are those before the cluster is known
		}
		kind := fmt.Sprintf("%s %s %s", reason, p.From.ID, fmt.Sprintf("%T", p.Msg))
		if now := time.Now(); len(d.logged) < 1000 && now.Sub(d.logged[kind]) >= logEvery {
			d.logged[kind] = now
			d.log.Warn("message dropped", "reason", reason, "from", p.From.ID, "role", p.From.Role.String(),
				"message", fmt.Sprintf("%T", p.Msg), "disk", p.From.Disk.String(), "boot", p.From.Boot)
		}
	}
}

func (d *dropLog) counts() map[string]uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.count)
}
