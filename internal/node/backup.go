package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/streams"
)

// Progress hears how much of a snapshot has come or gone, in bytes. who is the learner
// at the other end; of is 0 while the snapshot is made, which may take long.
type Progress func(who paxos.NodeID, done, of uint64)

// Backup takes a copy of the cluster's state from the learner that has applied the most,
// while the cluster works, and writes it to the file path. It holds everything that was
// answered before the call. A cluster without a quorum has learners all the same.
func Backup(ctx context.Context, b *bus.Bus, path string, progress Progress) (backup.Info, error) {
	reports, err := Ask(ctx, b, 2*time.Second)
	if err != nil {
		return backup.Info{}, err
	}
	c := Overview(b.Subjects().Cluster, reports)
	sources := sourcesOf(&c, reports)
	if len(sources) == 0 {
		return backup.Info{}, errors.New("no learner that knows its cluster answers: start one, or take the copy from the data directory of one that is stopped (--data)")
	}
	w, err := backup.Create(path)
	if err != nil {
		return backup.Info{}, err
	}
	defer w.Abandon()
	f := &fetching{bus: b, self: paxos.Sender{Role: paxos.LearnerRole, ID: bus.BackupID, Process: newProcess()}}
	f.transfer = actors.NewTransfer(ctx.Done(), f.ask, nil, func(p actors.Progress) { progress(p.From, p.Done, p.Of) })
	listener, err := b.ListenTo(f.self.ID, []string{"learner.*.chunk." + string(f.self.ID)}, f.receive)
	if err != nil {
		return backup.Info{}, err
	}
	defer func() { _ = listener.Stop() }() // the connection is about to end
	for turn := 0; ; turn++ {
		r := &sources[turn%len(sources)]
		applied, done, err := f.from(r, w)
		if err == nil && done && applied >= answeredUpTo(&c, sources) {
			return w.Finish(infoOf(&c, r))
		}
		if err == nil {
			err = f.transfer.Pause()
		}
		if errors.Is(err, actors.ErrStopped) {
			err = context.Cause(ctx)
		}
		if err != nil {
			return backup.Info{}, err
		}
	}
}

// answeredUpTo is the last slot whose commands anybody may have been answered: what a
// learner applied, and what a leader knows to be chosen.
func answeredUpTo(c *Cluster, sources []Report) paxos.Slot {
	slot := sources[0].Learner.Applied
	if c.Leader != nil {
		slot = max(slot, c.Chosen)
	}
	return slot
}

// sourcesOf is the learners of the cluster, those that applied the most first.
func sourcesOf(c *Cluster, reports []Report) []Report {
	var out []Report
	for i := range reports {
		if r := reports[i]; r.Learner != nil && r.UUID != "" && r.UUID == c.UUID {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b Report) int { return int(b.Learner.Applied) - int(a.Learner.Applied) })
	return out
}

func infoOf(c *Cluster, r *Report) backup.Info {
	i := backup.Info{Cluster: c.Cluster, UUID: r.UUID, Generation: r.Generation, Taken: time.Now().UTC(), Version: Version(), Learner: string(r.ID)}
	note(&i, c.Configuration)
	return i
}

// note writes into i who votes.
func note(i *backup.Info, c *Configuration) {
	if c == nil {
		return
	}
	quorums, _ := c.Quorums.MarshalText() // has no error
	i.Number, i.From, i.Quorums, i.Copies, i.Window = c.Number, c.From, string(quorums), c.Copies, uint64(c.Window)
	for _, m := range c.Acceptors {
		i.Acceptors = append(i.Acceptors, string(m.ID))
	}
}

// fetching is a snapshot on its way from a learner to a client.
type fetching struct {
	bus      *bus.Bus
	self     paxos.Sender
	cluster  paxos.ClusterID // of the learner that is asked
	transfer *actors.Transfer
}

// from fetches a snapshot of r's state; done is false when that learner has none to give,
// or falls silent.
func (f *fetching) from(r *Report, into actors.Sink) (applied paxos.Slot, done bool, err error) {
	id, err := uuid.Parse(r.UUID)
	if err != nil {
		return 0, false, fmt.Errorf("the cluster of learner %s: %w", r.ID, err)
	}
	f.cluster = paxos.ClusterID{UUID: paxos.UUID(id), Generation: r.Generation}
	return f.transfer.Fetch(r.ID, into)
}

// ask loses a question that cannot be sent: it is asked again.
func (f *fetching) ask(to paxos.NodeID, q paxos.SnapshotQuery) {
	_ = f.bus.Publish(paxos.Envelope{Cluster: f.cluster, Config: 1, From: f.self, To: to, Msg: q})
}

func (f *fetching) receive(e paxos.Envelope) {
	if chunk, ok := e.Msg.(paxos.SnapshotChunk); ok {
		f.transfer.Receive(e.From.ID, chunk)
	}
}

// BackupDirectory takes the copy from the data directory of a learner that is stopped.
func BackupDirectory(data, path string, o storage.Options) (backup.Info, error) {
	identity, err := storage.Peek(data, o)
	if err != nil {
		return backup.Info{}, err
	}
	if identity.Cluster == (paxos.ClusterID{}) {
		return backup.Info{}, fmt.Errorf("%s belongs to no cluster yet", data)
	}
	dir, err := storage.OpenLearnerDir(data, identity.ID, o)
	if err != nil {
		return backup.Info{}, err
	}
	info := backup.Info{
		UUID: identity.Cluster.UUID.String(), Generation: identity.Cluster.Generation,
		Taken: time.Now().UTC(), Version: Version(), Learner: string(identity.ID),
	}
	known, err := readConfiguration(dir.Path())
	if err == nil {
		note(&info, known)
		info, err = backupState(filepath.Join(dir.Path(), stateDir), path, info)
	}
	return info, errors.Join(err, dir.Close())
}

func backupState(state, path string, info backup.Info) (backup.Info, error) {
	m, err := streams.Open(state, streams.Options{})
	if err != nil {
		return info, err
	}
	w, err := backup.Create(path)
	if err != nil {
		return info, errors.Join(err, m.Close())
	}
	defer w.Abandon()
	s, err := m.Snapshot()
	if err != nil {
		return info, errors.Join(err, m.Close())
	}
	_, err = s.WriteTo(w)
	if err := errors.Join(err, s.Close(), m.Close()); err != nil {
		return info, err
	}
	return w.Finish(info)
}
