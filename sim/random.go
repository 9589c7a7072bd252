package sim

import "github.com/synod-paxos/synod/paxos"

// uuid draws the name of a disk or a cluster.
func (w *World) uuid() (u paxos.UUID) {
	for i := range u {
		u[i] = byte(w.rng.Uint32())
	}
	return u
}
