package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/logger"
	"github.com/lni/dragonboat/v4/statemachine"
)

var dragonboatSystem = system{
	name: "dragonboat", about: "3 nodes; called in process", kinds: []kind{propose}, start: startDragonboat,
}

// boats is three dragonboat hosts with one group. Callers call the leader in
// process, as with hashicorpRaft.
type boats struct {
	hosts []*dragonboat.NodeHost
}

const boatShard = 1

func startDragonboat(dir string) (running, error) {
	for _, name := range []string{"raft", "rsm", "transport", "grpc", "logdb", "dragonboat", "raftpb", "config", "settings", "order", "tan", "registry", "server"} {
		logger.GetLogger(name).SetLevel(logger.CRITICAL)
	}
	b := &boats{}
	if err := b.start(dir); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

func (b *boats) start(dir string) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	members := map[uint64]dragonboat.Target{}
	for i, port := range ports {
		members[uint64(i+1)] = fmt.Sprintf("127.0.0.1:%d", port)
	}
	for id := uint64(1); id <= 3; id++ {
		host, err := dragonboat.NewNodeHost(config.NodeHostConfig{
			NodeHostDir: filepath.Join(dir, fmt.Sprintf("d%d", id)), RTTMillisecond: 50, RaftAddress: members[id],
		})
		if err != nil {
			return err
		}
		b.hosts = append(b.hosts, host)
		err = host.StartReplica(members, false, func(uint64, uint64) statemachine.IStateMachine { return &boatCounter{} },
			config.Config{ReplicaID: id, ShardID: boatShard, ElectionRTT: 20, HeartbeatRTT: 2})
		if err != nil {
			return err
		}
	}
	_, err = b.leader()
	return err
}

func (b *boats) leader() (*dragonboat.NodeHost, error) {
	for range 200 {
		for i, h := range b.hosts {
			if leader, _, ok, err := h.GetLeaderID(boatShard); err == nil && ok && leader == uint64(i+1) {
				return h, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.New("no leader")
}

func (b *boats) open(c cell) (session, error) {
	leader, err := b.leader()
	if err != nil {
		return nil, err
	}
	return &boatSession{host: leader, session: leader.GetNoOPSession(boatShard), data: bytes.Repeat([]byte("x"), c.Size)}, nil
}

func (b *boats) stop() error {
	for _, h := range b.hosts {
		h.Close()
	}
	return nil
}

type boatSession struct {
	host    *dragonboat.NodeHost
	session *client.Session
	data    []byte
}

func (s *boatSession) do(int, int) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	_, err := s.host.SyncPropose(ctx, s.session, s.data)
	return err
}

func (s *boatSession) close() {}

// boatCounter is counter for dragonboat.
type boatCounter struct{ n uint64 }

func (c *boatCounter) Update(statemachine.Entry) (statemachine.Result, error) {
	c.n++
	return statemachine.Result{Value: c.n}, nil
}

func (c *boatCounter) Lookup(any) (any, error) { return c.n, nil }

func (c *boatCounter) SaveSnapshot(io.Writer, statemachine.ISnapshotFileCollection, <-chan struct{}) error {
	return nil
}

func (c *boatCounter) RecoverFromSnapshot(io.Reader, []statemachine.SnapshotFile, <-chan struct{}) error {
	return nil
}

func (c *boatCounter) Close() error { return nil }
