package actors

import (
	"sync"
	"sync/atomic"

	"github.com/synod-paxos/synod/paxos"
)

// inbox is a bounded queue from many goroutines to one actor. The actor is woken
// once for all that waits, and takes everything at once.
type inbox[T any] struct {
	maxItems, maxBytes int
	wake               func()
	clock              *Clock // if not nil, since is noted

	mu       sync.Mutex
	items    []sized[T]
	since    paxos.Now // when the first of items came
	bytes    int
	woken    bool // for what waits
	overflow atomic.Uint64
}

type sized[T any] struct {
	item  T
	bytes int
}

// push adds an item of about this many bytes and wakes the actor. It never blocks;
// false means that the inbox is full and the item is lost, which is counted.
func (q *inbox[T]) push(item T, bytes int) bool {
	ok := q.collect(item, bytes)
	q.rest()
	return ok
}

// collect is push for one of several items: the actor is woken by the rest that
// must follow, so that it finds them all.
func (q *inbox[T]) collect(item T, bytes int) bool {
	q.mu.Lock()
	if len(q.items) >= q.maxItems || q.bytes+bytes > q.maxBytes {
		q.mu.Unlock()
		q.overflow.Add(1)
		return false
	}
	if len(q.items) == 0 && q.clock != nil {
		q.since = q.clock.Now()
	}
	q.items = append(q.items, sized[T]{item, bytes})
	q.bytes += bytes
	q.mu.Unlock()
	return true
}

// rest wakes the actor for what was collected.
func (q *inbox[T]) rest() {
	q.mu.Lock()
	wake := len(q.items) > 0 && !q.woken
	q.woken = q.woken || wake
	q.mu.Unlock()
	if wake {
		q.wake()
	}
}

// take removes all items, and reuses the memory of an earlier take. since is when the
// first of them came.
func (q *inbox[T]) take(reuse []sized[T]) (items []sized[T], since paxos.Now) {
	clear(reuse)
	q.mu.Lock()
	defer q.mu.Unlock()
	items = q.items
	q.items, q.bytes, q.woken = reuse[:0], 0, false
	return items, q.since
}

func (q *inbox[T]) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}
