package consumers

import (
	"strconv"
	"time"

	"github.com/synod-paxos/synod/streams"
)

// key names a consumer of this learner.
type key struct{ stream, name string }

// consumer is one consumer. All of it but what never changes is guarded by the
// service's mutex.
type consumer struct {
	key
	service *Service
	group   *group
	config  Config
	filters []string
	created time.Time
	number  uint64 // of this service; never used again
	slot    uint64 // of the view that it was made from

	cursor cursor
	dseq   uint64 // messages that were delivered
	sseq   uint64 // stream sequence of the last of them
	queued bool   // waits for a turn
	idle   bool   // had all that there was at its last turn
	gone   bool   // deleted

	sent     time.Time // when something was sent last
	used     time.Time // when somebody last listened to it, or asked for more
	listened bool      // push: somebody listens

	window window  // push
	wait   waiting // pull
}

func (c *consumer) push() bool { return c.config.DeliverSubject != "" }

// Sequences are a consumer's and a stream's.
type Sequences struct {
	Consumer uint64 `json:"consumer_seq"`
	Stream   uint64 `json:"stream_seq"`
}

// Info describes a consumer, in JetStream's JSON form and order.
type Info struct {
	Stream         string    `json:"stream_name"`
	Name           string    `json:"name"`
	Created        time.Time `json:"created"`
	Config         *Config   `json:"config,omitempty"`
	Delivered      Sequences `json:"delivered"`
	AckFloor       Sequences `json:"ack_floor"`
	NumAckPending  int       `json:"num_ack_pending"`
	NumRedelivered int       `json:"num_redelivered"`
	NumWaiting     int       `json:"num_waiting"`
	NumPending     uint64    `json:"num_pending"`
	PushBound      bool      `json:"push_bound,omitempty"`
	Time           time.Time `json:"ts"`
}

// info describes c as it is in a view.
func (c *consumer) info(view *streams.View) (*Info, error) {
	pending, err := c.cursor.pending(view)
	if err != nil {
		return nil, err
	}
	config := c.config
	at := Sequences{Consumer: c.dseq, Stream: c.sseq}
	return &Info{
		Stream: c.stream, Name: c.name, Created: c.created, Config: &config,
		Delivered: at, AckFloor: at, NumWaiting: len(c.wait.requests), NumPending: pending,
		PushBound: c.push() && c.service.listens(c.config.DeliverSubject), Time: time.Now().UTC(),
	}, nil
}

// turn lets c send what it may from view, and reports whether it has more to send.
func (c *consumer) turn(view *streams.View, now time.Time) (more bool, err error) {
	if c.gone || !c.ready(now) {
		return false, nil
	}
	part, err := c.cursor.read(view, c.group)
	if err != nil {
		return false, err
	}
	for i, m := range part.messages[:part.deliver] {
		if err := c.deliver(m, part.left(i), now); err != nil {
			part.putBack(i)
			c.idle = false
			return c.service.halted(c, err), nil
		}
	}
	c.idle = part.done
	if part.done && !c.push() {
		c.wait.endOfStream(c, now)
	}
	return !part.done, nil
}

// ready reports whether c may send at all.
func (c *consumer) ready(now time.Time) bool {
	if c.push() {
		return c.hears(now) && !c.window.closed()
	}
	return c.wait.ready(c, now)
}

// hears finds out whether somebody listens to a push consumer.
func (c *consumer) hears(now time.Time) bool {
	listened := c.service.listens(c.config.DeliverSubject)
	if listened {
		c.used = now
	}
	if listened && !c.listened {
		c.sent = now // heartbeats are counted from here
	}
	c.listened = listened
	return listened
}

// deliver sends one message; left is how many come after it.
func (c *consumer) deliver(m *streams.StoredMessage, left uint64, now time.Time) error {
	header, data := m.Header, m.Data
	if c.config.HeadersOnly {
		header, data = headersOnly(m), nil
	}
	ack := c.ack(m, left)
	size := len(m.Subject) + len(ack) + len(header) + len(data)
	inbox, err := c.inbox(size, now)
	if err != nil {
		return err
	}
	if err := c.service.link.Push(inbox, ack+"@"+m.Subject, header, data); err != nil {
		return err
	}
	c.dseq, c.sseq, c.sent = c.dseq+1, m.Seq, now
	c.service.delivered.Add(1)
	if c.push() {
		c.window.sent(c, size)
	} else {
		c.wait.sent(c, size, now)
	}
	return nil
}

// inbox is where the next message goes.
func (c *consumer) inbox(size int, now time.Time) (string, error) {
	if !c.push() {
		return c.wait.inbox(c, size, now)
	}
	if c.window.closed() {
		return "", errHeld
	}
	return c.config.DeliverSubject, nil
}

// ack is the reply that tells a client all about a message.
func (c *consumer) ack(m *streams.StoredMessage, left uint64) string {
	b := make([]byte, 0, 128)
	b = append(append(b, "$JS.ACK."...), c.stream...)
	b = append(append(b, '.'), c.name...)
	b = append(b, ".1."...)
	b = append(strconv.AppendUint(b, m.Seq, 10), '.')
	b = append(strconv.AppendUint(b, c.dseq+1, 10), '.')
	b = append(strconv.AppendInt(b, m.Time.UnixNano(), 10), '.')
	return string(strconv.AppendUint(b, left, 10))
}

// headersOnly is m's header with the size of its data.
func headersOnly(m *streams.StoredMessage) []byte {
	b := make([]byte, 0, len(m.Header)+40)
	if len(m.Header) == 0 {
		b = append(b, "NATS/1.0\r\n"...)
	} else {
		b = append(b, m.Header[:len(m.Header)-len("\r\n")]...)
	}
	b = strconv.AppendInt(append(b, "Nats-Msg-Size: "...), int64(len(m.Data)), 10)
	return append(b, "\r\n\r\n"...)
}
