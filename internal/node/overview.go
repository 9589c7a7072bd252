package node

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// Cluster is what `synod status --json` prints. Fields are added, never renamed or
// removed; STATUS.md, beside the command, says what each means.
type Cluster struct {
	Cluster       string         `json:"cluster"`
	UUID          string         `json:"uuid"`       // empty before the cluster is founded
	Generation    uint64         `json:"generation"` // 0 before the cluster is founded
	Configuration *Configuration `json:"configuration,omitempty"`
	Previous      *Configuration `json:"previous,omitempty"`     // the one before, until the change is finished
	Waits         string         `json:"change_waits,omitempty"` // what the leader says that the change waits for
	Leader        *Leader        `json:"leader"`                 // null when nobody leads
	Chosen        paxos.Slot     `json:"chosen"`                 // all slots up to it are chosen

	Acceptors []AcceptorStatus `json:"acceptors"`
	Proposers []ProposerStatus `json:"proposers"`
	Learners  []LearnerStatus  `json:"learners"`

	Problems []string `json:"problems"` // sentences; none when all is well
}

// Leader is who leads.
type Leader struct {
	ID     paxos.NodeID `json:"id"`
	Ballot string       `json:"ballot"`
}

// RoleStatus is what Cluster says of every role.
type RoleStatus struct {
	ID       paxos.NodeID `json:"id"`
	Up       bool         `json:"up"` // it answers
	Version  string       `json:"version,omitempty"`
	Ready    bool         `json:"ready"`
	NotReady string       `json:"not_ready,omitempty"`
	Rival    string       `json:"rival,omitempty"` // the cluster that has the name of its own
	Host     string       `json:"host,omitempty"`
	PID      int          `json:"pid,omitempty"`
	Process  string       `json:"process,omitempty"`
	Started  string       `json:"started,omitempty"` // RFC 3339
	// ClockOffset is how many milliseconds its machine's clock is ahead of the median of
	// all, as well as that can be told.
	ClockOffset float64 `json:"clock_offset_ms"`
	Inbox       int     `json:"inbox"`
	// Sent and Received count protocol messages since the start. PerCommand is both
	// together for each command that the role handled; it falls as load rises.
	Sent       uint64  `json:"sent"`
	Received   uint64  `json:"received"`
	PerCommand float64 `json:"messages_per_command"`
}

// AcceptorStatus is one acceptor.
type AcceptorStatus struct {
	RoleStatus
	Disk            string `json:"disk,omitempty"`
	Boot            uint64 `json:"boot,omitempty"`
	Member          bool   `json:"member"` // its id and disk are in the configuration
	foreign         bool   // it is of another cluster, which is a problem of its own
	*AcceptorReport        // null when it is down
	// CommandsPerSync is how many commands each sync of the disk made durable, on
	// average since the start. It rises with load.
	CommandsPerSync float64 `json:"commands_per_sync"`
	// Half of all syncs since the start took at most SyncP50, 99 of 100 at most
	// SyncP99, in milliseconds and to the next power of two or so.
	SyncP50 float64 `json:"sync_p50_ms"`
	SyncP99 float64 `json:"sync_p99_ms"`
}

// ProposerStatus is one proposer.
type ProposerStatus struct {
	RoleStatus
	*ProposerReport
}

// LearnerStatus is one learner.
type LearnerStatus struct {
	RoleStatus
	Disk    string `json:"disk,omitempty"`
	Boot    uint64 `json:"boot,omitempty"`
	foreign bool   // it is of another cluster, which is a problem of its own
	*LearnerReport
}

// Overview puts the reports of a cluster's roles together.
func Overview(cluster string, reports []Report) Cluster {
	c := Cluster{
		Cluster: cluster, Acceptors: []AcceptorStatus{}, Proposers: []ProposerStatus{}, Learners: []LearnerStatus{},
		Problems: []string{},
	}
	c.adopt(reports)
	offsets := clockOffsets(reports)
	for i := range reports {
		c.add(&reports[i], offsets[i])
	}
	c.addMissing()
	c.findLeader()
	c.findProblems(reports)
	return c
}

// adopt takes the cluster of the highest generation, and of several of one generation
// that to which most roles belong.
func (c *Cluster) adopt(reports []Report) {
	votes := map[string]int{}
	for i := range reports {
		if reports[i].UUID != "" {
			votes[reports[i].UUID]++
		}
	}
	for i := range reports {
		r := &reports[i]
		more := r.Generation > c.Generation || r.Generation == c.Generation && votes[r.UUID] > votes[c.UUID]
		if r.UUID != "" && (c.UUID == "" || more) {
			c.UUID, c.Generation, c.Configuration = r.UUID, r.Generation, r.Configuration
		}
	}
	for i := range reports {
		r := &reports[i]
		if r.UUID == c.UUID && r.Configuration != nil && r.Configuration.Number > c.Configuration.Number {
			c.Configuration = r.Configuration
		}
	}
}

func (c *Cluster) add(r *Report, offset time.Duration) {
	switch {
	case r.Acceptor != nil:
		a := AcceptorStatus{RoleStatus: roleStatus(r, r.Acceptor.Commands, offset), Disk: r.Disk, Boot: r.Boot, AcceptorReport: r.Acceptor}
		a.Member, a.foreign = c.isMember(r.ID, r.Disk), r.UUID != "" && r.UUID != c.UUID
		a.CommandsPerSync = ratio(r.Acceptor.Commands, r.Acceptor.Syncs)
		a.SyncP50, a.SyncP99 = milliseconds(r.Acceptor.Sync.quantile(0.5)), milliseconds(r.Acceptor.Sync.quantile(0.99))
		c.Acceptors = append(c.Acceptors, a)
		c.Chosen = max(c.Chosen, below(r.Acceptor.ChosenBelow))
	case r.Proposer != nil:
		if r.Previous != nil && r.Previous.Number+1 == c.Configuration.Number && r.UUID == c.UUID {
			c.Previous = r.Previous
		}
		c.Proposers = append(c.Proposers, ProposerStatus{roleStatus(r, r.Proposer.Commands, offset), r.Proposer})
		c.Chosen = max(c.Chosen, below(r.Proposer.ChosenBelow))
	case r.Learner != nil:
		c.Learners = append(c.Learners, LearnerStatus{
			RoleStatus: roleStatus(r, r.Learner.Commands, offset), Disk: r.Disk, Boot: r.Boot, foreign: r.UUID != "" && r.UUID != c.UUID, LearnerReport: r.Learner,
		})
		c.Chosen = max(c.Chosen, r.Learner.Learned)
	}
}

// below is the last slot below a watermark.
func below(watermark paxos.Slot) paxos.Slot {
	if watermark == 0 {
		return 0
	}
	return watermark - 1
}

func roleStatus(r *Report, commands uint64, offset time.Duration) RoleStatus {
	s := RoleStatus{
		ID: r.ID, Up: true, Version: r.Version, Ready: r.Ready, NotReady: r.NotReady, Rival: r.Rival, Host: r.Host, PID: r.PID,
		Process: r.Process, Started: r.Started.Format("2006-01-02T15:04:05Z07:00"), Inbox: r.Inbox,
		ClockOffset: milliseconds(offset.Round(time.Millisecond)),
	}
	for _, t := range r.Bus.Sent {
		s.Sent += t.Messages
	}
	for _, t := range r.Bus.Received {
		s.Received += t.Messages
	}
	s.PerCommand = ratio(s.Sent+s.Received, commands)
	return s
}

// ratio is a/b to two decimals; 0 when there is nothing to divide by.
func ratio(a, b uint64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a*100/b) / 100
}

// Leaves reports whether an acceptor is not in the configuration, and must not be stopped
// yet, and Joins whether it is in no configuration but the newest, to which the change
// is not finished.
func (c *Cluster) Leaves(a *AcceptorStatus) bool {
	return !a.Member && c.Previous != nil && slices.Contains(c.Previous.Acceptors, Member{ID: a.ID, Disk: a.Disk})
}

// Joins is told with Leaves.
func (c *Cluster) Joins(a *AcceptorStatus) bool {
	return a.Member && c.Previous != nil && !slices.Contains(c.Previous.Acceptors, Member{ID: a.ID, Disk: a.Disk})
}

func (c *Cluster) isMember(id paxos.NodeID, disk string) bool {
	return c.Configuration != nil && slices.Contains(c.Configuration.Acceptors, Member{ID: id, Disk: disk})
}

// addMissing lists the acceptors of the configuration that do not answer.
func (c *Cluster) addMissing() {
	if c.Configuration == nil {
		return
	}
	for _, m := range c.Configuration.Acceptors {
		if !slices.ContainsFunc(c.Acceptors, func(a AcceptorStatus) bool { return a.ID == m.ID }) {
			c.Acceptors = append(c.Acceptors, AcceptorStatus{RoleStatus: RoleStatus{ID: m.ID}, Disk: m.Disk, Member: true})
		}
	}
	slices.SortStableFunc(c.Acceptors, func(a, b AcceptorStatus) int { return cmp.Compare(a.ID, b.ID) })
}

// findLeader takes the one that says so; of two, for the moment of a change, the
// one that serves.
func (c *Cluster) findLeader() {
	for _, p := range c.Proposers {
		if p.Stage == "leading" && (c.Leader == nil || p.Serving) {
			c.Leader, c.Waits = &Leader{ID: p.ID, Ballot: p.Ballot}, p.Waits
		}
	}
}

// voters is the acceptors of the configuration that can vote now.
func (c *Cluster) voters(config *paxos.Configuration) paxos.Set {
	var s paxos.Set
	for _, a := range c.Acceptors {
		if i := config.Index(a.ID); i >= 0 && a.Up && a.Member && a.Sealed && a.Rival == "" {
			s = s.With(i)
		}
	}
	return s
}

func join[T ~string](items []T) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, word)
	}
	return fmt.Sprintf("%d %ss", n, word)
}
