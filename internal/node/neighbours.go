package node

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/synod-paxos/synod/bus"
)

// neighbourTime is how long other clusters are waited for.
const neighbourTime = 250 * time.Millisecond

// Neighbours is the names of the clusters whose roles answer on b's NATS system, for who
// finds nobody in the one that was named. It is best effort: whoever may not ask finds none.
func Neighbours(b *bus.Bus) []string {
	nc := b.Conn()
	sub, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return nil
	}
	defer func() { _ = sub.Unsubscribe() }() // the inbox is never used again
	if nc.PublishRequest("$SRV.PING", sub.Subject, nil) != nil {
		return nil
	}
	names := map[string]bool{}
	for end := time.Now().Add(neighbourTime); ; {
		m, err := sub.NextMsg(time.Until(end))
		if err != nil {
			return slices.Sorted(maps.Keys(names))
		}
		var s micro.Ping
		if json.Unmarshal(m.Data, &s) == nil && s.Metadata["cluster"] != "" {
			names[s.Metadata["cluster"]] = true
		}
	}
}
