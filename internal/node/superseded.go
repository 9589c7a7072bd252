package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/paxos"
)

// supersededFile is in the data directory of an acceptor or a learner whose cluster
// was restored or forced anew elsewhere, under the same name. It names the cluster that
// took the name. While it is there the role starts, and serves and votes for nobody.
const supersededFile = "SUPERSEDED"

// markSuperseded is what writes the mark into dir. A role that cannot write it says so:
// it serves nobody until it is started again, and then until it hears of the other.
func markSuperseded(dir string, log *slog.Logger) func(paxos.ClusterID) {
	return func(by paxos.ClusterID) {
		if err := writeDurably(filepath.Join(dir, supersededFile), by.String()+"\n"); err != nil {
			log.Error("that this cluster is superseded could not be written down", "err", err)
		}
	}
}

// readSuperseded is the cluster that the mark in dir names; zero when there is none.
func readSuperseded(dir string) (paxos.ClusterID, error) {
	path := filepath.Join(dir, supersededFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return paxos.ClusterID{}, nil
	}
	if err != nil {
		return paxos.ClusterID{}, fmt.Errorf("read %s: %w", path, err)
	}
	name, number, _ := strings.Cut(strings.TrimSpace(string(text)), " generation ")
	id, err1 := uuid.Parse(name)
	n, err2 := strconv.ParseUint(number, 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return paxos.ClusterID{}, fmt.Errorf("%s is damaged: it says that another cluster took the name of this one; "+
			"move the data directory away, or remove the file if that is not so: %w", path, err)
	}
	return paxos.ClusterID{UUID: paxos.UUID(id), Generation: n}, nil
}

// notAlone is why a role of cluster own cannot serve beside rival; nil when it has none.
func notAlone(g *paxos.Genesis, rival paxos.ClusterID) error {
	switch {
	case rival == (paxos.ClusterID{}):
		return nil
	case g != nil && rival.Generation == g.Cluster.Generation:
		return fmt.Errorf("cluster %s has the same name and generation and is there too, so neither serves: stop one of them, or give it another --cluster name", rival)
	default:
		return fmt.Errorf("cluster %s has taken the name of this one, which serves and votes no more: stop this role for good, or start it with an empty data directory to join that one", rival)
	}
}
