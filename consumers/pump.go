package consumers

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

const (
	// roundTime is how long one view is used: it holds back the removal of old data.
	roundTime = 20 * time.Millisecond
	// tickTime is how exactly heartbeats and expiries are on time.
	tickTime = 50 * time.Millisecond
)

// pump gives turns until the service stops.
func (v *Service) pump() {
	tick := time.NewTicker(tickTime)
	defer tick.Stop()
	for {
		select {
		case <-v.ctx.Done():
			return
		case now := <-tick.C:
			v.tick(now)
		case <-v.wake:
			if err := v.round(); err != nil && v.ctx.Err() == nil {
				v.quiet.Do(func() { v.options.Log.Error("consumers cannot read", "err", err) })
				time.AfterFunc(time.Second, v.signal)
			}
			v.awaitRoom()
		}
	}
}

// awaitRoom waits while the connection takes no more.
func (v *Service) awaitRoom() {
	v.mu.Lock()
	full := v.full
	v.full = false
	v.mu.Unlock()
	if !full {
		return
	}
	select {
	case <-v.link.Drained():
	case <-v.ctx.Done():
	}
	v.signal()
}

// follow wakes the pump for each new slot, while there are consumers.
func (v *Service) follow() {
	for {
		v.mu.Lock()
		occupied, seen := v.occupied, v.seen
		v.mu.Unlock()
		select {
		case <-occupied:
		case <-v.ctx.Done():
			return
		}
		if err := v.options.Reach(v.ctx, seen+1); err != nil {
			if v.ctx.Err() == nil {
				v.quiet.Do(func() { v.options.Log.Error("consumers cannot follow the log", "err", err) })
			}
			select { // the state is broken, or is being replaced
			case <-time.After(time.Second):
			case <-v.ctx.Done():
				return
			}
		}
		v.signal()
		select {
		case <-v.looked:
		case <-v.ctx.Done():
			return
		}
	}
}

// round gives a turn to all that wait for one, from one view.
func (v *Service) round() error {
	return v.source.Read(func(view *streams.View) error {
		at, err := view.Digest()
		if err != nil {
			return err
		}
		v.look(view, paxos.Slot(at.Slot))
		end := time.Now().Add(roundTime)
		for {
			more, err := v.next(view)
			if err != nil || !more {
				return err
			}
			if time.Now().After(end) {
				v.signal()
				return nil
			}
		}
	})
}

// look takes up a view: consumers of streams that grew get a turn, and those of streams
// that are gone end.
func (v *Service) look(view *streams.View, slot paxos.Slot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, g := range v.groups {
		grown, err := g.look(view, uint64(slot))
		for _, c := range g.members {
			switch {
			case gone(err):
				c.wait.end(c, "Consumer Deleted")
				v.remove(c)
			case grown:
				v.enqueue(c)
			}
		}
	}
	if slot > v.seen {
		v.seen = slot
		select {
		case v.looked <- struct{}{}:
		default:
		}
	}
}

// next gives one turn, and reports whether there may be another one in this round.
func (v *Service) next(view *streams.View) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.turns) == 0 || v.full {
		return false, nil
	}
	c := v.turns[0]
	v.turns[0] = nil
	v.turns = v.turns[1:]
	c.queued = false
	switch {
	case c.gone:
		return true, nil
	case c.slot > c.group.slot: // it was made from a later view, and must not see less
		v.enqueue(c)
		return false, nil
	}
	more, err := c.turn(view, time.Now())
	switch {
	case gone(err): // the next round ends it
		return true, nil
	case more || err != nil:
		v.enqueue(c)
	}
	return true, err
}

// halted says whether a consumer whose turn ended with err gets another one by itself.
func (v *Service) halted(c *consumer, err error) bool {
	switch {
	case errors.Is(err, leaf.ErrFull):
		v.full = true
		return true
	case errors.Is(err, leaf.ErrTooLarge):
		v.options.Log.Error("a message is above the NATS server's max_payload now: its consumer ends", "stream", c.stream, "consumer", c.name)
		c.wait.end(c, "Consumer Deleted")
		v.remove(c)
	}
	return false
}

// tick does what is due.
func (v *Service) tick(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.byNumber {
		if c.push() {
			c.hears(now)
			c.window.again(c)
			c.heartbeat(now)
		} else {
			c.wait.tick(c, now)
		}
		if now.Sub(c.used) > c.config.InactiveThreshold {
			v.remove(c)
		}
	}
}

// numberOf reads a consumer's number out of "....<number>.<round>".
func numberOf(subject string) (uint64, bool) {
	tokens := strings.Split(subject, ".")
	if len(tokens) < 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(tokens[len(tokens)-2], 10, 64)
	return n, err == nil
}
