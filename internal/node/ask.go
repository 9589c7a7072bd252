package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// askQuiet is how long after the last report no more are expected, once every
// acceptor of the configuration has reported.
const askQuiet = 250 * time.Millisecond

// Ask asks every role of the cluster how it does, and returns the reports, sorted
// by role and id. It waits at most wait, and less when all that must be there
// answered and the others went quiet. No report at all is no error.
func Ask(ctx context.Context, b *bus.Bus, wait time.Duration) ([]Report, error) {
	nc := b.Conn()
	inbox := nc.NewInbox()
	answers := make(chan *nats.Msg, 1024)
	sub, err := nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, fmt.Errorf("ask for status: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the inbox is never used again
	asked := time.Now()
	if err := nc.PublishRequest(b.Subjects().Status(), inbox, nil); err != nil {
		return nil, fmt.Errorf("ask for status: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var reports []Report
	for {
		quiet := time.NewTimer(quietAfter(reports, wait))
		select {
		case m := <-answers:
			quiet.Stop()
			if m.Header.Get("Status") == "503" {
				return nil, nil // nobody listens
			}
			r, err := parseReport(m.Data)
			if err != nil {
				return nil, err
			}
			r.asked, r.heard = asked, time.Now()
			reports = append(reports, r)
			continue
		case <-quiet.C:
		case <-ctx.Done():
			quiet.Stop()
		}
		slices.SortFunc(reports, compareReports)
		if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return reports, err
		}
		return reports, nil
	}
}

func parseReport(data []byte) (Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("a status of %d bytes: %w", len(data), err)
	}
	return r, nil
}

func compareReports(a, b Report) int {
	return slices.Compare([]string{a.Role, string(a.ID), a.Process}, []string{b.Role, string(b.ID), b.Process})
}

// quietAfter is how long to wait for the next report: long while an acceptor of
// the configuration, a proposer or a learner is missing.
func quietAfter(reports []Report, wait time.Duration) time.Duration {
	seen := map[string]bool{}
	var expected *Configuration
	for i := range reports {
		r := &reports[i]
		seen[r.Role] = true
		seen[r.Role+" "+string(r.ID)] = true
		if r.Configuration != nil {
			expected = r.Configuration
		}
	}
	if expected == nil || !seen["proposer"] || !seen["learner"] {
		return wait
	}
	for _, m := range expected.Acceptors {
		if !seen["acceptor "+string(m.ID)] {
			return wait
		}
	}
	return askQuiet
}
