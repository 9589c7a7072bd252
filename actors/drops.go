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
	last   map[string]LastDrop
	logged map[string]bool // kinds that were told of since
	since  time.Time
}

// LastDrop is the last message that was not taken for some reason.
type LastDrop struct {
	From paxos.Sender
	At   time.Time
}

// One of each kind of message is told of in so much time, and of so many kinds.
const (
	logEvery = 10 * time.Second
	logKinds = 100
)

func (d *dropLog) note(drops []paxos.Drop) {
	if len(drops) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == nil {
		d.count, d.last = map[string]uint64{}, map[string]LastDrop{}
	}
	now := time.Now()
	if d.logged == nil || now.Sub(d.since) >= logEvery {
		d.logged, d.since = map[string]bool{}, now
	}
	for _, p := range drops {
		reason := p.Reason.String()
		d.count[reason]++
		d.last[reason] = LastDrop{p.From, now}
		if p.Reason == paxos.Stale || p.Reason == paxos.Unfounded {
			continue // late messages are as normal as lost ones, and so are those before the cluster is known
		}
		kind := fmt.Sprintf("%s %s %s", reason, p.From.ID, fmt.Sprintf("%T", p.Msg))
		if len(d.logged) < logKinds && !d.logged[kind] {
			d.logged[kind] = true
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

func (d *dropLog) lasts() map[string]LastDrop {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.last)
}
