package consumers

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/streams"
)

// Create makes the consumer that r asks for, as of view, and describes it. filter is
// what the request's subject says after its name. The state of a consumer that exists
// with the same configuration is returned as it is.
func (v *Service) Create(view *streams.View, r *CreateRequest, filter string) (*Info, error) {
	if err := r.prepare(filter); err != nil {
		return nil, err
	}
	if err := v.Path(); err != nil {
		return nil, noPath(err)
	}
	bounds, err := view.Bounds(r.Stream)
	if err != nil {
		return nil, err
	}
	stream, err := view.Config(r.Stream)
	if err != nil {
		return nil, err
	}
	if err := v.checkDeliver(stream, r.Config.DeliverSubject); err != nil {
		return nil, err
	}
	if r.Config.Name == "" {
		r.Config.Name = rand.Text()[:8]
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.find(r.Stream, r.Config.Name); c != nil {
		return v.again(view, c, r)
	}
	switch {
	case r.Action == "update":
		return nil, errDoesNotExist
	case v.stopped:
		return nil, noPath(errors.New("it stops"))
	case v.count >= v.options.Most || !v.hold(r.Config.weight()):
		return nil, errTooMany
	}
	info, err := v.create(view, r, stream, bounds)
	if err != nil && v.find(r.Stream, r.Config.Name) == nil {
		v.hold(-r.Config.weight())
	}
	return info, err
}

// hold notes that so many more bytes are kept for clients, and reports whether there is
// room for them. Bytes that are given back are negative.
func (v *Service) hold(bytes int) bool {
	if bytes > 0 && v.held+bytes > v.options.Bytes {
		return false
	}
	v.held += bytes
	return true
}

// weight is about how many bytes of memory a consumer takes.
func (c *Config) weight() int {
	n := 4<<10 + len(c.Description) + len(c.DeliverSubject)
	for k, v := range c.Metadata {
		n += len(k) + len(v) + 64
	}
	for _, f := range c.filters() {
		n += len(f) + 64
	}
	return n
}

// checkDeliver refuses to push where a message would be taken for something else.
func (v *Service) checkDeliver(stream *streams.Config, subject string) error {
	if subject == "" {
		return nil
	}
	if _, ours := v.bus.Subjects().Relative(subject); ours || strings.HasPrefix(subject, "$") {
		return errDeliverSubject
	}
	for _, s := range stream.Subjects {
		if streams.Collide(s, subject) {
			return errCycle
		}
	}
	return nil
}

// again answers who creates what exists.
func (v *Service) again(view *streams.View, c *consumer, r *CreateRequest) (*Info, error) {
	if !same(&c.config, &r.Config) {
		if r.Action == "create" {
			return nil, errExists
		}
		return nil, errNameInUse
	}
	return c.info(view)
}

func same(a, b *Config) bool {
	return a.DeliverPolicy == b.DeliverPolicy && a.OptStartSeq == b.OptStartSeq && a.DeliverSubject == b.DeliverSubject &&
		slices.Equal(a.filters(), b.filters()) && a.HeadersOnly == b.HeadersOnly && a.FlowControl == b.FlowControl &&
		a.Heartbeat == b.Heartbeat && a.InactiveThreshold == b.InactiveThreshold && a.MaxWaiting == b.MaxWaiting &&
		a.MaxRequestBatch == b.MaxRequestBatch && a.MaxRequestExpires == b.MaxRequestExpires && a.MaxRequestMaxBytes == b.MaxRequestMaxBytes
}

func (v *Service) create(view *streams.View, r *CreateRequest, stream *streams.Config, bounds streams.Bounds) (*Info, error) {
	at, err := view.Digest()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	v.numbers++
	c := &consumer{
		key: key{r.Stream, r.Config.Name}, service: v, config: r.Config, filters: r.Config.filters(),
		created: now.UTC(), number: v.numbers, slot: at.Slot, used: now, sent: now,
	}
	if c.config.FlowControl {
		c.window.size = firstWindow
	}
	if c.cursor, err = begin(view, &r.Config, stream, bounds); err != nil {
		return nil, err
	}
	if c.cursor.left, err = c.cursor.count(view); err != nil {
		return nil, err
	}
	c.sseq = c.cursor.first() - min(c.cursor.first(), 1)
	if !c.push() {
		if err := v.serve(c); err != nil {
			return nil, err
		}
	}
	g := v.groups[c.stream]
	if g == nil || !g.created.Equal(bounds.Created) {
		g = &group{stream: c.stream, created: bounds.Created, members: map[string]*consumer{}, bounds: bounds}
		v.groups[c.stream] = g
	}
	c.group, g.members[c.name] = g, c
	v.byNumber[c.number] = c
	if c.push() {
		v.byInbox[c.config.DeliverSubject] = append(v.byInbox[c.config.DeliverSubject], c)
	}
	if v.count++; v.count == 1 {
		close(v.occupied)
	}
	v.enqueue(c)
	return c.info(view)
}

// begin is where a consumer starts.
func begin(view *streams.View, config *Config, stream *streams.Config, b streams.Bounds) (cursor, error) {
	c := cursor{stream: stream.Name, filters: config.filters(), next: b.First}
	c.all = len(c.filters) == 0 || slices.ContainsFunc(c.filters, func(f string) bool {
		return !slices.ContainsFunc(stream.Subjects, func(s string) bool { return !streams.Matches(f, s) })
	})
	var err error
	switch config.DeliverPolicy {
	case deliverLast:
		c.next, err = last(view, &c, b)
	case deliverLastEach:
		if stream.MaxMsgsPer != 1 { // then every message is the last of its subject
			c.last = &lastPart{upTo: b.Last, from: b.Last}
			var seqs []uint64
			if seqs, err = view.LastSeqs(stream.Name, c.filters, 0, 1); len(seqs) > 0 {
				c.last.from = seqs[0]
			}
		}
	case deliverNew:
		c.next = b.Last + 1
	case deliverFromSeq:
		c.next = max(config.OptStartSeq, b.First)
	case deliverFromTime:
		c.next, err = view.SeqAt(stream.Name, *config.OptStartTime)
	}
	return c, err
}

// last is the sequence of the last message that the filters choose.
func last(view *streams.View, c *cursor, b streams.Bounds) (uint64, error) {
	found := b.Last + 1
	filters := c.filters
	if len(filters) == 0 {
		filters = []string{">"}
	}
	for i, f := range filters {
		m, err := view.Last(c.stream, f)
		switch {
		case errors.Is(err, streams.ErrMessageNotFound):
		case err != nil:
			return 0, err
		case i == 0 || found > b.Last || m.Seq > found:
			found = m.Seq
		}
	}
	return found, nil
}

// find is a consumer of this learner; nil: none.
func (v *Service) find(stream, name string) *consumer {
	if g := v.groups[stream]; g != nil {
		return g.members[name]
	}
	return nil
}

// remove forgets c.
func (v *Service) remove(c *consumer) {
	if c.gone {
		return
	}
	c.gone = true
	c.wait.clear(c)
	v.hold(-c.config.weight())
	delete(c.group.members, c.name)
	if len(c.group.members) == 0 && v.groups[c.stream] == c.group {
		delete(v.groups, c.stream)
	}
	delete(v.byNumber, c.number)
	if inbox := c.config.DeliverSubject; inbox != "" {
		v.byInbox[inbox] = slices.DeleteFunc(v.byInbox[inbox], func(o *consumer) bool { return o == c })
		if len(v.byInbox[inbox]) == 0 {
			delete(v.byInbox, inbox)
		}
	}
	if l := v.nexts[c.key]; l != nil {
		delete(v.nexts, c.key)
		v.work.Go(func() { // it waits for the server, and callbacks wait for the mutex
			if err := l.Stop(); err != nil {
				v.options.Log.Warn("still subscribed to the requests of a consumer", "err", err)
			}
		})
	}
	if v.count--; v.count == 0 {
		v.occupied = make(chan struct{})
	}
}

// Delete removes a consumer, and reports whether it was here.
func (v *Service) Delete(stream, name string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.find(stream, name)
	if c == nil {
		return false
	}
	c.wait.end(c, "Consumer Deleted")
	v.remove(c)
	return true
}

// Info describes a consumer of this learner; nil: there is none of this name.
func (v *Service) Info(view *streams.View, stream, name string) (*Info, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.find(stream, name)
	if c == nil {
		return nil, nil
	}
	return c.info(view)
}

// List describes the consumers of a stream that are here, in the order of their names.
func (v *Service) List(view *streams.View, stream string) ([]*Info, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var infos []*Info
	if g := v.groups[stream]; g != nil {
		for _, c := range g.members {
			info, err := c.info(view)
			if err != nil {
				return nil, err
			}
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b *Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// serve lets clients ask a pull consumer for messages. Only this learner is asked: when
// it is gone, NATS says at once that nobody answers.
func (v *Service) serve(c *consumer) error {
	subject := v.bus.Subjects().API("CONSUMER.MSG.NEXT." + c.stream + "." + c.name)
	l, err := v.bus.ServeClients("", []string{subject}, func(m *nats.Msg) { v.asked(c, m) })
	if err == nil {
		v.nexts[c.key] = l
	}
	return err
}

// asked takes a request for messages.
func (v *Service) asked(c *consumer, m *nats.Msg) {
	if _, ours := v.bus.Subjects().Relative(m.Reply); ours || m.Reply == "" {
		return
	}
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	p, err := parsePull(m.Reply, m.Data, now)
	switch {
	case c.gone:
	case err != nil:
		v.pushStatus(m.Reply, 400, "Bad Request - "+err.Error(), "")
	default:
		c.wait.add(c, p, now)
		v.enqueue(c)
	}
}
