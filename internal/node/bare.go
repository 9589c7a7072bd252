package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams"
)

// bare lets clients reach a leader at the very subjects of the streams, as they reach
// JetStream's: for clients that publish to a stream, and for those in Python, whose
// key-value puts go there whatever prefix is set. The leader, which knows no streams,
// asks the learners for them.
type bare struct {
	front     *front
	cancel    context.CancelFunc
	done      chan struct{}
	kick      chan struct{} // of capacity 1: the streams may change
	listeners map[string]*bus.Listener
	most      int                  // subjects that are served
	denied    map[string]time.Time // when subjects were denied that are not asked for again yet
}

// How often the streams are asked for, and how soon after a command that may change them.
const (
	bareEvery = time.Second
	bareSoon  = 30 * time.Millisecond
	bareAgain = time.Minute // after NATS denied a subject
	bareRest  = 10          // times what asking took, before it is asked again: many large streams take long
)

// mostBare is how many subjects are served, those of the oldest streams first. Each costs
// some kilobytes here and in the server, and a round trip when leaders change; who may
// make streams could have a leader spend its time on them.
const mostBare = 10_000

func newBare(f *front) *bare {
	b := &bare{front: f, done: make(chan struct{}), kick: make(chan struct{}, 1), most: mostBare, listeners: map[string]*bus.Listener{}, denied: map[string]time.Time{}}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	go b.run(ctx)
	return b
}

// close leaves the streams' subjects.
func (b *bare) close() error {
	b.cancel()
	<-b.done
	var errs []error
	for _, l := range b.listeners {
		errs = append(errs, l.Stop())
	}
	return errors.Join(errs...)
}

// changed is called for each command that may change the streams.
func (b *bare) changed(subject string) {
	if !strings.HasPrefix(subject, "api.STREAM.") {
		return
	}
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

func (b *bare) run(ctx context.Context) {
	defer close(b.done)
	asked := time.Now()
	for wait, rest := time.Duration(0), time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-b.kick: // never puts off what is due: who changes streams without pause must not
			wait = min(wait, max(bareSoon, rest))
			continue
		case <-time.After(time.Until(asked.Add(wait))):
		}
		began := time.Now()
		if err := b.refresh(ctx); err != nil && ctx.Err() == nil {
			b.front.quiet.Do(func() { b.front.log.Warn("the streams' own subjects may not be served", "err", err) })
		}
		asked = time.Now()
		rest = bareRest * asked.Sub(began)
		wait = max(min(4*max(wait, bareSoon), bareEvery), rest)
	}
}

// refresh subscribes to the subjects that there are, and leaves those that are gone.
func (b *bare) refresh(ctx context.Context) error {
	want, err := b.subjects(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for subject := range want {
		if ctx.Err() != nil {
			return ctx.Err() // who closes waits
		}
		if b.listeners[subject] == nil && time.Since(b.denied[subject]) > bareAgain {
			l, err := b.front.bus.ServeClients(leaderQueue, []string{subject}, b.front.takeBare)
			if err != nil {
				b.denied[subject] = time.Now()
				errs = append(errs, err)
				continue
			}
			b.listeners[subject] = l
		}
	}
	for subject, l := range b.listeners {
		if !want[subject] {
			errs = append(errs, l.Stop())
			delete(b.listeners, subject)
		}
	}
	maps.DeleteFunc(b.denied, func(subject string, _ time.Time) bool { return !want[subject] || b.listeners[subject] != nil })
	return errors.Join(errs...)
}

// bareStream is what matters here of a stream.
type bareStream struct {
	Created time.Time      `json:"created"`
	Config  streams.Config `json:"config"`
}

// subjects are those of all streams but LEDGER that are no subjects of the cluster's own,
// nor anybody's inbox; of too many, those of the oldest streams.
func (b *bare) subjects(ctx context.Context) (map[string]bool, error) {
	all, err := b.streams(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(x, y bareStream) int { return x.Created.Compare(y.Created) })
	want := map[string]bool{}
	for i := range all {
		for _, subject := range all[i].Config.Subjects {
			switch {
			case all[i].Config.Name == streams.Ledger || streams.Collide(subject, b.front.bus.Subjects().Root()+">") || streams.Collide(subject, "_INBOX.>"):
			case len(want) == b.most:
				b.front.quiet.Do(func() {
					b.front.log.Warn("streams have more subjects than are served, the newest are not", "served", b.most, "first_not_served", all[i].Config.Name)
				})
				return want, nil
			default:
				want[subject] = true
			}
		}
	}
	return want, nil
}

// streams asks the learners for all streams.
func (b *bare) streams(ctx context.Context) ([]bareStream, error) {
	var all []bareStream
	for total := 1; len(all) < total; {
		var page struct {
			Total   int          `json:"total"`
			Streams []bareStream `json:"streams"`
		}
		ctx, cancel := context.WithTimeout(ctx, bareEvery)
		m, err := b.front.bus.Conn().RequestWithContext(ctx, b.front.bus.Subjects().API("STREAM.LIST"), fmt.Appendf(nil, `{"offset":%d}`, len(all)))
		cancel()
		if err == nil {
			err = json.Unmarshal(m.Data, &page)
		}
		if err != nil || len(page.Streams) == 0 {
			return all, err
		}
		all, total = append(all, page.Streams...), page.Total
	}
	return all, nil
}

// takeBare hands a message to a stream's own subject to the proposer.
func (f *front) takeBare(m *nats.Msg) { f.takeAs(m, f.bus.Subjects().PublishFrom) }
