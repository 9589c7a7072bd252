package explore

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"unsafe"
)

// What fits into a state of the cluster.
const (
	maxProposers = 2
	words        = 16 // of 64 messages each
)

// set is a set of messages.
type set [words]uint64

func (s *set) has(m number) bool { return s[m/64]&(1<<(m%64)) != 0 }
func (s *set) add(m number)      { s[m/64] |= 1 << (m % 64) }

// join adds all of o to s, and meet removes all from it that is not in o.
func (s *set) join(o *set) {
	for i, w := range o {
		s[i] |= w
	}
}

func (s *set) meet(o *set) {
	for i, w := range o {
		s[i] &= w
	}
}

func (s *set) minus(o *set) {
	for i, w := range o {
		s[i] &^= w
	}
}

// each calls do for every message in s.
func (s *set) each(do func(number)) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			do(number(i*64 + bits.TrailingZeros64(w)))
		}
	}
}

// voter is an acceptor, and what it ever did that still matters: its votes, since they
// are facts, the highest ballot that it promised, and the messages that a proposer may
// yet take note of.
type voter struct {
	process  number
	promised number    // of ballots
	_        [2]uint16 // no padding, so that a state is its bytes
	votes    uint64
	said     set
}

// state is a state of the cluster. Its voters are sorted: which is which is unknown.
type state struct {
	voters    [acceptors]voter
	proposers [maxProposers]number
	crashes   uint16
	_         uint16
	asked     set // by the proposers
}

func (s *state) sort() {
	slices.SortFunc(s.voters[:], func(a, b voter) int {
		return cmp.Or(cmp.Compare(a.process, b.process), cmp.Compare(a.votes, b.votes), cmp.Compare(a.promised, b.promised),
			slices.Compare(a.said[:], b.said[:]))
	})
}

// bytes is s as it is in memory.
func (s *state) bytes() []byte { return unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s)) }

// frontier is what waits for its turn, in chunks: a million states that move to where
// there is more room take longer than what they are for.
type frontier[T any] [][]T

func (f *frontier[T]) add(s T) {
	last := len(*f) - 1
	if last < 0 || len((*f)[last]) == cap((*f)[last]) {
		*f = append(*f, make([]T, 0, 1024))
		last++
	}
	(*f)[last] = append((*f)[last], s)
}

// visited is the states that were met, by 64 bits of hash.
type visited struct {
	seed  maphash.Seed
	slots []uint64 // open addressing; 0 is empty
	n     int
}

func newVisited() *visited { return &visited{seed: maphash.MakeSeed(), slots: make([]uint64, 1<<16)} }

// add reports whether s is new.
func (v *visited) add(s *state) bool { return v.note(s.bytes()) }

// note reports whether a state with these bytes is new.
func (v *visited) note(b []byte) bool {
	h := max(1, maphash.Bytes(v.seed, b))
	if !v.put(h) {
		return false
	}
	if v.n++; v.n > len(v.slots)/2 {
		old := v.slots
		v.slots = make([]uint64, 2*len(old))
		for _, h := range old {
			if h != 0 {
				v.put(h)
			}
		}
	}
	return true
}

func (v *visited) put(h uint64) bool {
	mask := uint64(len(v.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch v.slots[i] {
		case 0:
			v.slots[i] = h
			return true
		case h:
			return false
		}
	}
}
