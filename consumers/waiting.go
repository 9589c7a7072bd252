package consumers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A pull is one request for messages.
type pull struct {
	inbox     string
	batch     int // messages that it still wants
	delivered int
	bytes     int // that it still takes; 0: any
	noWait    bool
	expires   time.Time // zero: never
	heartbeat time.Duration
	beat      time.Time // when the next heartbeat is due
	came      time.Time
}

// waiting is the requests of a pull consumer, the oldest first.
type waiting struct{ requests []*pull }

// errHeld ends a turn: who should get the next message cannot take it now.
var errHeld = errors.New("consumers: held back")

// graceTime is how long a request may wait for its inbox to show up: the server tells
// of a subscription a moment after it lets a request through.
const graceTime = 2 * time.Second

// nextRequest is JetStream's form of a request.
type nextRequest struct {
	Expires   time.Duration `json:"expires"`
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes"`
	NoWait    bool          `json:"no_wait"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

// parsePull reads a request: JSON, a number of messages, or nothing, for one.
func parsePull(inbox string, data []byte, now time.Time) (*pull, error) {
	data = bytes.TrimSpace(data)
	r := nextRequest{Batch: 1}
	if len(data) > 0 && data[0] == '{' {
		r.Batch = 0
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, err
		}
		if r.Heartbeat > 0 && r.Heartbeat > r.Expires/2 {
			return nil, errors.New("heartbeat value too large")
		}
	} else if n, err := strconv.Atoi(string(data)); err == nil {
		r.Batch = n
	}
	p := &pull{inbox: inbox, batch: max(r.Batch, 1), bytes: max(r.MaxBytes, 0), noWait: r.NoWait, heartbeat: r.Heartbeat, came: now}
	if r.Expires > 0 {
		p.expires = now.Add(r.Expires)
	}
	if p.heartbeat > 0 {
		p.beat = now.Add(p.heartbeat)
	}
	return p, nil
}

// add takes a request, or answers why not.
func (w *waiting) add(c *consumer, p *pull, now time.Time) {
	c.used = now
	limits := &c.config
	switch {
	case limits.MaxRequestBatch > 0 && p.batch > limits.MaxRequestBatch:
		c.status(p, 409, fmt.Sprintf("Exceeded MaxRequestBatch of %d", limits.MaxRequestBatch), false)
	case limits.MaxRequestExpires > 0 && p.expires.Sub(now) > limits.MaxRequestExpires:
		c.status(p, 409, fmt.Sprintf("Exceeded MaxRequestExpires of %v", limits.MaxRequestExpires), false)
	case limits.MaxRequestMaxBytes > 0 && p.bytes > limits.MaxRequestMaxBytes:
		c.status(p, 409, fmt.Sprintf("Exceeded MaxRequestMaxBytes of %v", limits.MaxRequestMaxBytes), false)
	case len(w.requests) >= limits.MaxWaiting:
		if p.heartbeat == 0 { // others notice by themselves, and must not ask at once
			c.status(p, 409, "Exceeded MaxWaiting", false)
		}
	case !c.service.hold(p.weight()):
		c.status(p, 409, "Exceeded MaxWaiting", false)
	default:
		w.requests = append(w.requests, p)
	}
}

// weight is about how many bytes of memory p takes.
func (p *pull) weight() int { return 256 + len(p.inbox) }

// drop forgets the oldest request.
func (w *waiting) drop(c *consumer) {
	c.service.hold(-w.requests[0].weight())
	w.requests = w.requests[1:]
}

// status answers a request with a status; left: with what it still wanted.
func (c *consumer) status(p *pull, code int, description string, left bool) {
	more := ""
	if left {
		more = fmt.Sprintf("Nats-Pending-Messages: %d\r\nNats-Pending-Bytes: %d\r\n", p.batch, p.bytes)
	}
	c.service.pushStatus(p.inbox, code, description, more)
}

// ready reports whether the oldest request can take a message now.
func (w *waiting) ready(c *consumer, now time.Time) bool {
	w.expire(c, now)
	return len(w.requests) > 0 && c.service.listens(w.requests[0].inbox)
}

// inbox is where a message of this size goes, or errHeld.
func (w *waiting) inbox(c *consumer, size int, now time.Time) (string, error) {
	for w.ready(c, now) {
		p := w.requests[0]
		if p.bytes == 0 || size <= p.bytes {
			return p.inbox, nil
		}
		c.status(p, 409, "Message Size Exceeds MaxBytes", true)
		w.drop(c)
	}
	return "", errHeld
}

// sent notes that the oldest request got a message.
func (w *waiting) sent(c *consumer, size int, now time.Time) {
	p := w.requests[0]
	p.delivered++
	p.batch--
	if p.heartbeat > 0 {
		p.beat = now.Add(p.heartbeat)
	}
	limited := p.bytes > 0
	if limited {
		p.bytes -= size
	}
	switch {
	case p.batch <= 0:
		w.drop(c)
		if limited && p.bytes > 0 {
			c.status(p, 409, "Batch Completed", true)
		}
	case limited && p.bytes <= 0:
		w.drop(c)
		c.status(p, 409, "Message Size Exceeds MaxBytes", true)
	}
	c.used = now
}

// keep drops the requests that keep refuses.
func (w *waiting) keep(c *consumer, keep func(*pull) bool) {
	kept := w.requests[:0]
	for _, p := range w.requests {
		if keep(p) {
			kept = append(kept, p)
		} else {
			c.service.hold(-p.weight())
		}
	}
	clear(w.requests[len(kept):])
	w.requests = kept
}

// expire ends the requests whose time is over, and those nobody waits for any more.
func (w *waiting) expire(c *consumer, now time.Time) {
	w.keep(c, func(p *pull) bool {
		switch {
		case !p.expires.IsZero() && now.After(p.expires):
			c.status(p, 408, "Request Timeout", true)
			return false
		case now.Sub(p.came) > graceTime && !c.service.listens(p.inbox):
			return false
		}
		return true
	})
}

// endOfStream ends the requests that do not want to wait.
func (w *waiting) endOfStream(c *consumer, now time.Time) {
	w.keep(c, func(p *pull) bool {
		if p.noWait && (p.expires.IsZero() || p.delivered > 0) {
			c.status(p, 404, "No Messages", false)
			return false
		}
		return true
	})
}

// tick does what is due: requests end, and those who asked for it hear that all is well.
func (w *waiting) tick(c *consumer, now time.Time) {
	before := len(w.requests)
	w.expire(c, now)
	if len(w.requests) > 0 {
		c.used = now
		if len(w.requests) < before {
			c.service.enqueue(c) // the oldest may be another one
		}
	}
	for _, p := range w.requests {
		if p.heartbeat > 0 && now.After(p.beat) && c.beat(p.inbox, c.dseq, "") == nil {
			p.beat = now.Add(p.heartbeat)
		}
	}
}

// end tells all that wait that the consumer is gone.
func (w *waiting) end(c *consumer, description string) {
	for _, p := range w.requests {
		c.status(p, 409, description, true)
	}
	w.clear(c)
}

// clear forgets all requests.
func (w *waiting) clear(c *consumer) { w.keep(c, func(*pull) bool { return false }) }
