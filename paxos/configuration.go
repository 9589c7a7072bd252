package paxos

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// UUID names a cluster or a data directory. The zero UUID names none.
type UUID [16]byte

// IsZero reports whether u names nothing.
func (u UUID) IsZero() bool { return u == UUID{} }

// String is the usual form of five groups of hexadecimal digits.
func (u UUID) String() string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ClusterID tells a cluster from every other that ever had its name.
type ClusterID struct {
	UUID       UUID
	Generation uint64 // raised by restore and by a forced new cluster; the first is 1
}

func (c ClusterID) String() string { return fmt.Sprintf("%s generation %d", c.UUID, c.Generation) }

// Member is one acceptor of a configuration. Disk, the incarnation of its data
// directory, is part of its name: the same process with another disk has
// forgotten what it promised, and is somebody else.
type Member struct {
	ID   NodeID
	Disk UUID
}

// Configuration is who votes, and how votes are counted, in the slots that it
// governs: from From until the next configuration's From.
type Configuration struct {
	Number    uint64 // 1 is the genesis configuration, each change adds one
	From      Slot
	Acceptors []Member // in the order that Set and Grid count
	Quorums   QuorumSystem
	Copies    int // durable learner copies that a slot needs before acceptors may forget it
}

// Index is the place of the acceptor id in c, or -1.
func (c *Configuration) Index(id NodeID) int {
	return slices.IndexFunc(c.Acceptors, func(m Member) bool { return m.ID == id })
}

// Phase1 reports whether s holds a phase-1 quorum of c.
func (c *Configuration) Phase1(s Set) bool { return c.Quorums.Phase1(s, len(c.Acceptors)) }

// Phase2 reports whether s holds a phase-2 quorum of c.
func (c *Configuration) Phase2(s Set) bool { return c.Quorums.Phase2(s, len(c.Acceptors)) }

// Check reports everything that is wrong with c, each as its own error.
func (c *Configuration) Check() error {
	var errs []error
	if c.Number == 0 || c.From == 0 {
		errs = append(errs, errors.New("configuration number and first slot start at 1"))
	}
	if c.Copies < 1 {
		errs = append(errs, fmt.Errorf("%d learner copies, want at least 1", c.Copies))
	}
	ids, disks := map[NodeID]bool{}, map[UUID]bool{}
	for _, m := range c.Acceptors {
		if !m.ID.Valid() {
			errs = append(errs, fmt.Errorf("acceptor id %q: want 1 to %d of a-z, 0-9 and -", m.ID, MaxNodeID))
		}
		if m.Disk.IsZero() {
			errs = append(errs, fmt.Errorf("acceptor %s has no disk incarnation", m.ID))
		}
		switch {
		case ids[m.ID]:
			errs = append(errs, fmt.Errorf("acceptor %s is named twice", m.ID))
		case disks[m.Disk]:
			errs = append(errs, fmt.Errorf("acceptor %s has the disk %s, as another one has", m.ID, m.Disk))
		}
		ids[m.ID], disks[m.Disk] = true, true
	}
	return errors.Join(append(errs, c.Quorums.Check(len(c.Acceptors)))...)
}

// Genesis founds a cluster: every acceptor stores it before any of them votes.
type Genesis struct {
	Cluster ClusterID
	Window  Slot // alpha: at most this many slots are undecided at once (PTP §3.3.7, PMS §3)
	// First governs from the slot at which the log starts: 1, or that after the state
	// which a restored cluster goes on from. All slots before it are chosen.
	First Configuration
	State [16]byte // digest of that state; zero for the empty one
}

// maxStart is the last slot at which a log may start.
const maxStart Slot = 1 << 60

// DefaultWindow is alpha unless the founder says otherwise.
const DefaultWindow Slot = 256

// Check reports everything that is wrong with g.
func (g *Genesis) Check() error {
	var errs []error
	if g.Cluster.UUID.IsZero() || g.Cluster.Generation == 0 {
		errs = append(errs, errors.New("genesis without a cluster UUID or generation"))
	}
	if g.Window < 1 || g.Window > 1<<20 {
		errs = append(errs, fmt.Errorf("window of %d slots, want 1 to %d", g.Window, 1<<20))
	}
	if g.First.Number != 1 {
		errs = append(errs, errors.New("the genesis configuration is number 1"))
	}
	if empty := g.State == [16]byte{}; g.First.From > maxStart || empty != (g.First.From == 1) {
		errs = append(errs, fmt.Errorf("a log from slot %d on: want 1 for an empty state, or one after the state that the digest names", g.First.From))
	}
	return errors.Join(append(errs, g.First.Check())...)
}

// Equal reports whether g and o found the same cluster.
func (g *Genesis) Equal(o *Genesis) bool {
	return g.Cluster == o.Cluster && g.Window == o.Window && g.First.From == o.First.From && g.State == o.State &&
		g.First.Quorums == o.First.Quorums && g.First.Copies == o.First.Copies &&
		slices.Equal(g.First.Acceptors, o.First.Acceptors)
}
