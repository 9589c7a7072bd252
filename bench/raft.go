package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

var raftSystem = system{
	name: "raft", about: "hashicorp/raft, 3 nodes, raft-wal; called in process", kinds: []kind{propose}, start: startRaft,
}

// hashicorpRaft is three nodes that talk over TCP. Callers call the leader in
// process: unlike every other system's, their request crosses no socket.
type hashicorpRaft struct {
	nodes []*raft.Raft
	logs  []*wal.WAL
	conns []*raft.NetworkTransport
}

func startRaft(dir string) (running, error) {
	r := &hashicorpRaft{}
	if err := r.start(dir); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *hashicorpRaft) start(dir string) error {
	var members raft.Configuration
	for i := range 3 {
		t, err := raft.NewTCPTransportWithLogger("127.0.0.1:0", nil, 3, requestTimeout, hclog.NewNullLogger())
		if err != nil {
			return err
		}
		r.conns = append(r.conns, t)
		members.Servers = append(members.Servers, raft.Server{ID: raft.ServerID(fmt.Sprintf("r%d", i+1)), Address: t.LocalAddr()})
	}
	for i := range 3 {
		if err := r.startNode(filepath.Join(dir, fmt.Sprintf("r%d", i+1)), i); err != nil {
			return err
		}
	}
	if err := r.nodes[0].BootstrapCluster(members).Error(); err != nil {
		return err
	}
	_, err := r.leader()
	return err
}

func (r *hashicorpRaft) startNode(dir string, i int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	log, err := wal.Open(dir)
	if err != nil {
		return err
	}
	r.logs = append(r.logs, log)
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, 1, hclog.NewNullLogger())
	if err != nil {
		return err
	}
	c := raft.DefaultConfig()
	c.LocalID, c.Logger = raft.ServerID(fmt.Sprintf("r%d", i+1)), hclog.NewNullLogger()
	c.BatchApplyCh = true // the faster way, where callers wait for many at once
	node, err := raft.NewRaft(c, &counter{}, log, log, snapshots, r.conns[i])
	if err != nil {
		return err
	}
	r.nodes = append(r.nodes, node)
	return nil
}

func (r *hashicorpRaft) leader() (*raft.Raft, error) {
	for range 200 {
		for _, n := range r.nodes {
			if n.State() == raft.Leader {
				return n, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.New("no leader")
}

func (r *hashicorpRaft) open(c cell) (session, error) {
	leader, err := r.leader()
	return &raftSession{node: leader, data: bytes.Repeat([]byte("x"), c.Size)}, err
}

func (r *hashicorpRaft) stop() error {
	var errs []error
	for _, n := range r.nodes {
		errs = append(errs, n.Shutdown().Error())
	}
	for _, c := range r.conns {
		errs = append(errs, c.Close())
	}
	for _, l := range r.logs {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

type raftSession struct {
	node *raft.Raft
	data []byte
}

func (s *raftSession) do(int, int) error { return s.node.Apply(s.data, requestTimeout).Error() }

func (s *raftSession) close() {}

// counter is a state machine that costs nothing: it counts.
type counter struct{ n uint64 }

func (c *counter) Apply(*raft.Log) any {
	c.n++
	return c.n
}

func (c *counter) Snapshot() (raft.FSMSnapshot, error) { return noSnapshot{}, nil }

func (c *counter) Restore(r io.ReadCloser) error { return r.Close() }

type noSnapshot struct{}

func (noSnapshot) Persist(s raft.SnapshotSink) error { return s.Close() }

func (noSnapshot) Release() {}
