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
	case a.state.Genesis.Cluster != c:
		return fmt.Sprintf("holds the genesis of cluster %s, not of %s", a.state.Genesis.Cluster, c)
	case a.state.Sealed:
		return "its genesis is sealed: votes may depend on it, so it cannot be dropped"
	}
	a.persist(paxos.Abandoned{}, out)
	return ""
}
