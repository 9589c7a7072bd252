package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/streams"
)

// Progress hears how much of a snapshot has come or gone, in bytes. who is the learner
// at the other end.
type Progress func(who paxos.NodeID, done, of uint64)

const (
	chunkRetry  = time.Second      // before a chunk is asked for again
	firstRetry  = 10 * time.Second // the same, while the snapshot is made
	chunkGiveUp = 10               // questions that brought nothing before another learner is asked; at first
)

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
	f := &fetching{bus: b, publish: b.Publish, out: w, progress: progress, giveUp: chunkGiveUp, self: paxos.Sender{Role: paxos.LearnerRole, ID: bus.BackupID, Process: newProcess()}}
	if err := f.listen(); err != nil {
		return backup.Info{}, err
	}
	defer f.stop()
	for turn := 0; ; turn++ {
		r := &sources[turn%len(sources)]
		if err := f.from(ctx, r); err != nil {
			return backup.Info{}, err
		}
		if f.complete && f.applied >= answeredUpTo(&c, sources) {
			return w.Finish(infoOf(&c, r))
		}
		if err := pause(ctx, chunkRetry); err != nil {
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

// fetching is a snapshot on its way from a learner into a file.
type fetching struct {
	bus      *bus.Bus
	publish  func(paxos.Envelope) error
	self     paxos.Sender
	out      *backup.Writer
	progress Progress
	chunks   chan paxos.Envelope
	listener *bus.Listener

	giveUp   int // see chunkGiveUp; twice as many after each learner that was left while it made one
	complete bool
	applied  paxos.Slot
	made     uint64 // what the learner said last of the snapshot that it makes
	more     bool   // it has made more of it since the last question
}

func (f *fetching) listen() (err error) {
	f.chunks = make(chan paxos.Envelope, 16)
	f.listener, err = f.bus.ListenTo(f.self.ID, []string{"learner.*.chunk." + string(f.self.ID)}, func(e paxos.Envelope) {
		select {
		case f.chunks <- e:
		default: // it is asked for again
		}
	})
	return err
}

func (f *fetching) stop() { _ = f.listener.Stop() } // the connection is about to end

// from fetches a snapshot of r's state. It is not complete when that learner has none
// to give, or falls silent.
func (f *fetching) from(ctx context.Context, r *Report) error {
	f.complete, f.made = false, 0
	if err := f.out.Restart(); err != nil {
		return err
	}
	id, err := uuid.Parse(r.UUID)
	if err != nil {
		return fmt.Errorf("the cluster of learner %s: %w", r.ID, err)
	}
	ask := paxos.Envelope{Cluster: paxos.ClusterID{UUID: paxos.UUID(id), Generation: r.Generation}, Config: 1, From: f.self, To: r.ID}
	var q paxos.SnapshotQuery
	for failed := 0; failed < f.giveUp; {
		ask.Msg = q
		_ = f.publish(ask) // a lost question is asked again
		chunk, ok, err := f.await(ctx, r.ID, q)
		switch {
		case err != nil:
			return err
		case !ok && f.more:
			failed = 0
			continue
		case !ok:
			failed++
			continue
		case chunk.ID == 0:
			return pause(ctx, chunkRetry)
		}
		failed, f.made = 0, 0
		if _, err := f.out.Write(chunk.Data); err != nil {
			return err
		}
		q = paxos.SnapshotQuery{ID: chunk.ID, Offset: chunk.Offset + uint64(len(chunk.Data))}
		f.progress(r.ID, q.Offset, chunk.Total)
		if q.Offset >= chunk.Total {
			f.complete, f.applied = true, chunk.Applied
			return nil
		}
	}
	if f.made > 0 {
		f.giveUp *= 2
	}
	return nil
}

// await waits for the answer to q.
func (f *fetching) await(ctx context.Context, from paxos.NodeID, q paxos.SnapshotQuery) (chunk paxos.SnapshotChunk, ok bool, err error) {
	patience := chunkRetry
	if q.ID == 0 {
		patience = firstRetry
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	f.more = false
	for {
		select {
		case e := <-f.chunks:
			m, is := e.Msg.(paxos.SnapshotChunk)
			if is && e.From.ID == from && m.ID == paxos.SnapshotMaking {
				f.more, f.made = f.more || m.Offset != f.made, m.Offset
				continue
			}
			if is && e.From.ID == from && (m.ID == 0 || m.Offset == q.Offset && (m.ID == q.ID || q.ID == 0) && (len(m.Data) > 0 || m.Total == m.Offset)) {
				return m, true, nil
			}
		case <-timeout.C:
			return chunk, false, nil
		case <-ctx.Done():
			return chunk, false, context.Cause(ctx)
		}
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
