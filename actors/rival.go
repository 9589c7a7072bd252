package actors

import (
	"log/slog"

	"github.com/synod-paxos/synod/paxos"
)

// rivalry tells people, and the disk, of other clusters of the role's name.
type rivalry struct {
	log    *slog.Logger
	marked func(paxos.ClusterID) // keeps for the next start that another has the name; may be nil
	rival  paxos.ClusterID       // as told last
	higher paxos.ClusterID       // as marked last
}

// see looks at what the role knows, after each of its steps.
func (r *rivalry) see(role interface{ Rival() paxos.ClusterID }, superseded paxos.ClusterID) {
	if superseded != r.higher && superseded != (paxos.ClusterID{}) && r.marked != nil {
		r.marked(superseded)
	}
	r.higher = superseded
	rival := role.Rival()
	if rival == r.rival {
		return
	}
	r.rival = rival
	switch {
	case rival == (paxos.ClusterID{}):
		r.log.Info("no other cluster of this name is heard any more: going on")
	case rival == superseded:
		r.log.Error("another cluster has the name of this one, which serves and votes no more", "cluster", rival.String())
	default:
		r.log.Error("another cluster has the name and the generation of this one: neither serves while both are there; stop one of them", "cluster", rival.String())
	}
}
