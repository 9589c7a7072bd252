package consumers

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// pushStatus sends a status in the form that clients of all languages read, in the
// first line of the header. more is further lines, each with its line break. Without a
// connection of its own it goes as nats.go sends it, as header lines. One that is lost
// is asked for again.
func (v *Service) pushStatus(inbox string, code int, description, more string) {
	s := status{inbox, code, oneLine(description), more}
	switch {
	case v.link == nil:
		v.sendLines(&s)
	case v.options.Leaf == nil || v.link.Listens(inbox):
		v.send(&s)
	default:
		v.sendSoon(&s)
	}
}

type status struct {
	inbox       string
	code        int
	description string
	more        string
}

// send pushes a status, and falls back to nats.go.
func (v *Service) send(s *status) {
	header := fmt.Sprintf("NATS/1.0 %d %s\r\n%s\r\n", s.code, s.description, s.more)
	if v.link.Push(s.inbox, "", []byte(header), nil) != nil {
		v.sendLines(s)
	}
}

// sendLines sends a status with nats.go.
func (v *Service) sendLines(s *status) {
	m := &nats.Msg{Subject: s.inbox, Header: nats.Header{"Status": {fmt.Sprint(s.code)}, "Description": {s.description}}}
	for line := range strings.SplitSeq(strings.TrimSuffix(s.more, "\r\n"), "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			m.Header[name] = append(m.Header[name], value)
		}
	}
	if err := v.bus.Conn().PublishMsg(m); err != nil {
		v.quiet.Do(func() { v.options.Log.Warn("status not sent", "err", err) })
	}
}

// soonTime is how long the server may take to tell of an inbox whose first request is
// here already.
const soonTime = 100 * time.Millisecond

// sendSoon sends a status to an inbox that is not known, or may not be pushed to.
func (v *Service) sendSoon(s *status) {
	v.ending.Lock()
	defer v.ending.Unlock()
	if v.ended {
		v.sendLines(s)
		return
	}
	v.work.Go(func() {
		ticker := time.NewTicker(soonTime / 20)
		defer ticker.Stop()
		for range 20 {
			if v.link.Listens(s.inbox) {
				v.send(s)
				return
			}
			select {
			case <-ticker.C:
			case <-v.ctx.Done():
			}
		}
		v.sendLines(s)
	})
}

var breaks = strings.NewReplacer("\r", " ", "\n", " ")

func oneLine(text string) string { return breaks.Replace(text) }
