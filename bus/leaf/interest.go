package leaf

import (
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server/gsl"
)

// interest is the subjects that have subscribers, as far as the server tells.
type interest struct {
	mu      sync.RWMutex
	known   map[string]struct{} // "<subject>", or "<subject> <queue>"
	matcher *gsl.SimpleSublist
	counts  map[string]int // by subject: entries of known
}

func newInterest() *interest {
	i := &interest{}
	i.clear()
	return i
}

// set notes one entry. Telling it twice is telling it once.
func (i *interest) set(key string, there bool) (subject string) {
	subject, _, _ = strings.Cut(key, " ")
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, was := i.known[key]; was == there {
		return subject
	}
	if there {
		i.known[key] = struct{}{}
		if i.counts[subject]++; i.counts[subject] == 1 {
			// What is no subject matches none.
			_ = i.matcher.Insert(subject, struct{}{})
		}
		return subject
	}
	delete(i.known, key)
	if i.counts[subject]--; i.counts[subject] == 0 {
		delete(i.counts, subject)
		_ = i.matcher.Remove(subject, struct{}{})
	}
	return subject
}

// has reports whether a message to the literal subject would reach anybody.
func (i *interest) has(subject string) bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.matcher.HasInterest(subject)
}

// len is how many subjects have subscribers.
func (i *interest) len() int {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return len(i.counts)
}

// clear forgets all: nobody is connected.
func (i *interest) clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.known, i.counts, i.matcher = map[string]struct{}{}, map[string]int{}, gsl.NewSimpleSublist()
}
