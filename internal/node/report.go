package node

import (
	"errors"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// Report is the state of one role, as it tells it on operator.status. Counters
// count from the start of the process and never fall.
type Report struct {
	Role    string       `json:"role"` // "acceptor", "proposer" or "learner"
	ID      paxos.NodeID `json:"id"`
	Version string       `json:"version"`
	Cluster string       `json:"cluster"` // its name
	UUID    string       `json:"uuid,omitempty"`
	// Generation is raised when a cluster is restored; 0 while the role knows none.
	Generation    uint64         `json:"generation,omitempty"`
	Configuration *Configuration `json:"configuration,omitempty"` // of the cluster, once known
	Previous      *Configuration `json:"previous,omitempty"`      // leaders: the one before, while it is still needed

	Ready    bool   `json:"ready"`               // it does its part
	NotReady string `json:"not_ready,omitempty"` // why not
	Rival    string `json:"rival,omitempty"`     // the cluster that has the name of its own: while it has one, a role serves and votes for nobody

	Process    string    `json:"process"`        // random, in hexadecimal; another one after each start
	Disk       string    `json:"disk,omitempty"` // incarnation of the data directory
	Boot       uint64    `json:"boot,omitempty"` // how often the directory was opened
	Host       string    `json:"host"`
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`
	Clock      time.Time `json:"clock"` // of its machine, when it made the report
	Connected  bool      `json:"connected"`
	MaxPayload int       `json:"max_payload"` // bytes, of the NATS server

	Inbox    int               `json:"inbox"`             // messages that wait for the role
	Overflow uint64            `json:"overflow"`          // messages lost because the inbox was full
	Ignored  map[string]uint64 `json:"ignored,omitempty"` // messages that the role did not take, by reason
	Bus      bus.Counters      `json:"bus"`
	// IgnoredLast is the last message that was not taken, by reason.
	IgnoredLast map[string]LastIgnored `json:"ignored_last,omitempty"`

	Acceptor *AcceptorReport `json:"acceptor,omitempty"`
	Proposer *ProposerReport `json:"proposer,omitempty"`
	Learner  *LearnerReport  `json:"learner,omitempty"`

	// When Ask asked, and when it got the report, by its own clock.
	asked, heard time.Time
}

// AcceptorReport is the part of a Report that only acceptors have.
type AcceptorReport struct {
	Sealed      bool       `json:"sealed"` // it votes
	Promised    string     `json:"promised"`
	ChosenBelow paxos.Slot `json:"chosen_below"`
	TrimBelow   paxos.Slot `json:"trim_below"`
	MaxVoted    paxos.Slot `json:"max_voted"`
	SpaceLow    bool       `json:"space_low"`

	Syncs    uint64 `json:"syncs"`
	Records  uint64 `json:"records"`  // made durable
	Votes    uint64 `json:"votes"`    // of them
	Commands uint64 `json:"commands"` // in the votes
	Messages uint64 `json:"messages"` // sent

	Sync        Latency `json:"sync"`            // of making records durable
	SyncPending float64 `json:"sync_pending_ms"` // how long the present sync has taken so far; 0: none runs
	Written     uint64  `json:"written"`         // bytes, to the log of the disk
	SlowCalls   uint64  `json:"slow_calls"`      // calls on the file system that took above a second
	Segments    uint64  `json:"segments"`        // files of the log
	Reclaims    uint64  `json:"reclaims"`        // times that trimmed ones were dropped
	DiskBytes   uint64  `json:"disk_bytes"`      // that the votes take
	FreeBytes   uint64  `json:"free_bytes"`      // left on the disk
}

// ProposerReport is the part of a Report that only proposers have.
type ProposerReport struct {
	Stage        string         `json:"stage"`
	Serving      bool           `json:"serving"` // clients reach it
	Ballot       string         `json:"ballot,omitempty"`
	Leader       string         `json:"leader,omitempty"` // ballot of the leader that it follows, itself included
	ChosenBelow  paxos.Slot     `json:"chosen_below"`
	Next         paxos.Slot     `json:"next,omitempty"`
	InFlight     int            `json:"in_flight"`
	Queued       int            `json:"queued"`
	QueuedBytes  int            `json:"queued_bytes"`
	Silent       []paxos.NodeID `json:"silent,omitempty"`     // acceptors that do not answer it while it leads
	OpenSlots    []OpenSlot     `json:"open_slots,omitempty"` // the first slots in flight
	LiveLearners []paxos.NodeID `json:"live_learners,omitempty"`
	Waits        string         `json:"change_waits,omitempty"` // what the newest change of the configuration waits for, while it leads

	Requests  uint64            `json:"requests"`
	Malformed uint64            `json:"malformed"`
	Commands  uint64            `json:"commands"`
	Batches   uint64            `json:"batches"`
	Refused   map[string]uint64 `json:"refused,omitempty"`
	Elected   uint64            `json:"elected"`

	Queue  Latency `json:"queue"`  // of commands, until they were proposed
	Phase1 Latency `json:"phase1"` // of elections won
	Phase2 Latency `json:"phase2"` // of slots, until they were known to be chosen
}

// OpenSlot is a slot that a leader proposed in and does not know to be chosen.
type OpenSlot struct {
	Slot    paxos.Slot     `json:"slot"`
	Age     float64        `json:"age_ms"`
	Missing []paxos.NodeID `json:"missing"` // acceptors that have yet to vote
}

// LearnerReport is the part of a Report that only learners have.
type LearnerReport struct {
	Learned     paxos.Slot   `json:"learned"`
	Applied     paxos.Slot   `json:"applied"`
	Durable     paxos.Slot   `json:"durable"`
	ChosenBelow paxos.Slot   `json:"chosen_below"`
	TrimBelow   paxos.Slot   `json:"trim_below"`
	Lag         paxos.Slot   `json:"lag"`
	Leader      string       `json:"leader,omitempty"`
	Open        int          `json:"open"`
	Unanswered  int          `json:"unanswered"`
	Fetching    bool         `json:"fetching"`
	CanRead     bool         `json:"can_read"` // a linearizable read was possible just now
	Digest      DigestReport `json:"digest"`

	StateVersion uint64     `json:"state_version"`      // of the state machine's rules; 0: it has none
	Supports     uint64     `json:"supports"`           // highest version of them that this build can apply
	Kept         paxos.Slot `json:"kept"`               // the copy of the state to go back to has the slots up to it
	HeldAt       paxos.Slot `json:"held_at,omitempty"`  // slot that the state machine fails on; 0: none
	HeldWhy      string     `json:"held_why,omitempty"` // how

	Commands    uint64            `json:"commands"`
	Batches     uint64            `json:"batches"`
	Apply       Latency           `json:"apply"` // of slots to the state
	Answered    uint64            `json:"answered"`
	AnswersLost uint64            `json:"answers_lost"`
	Reads       map[string]uint64 `json:"reads,omitempty"` // requests of the reading API, by operation
	Watch       *WatchReport      `json:"watch,omitempty"` // nil: another state machine than the built-in one
}

// WatchReport tells of key-value watchers and ordered consumers.
type WatchReport struct {
	Leaf      bool   `json:"leaf"`              // there is to be a leaf-node connection
	Problem   string `json:"problem,omitempty"` // why nothing can be pushed
	Consumers int    `json:"consumers"`
	Delivered uint64 `json:"delivered"` // messages
}

// DigestReport is the digest of a learner's state after a slot. Learners of one
// cluster with equal slots have equal sums.
type DigestReport struct {
	Slot paxos.Slot `json:"slot"`
	Sum  string     `json:"sum"`
}

var (
	errNotConnected = errors.New("it has no connection to NATS")
	errNoCluster    = errors.New("it has not found its cluster yet: no founded acceptor answers")
)

// setRival tells which cluster keeps the role from its part, if one does.
func (r *Report) setRival(rival paxos.ClusterID) {
	if rival != (paxos.ClusterID{}) {
		r.Rival = rival.String()
	}
}

func (r *Report) setReady(why error) {
	r.Ready = why == nil
	if why != nil {
		r.NotReady = why.Error()
	}
}

// setGenesis tells the cluster, and the newest configuration that the role knows.
func (r *Report) setGenesis(g *paxos.Genesis, known paxos.Configurations) {
	if g == nil {
		return
	}
	r.UUID, r.Generation = g.Cluster.UUID.String(), g.Cluster.Generation
	r.Configuration = describe(g, known.Newest())
}

// ballotText is empty for the ballot below all others.
func ballotText(b paxos.Ballot) string {
	if b.IsZero() {
		return ""
	}
	return b.String()
}

// LastIgnored is the sender of a message that a role did not take, and how many seconds
// ago it came.
type LastIgnored struct {
	From string  `json:"from"`
	Disk string  `json:"disk"`
	Boot uint64  `json:"boot"`
	Ago  float64 `json:"ago"`
}
