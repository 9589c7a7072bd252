package actors

import (
	"sync"
	"sync/atomic"
)

// inbox is a bounded queue from many goroutines to one actor. The actor is woken
// when the inbox becomes non-empty, and takes everything at once.
type inbox[T any] struct {
	maxItems, maxBytes int
	wake               func()

	mu       sync.Mutex
	items    []sized[T]
	bytes    int
	overflow atomic.Uint64
}

type sized[T any] struct {
	item  T
	bytes int
}

// push adds an item of about this many bytes. It never blocks; false means that
// the inbox is full and the item is lost, which is counted.
func (q *inbox[T]) push(item T, bytes int) bool {
	q.mu.Lock()
	if len(q.items) >= q.maxItems || q.bytes+bytes > q.maxBytes {
		q.mu.Unlock()
		q.overflow.Add(1)
		return false
	}
	first := len(q.items) == 0
	q.items = append(q.items, sized[T]{item, bytes})
	q.bytes += bytes
	q.mu.Unlock()
	if first {
		q.wake()
	}
	return true
}

// take removes all items, and reuses the memory of an earlier take.
func (q *inbox[T]) take(reuse []sized[T]) []sized[T] {
	clear(reuse)
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items, q.bytes = reuse[:0], 0
	return items
}

func (q *inbox[T]) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}
