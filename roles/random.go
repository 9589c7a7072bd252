package roles

import "github.com/synod-paxos/synod/paxos"

// random is a splitmix64 generator. It is seeded by the caller, so that a role
// with the same seed and inputs draws the same timeouts.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// between draws from [from, to).
func (r *random) between(from, to paxos.Duration) paxos.Duration {
	return from + paxos.Duration(r.next()%uint64(to-from))
}
