package tracing

import (
	"sync"
	"sync/atomic"

	"github.com/synod-paxos/synod/paxos"
)

// pending keeps what is traced by key, bounded. Whoever only wants to know that there
// is nothing looks at one number.
type pending[K comparable, V any] struct {
	n     atomic.Int64
	mu    sync.Mutex
	items map[K]V
}

// most is how many commands or slots are followed at once. When there are too many, all
// are given up.
const most = 4096

func (p *pending[K, V]) empty() bool { return p.n.Load() == 0 }

// put reports what was given up for want of room.
func (p *pending[K, V]) put(key K, value V) (lost []V) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.items) >= most || p.items == nil {
		for _, v := range p.items {
			lost = append(lost, v)
		}
		p.items = map[K]V{}
	}
	p.items[key] = value
	p.n.Store(int64(len(p.items)))
	return lost
}

func (p *pending[K, V]) get(key K) (V, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.items[key]
	return v, ok
}

func (p *pending[K, V]) take(key K) (V, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.items[key]
	delete(p.items, key)
	p.n.Store(int64(len(p.items)))
	return v, ok
}

// takeIf removes and returns all items for which ok.
func (p *pending[K, V]) takeIf(ok func(K, V) bool) (taken []V) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, v := range p.items {
		if ok(k, v) {
			taken = append(taken, v)
			delete(p.items, k)
		}
	}
	p.n.Store(int64(len(p.items)))
	return taken
}

// bySlot is what is kept by slot.
type bySlot[V any] = pending[paxos.Slot, V]
