package paxos

import (
	"errors"
	"fmt"
	"math/bits"
)

// MaxAcceptors is the most acceptors that a configuration may have.
const MaxAcceptors = 64

// Set is a set of acceptors, by their index in a configuration.
type Set uint64

// With is s and acceptor i.
func (s Set) With(i int) Set { return s | 1<<i }

// Has reports whether acceptor i is in s.
func (s Set) Has(i int) bool { return s&(1<<i) != 0 }

// Len is how many acceptors are in s.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// all is the set of the first n acceptors.
func all(n int) Set { return ^Set(0) >> (MaxAcceptors - n) }

// QuorumKind names a way to form quorums.
type QuorumKind uint8

const (
	// Majority: any majority serves both phases (PTP §2.1). The zero QuorumSystem.
	Majority QuorumKind = iota
	// Sizes: any Size1 acceptors promise, any Size2 acceptors choose (Howard, Malkhi and
	// Spiegelman, "Flexible Paxos", 2016, §3).
	Sizes
	// Grid: the acceptors in Rows rows, filled row by row. A whole row is a phase-1
	// quorum, one acceptor of every row (such as a column) a phase-2 quorum
	// ("Flexible Paxos", §5).
	Grid
)

func (k QuorumKind) String() string {
	switch k {
	case Majority:
		return "majority"
	case Sizes:
		return "sizes"
	case Grid:
		return "grid"
	default:
		return fmt.Sprintf("quorum kind %d", uint8(k))
	}
}

// QuorumSystem says which sets of a configuration's acceptors may promise
// (phase 1) and which may choose (phase 2). It is safe when every phase-1
// quorum meets every phase-2 quorum: PTP's B2, weakened as "Flexible Paxos" §3
// shows to be enough. The zero QuorumSystem is Majority.
type QuorumSystem struct {
	Kind         QuorumKind
	Size1, Size2 int // for Sizes
	Rows         int // for Grid
}

// ErrQuorum is matched by every refusal of a quorum system.
var ErrQuorum = errors.New("unsafe or impossible quorum system")

// Check refuses a system that is unsafe or that no set of n acceptors could
// satisfy. Its errors match ErrQuorum and say which rule fails.
func (q QuorumSystem) Check(n int) error {
	if n < 1 || n > MaxAcceptors {
		return fmt.Errorf("%w: %d acceptors, want 1 to %d", ErrQuorum, n, MaxAcceptors)
	}
	switch q.Kind {
	case Majority:
		return nil
	case Sizes:
		return q.checkSizes(n)
	case Grid:
		if q.Rows < 1 || n%q.Rows != 0 {
			return fmt.Errorf("%w: %d acceptors do not fill %d rows", ErrQuorum, n, q.Rows)
		}
		return nil
	default:
		return fmt.Errorf("%w: unknown %s", ErrQuorum, q.Kind)
	}
}

func (q QuorumSystem) checkSizes(n int) error {
	for _, size := range []int{q.Size1, q.Size2} {
		if size < 1 || size > n {
			return fmt.Errorf("%w: a quorum of %d of %d acceptors", ErrQuorum, size, n)
		}
	}
	if q.Size1+q.Size2 <= n {
		return fmt.Errorf("%w: %d acceptors of phase 1 and %d of phase 2 need not meet among %d; their sum must be above %d",
			ErrQuorum, q.Size1, q.Size2, n, n)
	}
	return nil
}

// Phase1 reports whether s, of n acceptors, holds a phase-1 quorum.
func (q QuorumSystem) Phase1(s Set, n int) bool {
	switch q.Kind {
	case Majority:
		return s.Len() > n/2
	case Sizes:
		return s.Len() >= q.Size1
	case Grid:
		for row := range q.Rows {
			if s&q.row(row, n) == q.row(row, n) {
				return true
			}
		}
	}
	return false
}

// Phase2 reports whether s, of n acceptors, holds a phase-2 quorum.
func (q QuorumSystem) Phase2(s Set, n int) bool {
	switch q.Kind {
	case Majority:
		return s.Len() > n/2
	case Sizes:
		return s.Len() >= q.Size2
	case Grid:
		for row := range q.Rows {
			if s&q.row(row, n) == 0 {
				return false
			}
		}
		return true
	}
	return false
}

// row is the set of the acceptors in one row of a grid.
func (q QuorumSystem) row(row, n int) Set {
	cols := n / q.Rows
	return all(cols) << (row * cols)
}

// Survives is how many acceptors may be lost, whichever they are, with a quorum
// of both phases left: F in "2F+1 acceptors survive F".
func (q QuorumSystem) Survives(n int) int {
	switch q.Kind {
	case Sizes:
		return n - max(q.Size1, q.Size2)
	case Grid:
		return min(q.Rows, n/q.Rows) - 1
	default:
		return (n - 1) / 2
	}
}

// String describes q for a person, as `synod status` shows it.
func (q QuorumSystem) String() string {
	switch q.Kind {
	case Sizes:
		return fmt.Sprintf("sizes %d/%d", q.Size1, q.Size2)
	case Grid:
		return fmt.Sprintf("grid of %d rows", q.Rows)
	default:
		return q.Kind.String()
	}
}
