package consumers

import (
	"strconv"
	"time"
)

// The window of flow control grows from the first size to the second: what a push
// consumer may have on the way before its client says that it has handled some.
const (
	firstWindow = 2 << 20
	mostWindow  = 32 << 20
)

// window is the flow control of a push consumer. Its zero value is open for ever.
type window struct {
	size    int    // bytes; 0: none
	onWay   int    // bytes that were sent and are not known to be handled
	asked   string // where the client answers; empty: nothing is asked
	covered int    // of onWay: what the answer will be about
	unasked bool   // the question did not go out
	round   uint64
}

// closed reports whether nothing may be sent.
func (w *window) closed() bool { return w.size > 0 && w.onWay > w.size }

// sent notes a message, and asks the client for a sign at half of the window.
func (w *window) sent(c *consumer, size int) {
	if w.size == 0 {
		return
	}
	w.onWay += size
	if w.asked != "" || w.onWay <= w.size/2 {
		return
	}
	w.round++
	w.asked = c.service.flowSubject(c, w.round)
	w.covered = w.onWay
	w.ask(c)
}

// ask sends the question, unless the connection takes no more: then it is sent later.
func (w *window) ask(c *consumer) {
	err := c.service.link.Push(c.config.DeliverSubject, w.asked, []byte("NATS/1.0 100 FlowControl Request\r\n\r\n"), nil)
	if w.unasked = err != nil; !w.unasked {
		c.sent = time.Now()
	}
}

// again asks what did not go out.
func (w *window) again(c *consumer) {
	if w.unasked {
		w.ask(c)
	}
}

// answered is called when the client has handled all that came before a question.
func (w *window) answered(subject string) bool {
	if w.asked == "" || subject != w.asked {
		return false
	}
	w.size = min(w.size*2, mostWindow)
	w.onWay = max(w.onWay-w.covered, 0)
	w.asked, w.covered, w.unasked = "", 0, false
	return true
}

// heartbeat tells a client that all is well although nothing comes. A client may take
// it for the end of what there was at the start, so there is none before that, unless
// it is the client that holds it up.
func (c *consumer) heartbeat(now time.Time) {
	stalled := c.window.closed()
	if c.config.Heartbeat == 0 || !c.listened || !c.idle && !stalled || now.Sub(c.sent) < c.config.Heartbeat {
		return
	}
	more := ""
	if c.window.asked != "" {
		more = "Nats-Consumer-Stalled: " + c.window.asked + "\r\n"
	}
	if c.beat(c.config.DeliverSubject, c.dseq, more) == nil {
		c.sent = now
	}
}

// beat sends a heartbeat that says how many messages were delivered.
func (c *consumer) beat(inbox string, dseq uint64, more string) error {
	b := append(make([]byte, 0, 160), "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: "...)
	b = strconv.AppendUint(b, dseq, 10)
	b = append(b, "\r\nNats-Last-Stream: "...)
	b = strconv.AppendUint(b, c.sseq, 10)
	b = append(append(append(b, "\r\n"...), more...), "\r\n"...)
	return c.service.link.Push(inbox, "", b, nil)
}

// farewell makes an ordered client go on elsewhere at once: it hears of one message
// more than it has.
func (c *consumer) farewell() {
	if c.push() && c.config.Heartbeat > 0 && c.listened {
		_ = c.beat(c.config.DeliverSubject, c.dseq+1, "") // it misses heartbeats otherwise
	}
}
