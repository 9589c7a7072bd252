package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/paxos"
)

// Configuration is who votes in a cluster, and how votes are counted.
type Configuration struct {
	Number    uint64     `json:"number"`
	From      paxos.Slot `json:"from"`   // the first slot that it governs
	Window    paxos.Slot `json:"window"` // slots that may be undecided at once
	Acceptors []Member   `json:"acceptors"`
	Quorums   Quorums    `json:"quorums"`
	Copies    int        `json:"copies"` // learners that hold a slot durably before acceptors may forget it
}

// Member is one acceptor of a configuration.
type Member struct {
	ID   paxos.NodeID `json:"id"`
	Disk string       `json:"disk"` // the incarnation that votes; any other disk does not
}

// Quorums is a quorum system as `synod init --quorums` takes it: "majority",
// "sizes:2,3" or "grid:2".
type Quorums struct{ paxos.QuorumSystem }

// ParseQuorums reads what Quorums' text is.
func ParseQuorums(text string) (Quorums, error) {
	kind, rest, _ := strings.Cut(text, ":")
	var q paxos.QuorumSystem
	switch kind {
	case "majority":
		if rest == "" && !strings.Contains(text, ":") {
			return Quorums{q}, nil
		}
	case "sizes":
		first, second, _ := strings.Cut(rest, ",")
		one, err1 := strconv.Atoi(first)
		two, err2 := strconv.Atoi(second)
		if err1 == nil && err2 == nil {
			return Quorums{paxos.QuorumSystem{Kind: paxos.Sizes, Size1: one, Size2: two}}, nil
		}
	case "grid":
		if rows, err := strconv.Atoi(rest); err == nil {
			return Quorums{paxos.QuorumSystem{Kind: paxos.Grid, Rows: rows}}, nil
		}
	}
	return Quorums{}, fmt.Errorf("quorums %q: want majority, sizes:PHASE1,PHASE2 or grid:ROWS", text)
}

// MarshalText is what ParseQuorums reads.
func (q Quorums) MarshalText() ([]byte, error) {
	switch q.Kind {
	case paxos.Sizes:
		return fmt.Appendf(nil, "sizes:%d,%d", q.Size1, q.Size2), nil
	case paxos.Grid:
		return fmt.Appendf(nil, "grid:%d", q.Rows), nil
	default:
		return []byte("majority"), nil
	}
}

// UnmarshalText is ParseQuorums.
func (q *Quorums) UnmarshalText(text []byte) (err error) {
	*q, err = ParseQuorums(string(text))
	return err
}

// describe is the configuration newest of g's cluster; nil is the genesis's.
func describe(g *paxos.Genesis, newest *paxos.Configuration) *Configuration {
	if newest == nil {
		newest = &g.First
	}
	c := &Configuration{
		Number: newest.Number, From: newest.From, Window: g.Window, Quorums: Quorums{newest.Quorums}, Copies: newest.Copies,
	}
	for _, m := range newest.Acceptors {
		c.Acceptors = append(c.Acceptors, Member{ID: m.ID, Disk: m.Disk.String()})
	}
	return c
}

// paxos is c in the form that counts quorums. A disk that is no UUID, which no
// role sends, becomes none.
func (c *Configuration) paxos() paxos.Configuration {
	out := paxos.Configuration{Number: c.Number, From: max(c.From, 1), Quorums: c.Quorums.QuorumSystem, Copies: c.Copies}
	for _, m := range c.Acceptors {
		disk, _ := uuid.Parse(m.Disk)
		out.Acceptors = append(out.Acceptors, paxos.Member{ID: m.ID, Disk: paxos.UUID(disk)})
	}
	return out
}

// configurationFile is in the data directory of a learner: the newest configuration that
// it knows. Only a backup of the directory reads it.
const configurationFile = "CONFIGURATION"

// writeConfiguration keeps g's newest configuration in dir, durably.
func writeConfiguration(dir string, g *paxos.Genesis, newest *paxos.Configuration) error {
	text, err := json.MarshalIndent(describe(g, newest), "", "  ")
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(dir, configurationFile), string(text)+"\n")
}

// readConfiguration is what writeConfiguration kept in dir; nil for nothing.
func readConfiguration(dir string) (*Configuration, error) {
	path := filepath.Join(dir, configurationFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var c Configuration
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w\n  Move it away to take a backup that does not say who voted", path, err)
	}
	return &c, nil
}
