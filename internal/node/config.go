package node

import (
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

// Config is what a role is told when it starts.
type Config struct {
	ID  paxos.NodeID
	Bus bus.Options // Name and Log are filled in

	// Data is the data directory of an acceptor or a learner, made when it is
	// missing or empty, and held by one process at a time.
	Data    string
	Storage storage.Options // Log is filled in

	// OpenMachine opens the state machine of a learner in a directory of its own. All
	// learners of a cluster must have the same one. nil: the streams of package
	// streams, which alone are served to readers through the API.
	OpenMachine func(dir string) (Machine, error)

	// Tracers, if not nil, record spans for the commands whose clients trace them.
	Tracers trace.TracerProvider

	// Leaf is the leaf-node connection of a learner, over which it pushes messages to
	// watchers; nil: it serves none. Name and Log are filled in.
	Leaf *leaf.Options

	// Supports is the highest version of the built-in machine's rules that the learner
	// offers to apply, as an older build would; 0: all that this build can.
	Supports uint64
	// MemTable is how many bytes of the built-in machine's state are held in memory before
	// they are written to a table; 0: what package streams takes.
	MemTable int
	// CheckpointEvery is the least time between two copies of the built-in machine's state
	// that a learner could go back to; 0: 10 s. The acceptors keep the log from there.
	CheckpointEvery time.Duration

	// BareSubjects makes a leading proposer serve the streams' own subjects too. Not where
	// a JetStream in the same account has a stream with one of them.
	BareSubjects bool
	// Priority of a proposer: one of a lower priority that leads hands over to it.
	Priority int

	Log *slog.Logger // nil: slog.Default
}

// Machine is a state machine as a learner drives it.
type Machine interface {
	actors.Machine
	actors.Snapshots
	// Close makes everything applied durable.
	Close() error
}

// prepare fills in what follows from the role.
func (c *Config) prepare(role paxos.Role) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Log = c.Log.With("role", role.String(), "id", string(c.ID))
	c.Bus.Name = role.String() + " " + string(c.ID)
	c.Bus.Log = c.Log
	c.Storage.Log = c.Log
}

// newProcess is a number that no other start of any process has.
func newProcess() uint64 {
	var b [8]byte
	for {
		// crypto/rand.Read never fails: it ends the program instead.
		_, _ = rand.Read(b[:])
		if n := binary.LittleEndian.Uint64(b[:]); n != 0 {
			return n
		}
	}
}
