package roles

import (
	"fmt"

	"github.com/synod-paxos/synod/paxos"
)

// stepGenesis handles what a Founder asks. An acceptor without a sealed genesis
// votes for nothing, so a wiped or swapped disk never votes as its former self.
func (a *Acceptor) stepGenesis(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	refused := ""
	switch m := e.Msg.(type) {
	case paxos.StoreGenesis:
		refused = a.storeGenesis(m.Genesis, out)
	case paxos.Seal:
		refused = a.seal(m.Cluster, now, out)
	case paxos.Abandon:
		refused = a.abandon(m.Cluster, out)
	}
	a.send(out, e.From.ID, paxos.GenesisReport{Genesis: a.state.Genesis, Sealed: a.state.Sealed, Refused: refused})
}

// beFounded makes an acceptor with a fresh disk part of a cluster that it was not
// founded with, once a configuration of that cluster names it and its disk: it has
// forgotten nothing, and votes in no slot that an earlier one governs.
func (a *Acceptor) beFounded(e paxos.Envelope, m paxos.Hello, out *paxos.Effects) bool {
	if a.state.Genesis != nil || m.Genesis == nil || m.Genesis.Check() != nil || m.Genesis.Cluster != e.Cluster {
		return false
	}
	known := paxos.Configurations{&m.Genesis.First}.With(m.Known)
	if newest := known.Newest(); newest == nil || newest.Number <= m.Genesis.First.Number || !newest.Has(a.self.ID, a.self.Disk) {
		return false
	}
	a.persist(paxos.Founded{Genesis: *m.Genesis, Sealed: true}, out)
	a.join(a.state.Genesis)
	a.persist(paxos.Configured{Known: m.Known}, out)
	return true
}

func (a *Acceptor) storeGenesis(g paxos.Genesis, out *paxos.Effects) (refused string) {
	if held := a.state.Genesis; held != nil {
		if held.Equal(&g) {
			return ""
		}
		return fmt.Sprintf("holds the genesis of cluster %s already", held.Cluster)
	}
	if err := g.Check(); err != nil {
		return err.Error()
	}
	i := g.First.Index(a.self.ID)
	if i < 0 || g.First.Acceptors[i].Disk != a.self.Disk {
		return fmt.Sprintf("the genesis does not name %s with its disk %s", a.self.ID, a.self.Disk)
	}
	a.persist(paxos.Founded{Genesis: g}, out)
	return ""
}

func (a *Acceptor) seal(c paxos.ClusterID, now paxos.Now, out *paxos.Effects) (refused string) {
	switch {
	case a.state.Genesis == nil || a.state.Genesis.Cluster != c:
		return fmt.Sprintf("holds no genesis of cluster %s", c)
	case !a.state.Sealed:
		a.persist(paxos.Founded{Genesis: *a.state.Genesis, Sealed: true}, out)
		a.join(a.state.Genesis)
		a.hello(now, out)
	}
	return ""
}

func (a *Acceptor) abandon(c paxos.ClusterID, out *paxos.Effects) (refused string) {
	switch {
	case a.state.Genesis == nil:
		return ""
	case a.state.Genesis.Cluster.UUID != c.UUID:
		return fmt.Sprintf("holds the genesis of cluster %s, not of %s", a.state.Genesis.Cluster, c)
	case a.state.Sealed:
		return "its genesis is sealed: votes may depend on it, so it cannot be dropped"
	}
	a.persist(paxos.Abandoned{}, out)
	return ""
}
