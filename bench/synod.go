package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

var synodSystem = system{
	name: "synod", about: "3 acceptors, 2 proposers, 2 learners; quorum of fsyncs", kinds: []kind{propose, put, get},
	start: func(dir string) (running, error) { return startSynod(dir, shape{3, 2}) },
}

var synodOneSystem = system{
	name: "synod-1l", about: "the same with 1 learner", kinds: []kind{propose, get},
	start: func(dir string) (running, error) { return startSynod(dir, shape{3, 1}) },
}

// synod is a cluster of real roles, each with its own connection and disk, like
// `synod dev`. Each role's goroutines bear its name in CPU profiles.
type synod struct {
	server *bus.Server
	roles  []node.Role
	dir    string

	checkpointEvery time.Duration // 0: as programs have it
}

// subjects are those of the cluster that is measured.
var subjects = bus.Subjects{Cluster: "bench"}

// startTime bounds the start of any system.
const startTime = 30 * time.Second

func startSynod(dir string, sh shape) (running, error) {
	s := &synod{dir: dir}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := s.start(ctx, sh); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *synod) start(ctx context.Context, sh shape) (err error) {
	labelled("role", "nats", func() { s.server, err = bus.StartServer(bus.ServerOptions{Log: quiet}) })
	if err != nil {
		return err
	}
	plan := node.Plan{Copies: min(2, sh.learners)}
	for i := range sh.acceptors {
		id, err := s.startRole(ctx, "a", i, func(c node.Config) (node.Role, error) { return node.StartAcceptor(ctx, c) })
		if err != nil {
			return err
		}
		plan.Acceptors = append(plan.Acceptors, id)
	}
	if err := s.found(ctx, plan); err != nil {
		return err
	}
	for i := range sh.learners {
		if _, err := s.startRole(ctx, "l", i, func(c node.Config) (node.Role, error) { return node.StartLearner(ctx, c) }); err != nil {
			return err
		}
	}
	for i := range 2 {
		if _, err := s.startRole(ctx, "p", i, func(c node.Config) (node.Role, error) { return node.StartProposer(ctx, c) }); err != nil {
			return err
		}
	}
	return s.prepare(ctx)
}

func (s *synod) startRole(_ context.Context, letter string, i int, start func(node.Config) (node.Role, error)) (paxos.NodeID, error) {
	id := paxos.NodeID(fmt.Sprintf("%s%d", letter, i+1))
	c := node.Config{ID: id, Data: filepath.Join(s.dir, string(id)), Bus: s.options(), Log: quiet, CheckpointEvery: s.checkpointEvery}
	var r node.Role
	var err error
	labelled("role", string(id), func() { r, err = start(c) })
	if err == nil {
		s.roles = append(s.roles, r)
	}
	return id, err
}

func (s *synod) options() bus.Options {
	return bus.Options{Subjects: subjects, URLs: []string{s.server.URL()}, Log: quiet}
}

func (s *synod) found(ctx context.Context, plan node.Plan) error {
	b, err := bus.Connect(ctx, s.options())
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = node.Found(ctx, b, plan, nil)
	return err
}

// prepare waits for a leader, and makes the bucket.
func (s *synod) prepare(ctx context.Context) error {
	nc, err := nats.Connect(s.server.URL())
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.NewWithAPIPrefix(nc, subjects.Root()+"api")
	if err != nil {
		return err
	}
	for {
		err := makeBucket(ctx, js, 1)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("make a bucket: %w", err)
		}
		time.Sleep(20 * time.Millisecond) // until there is a leader
	}
	return fill(s.server.URL(), s.keySubject(), valueSize)
}

// makeBucket makes the bucket that put and get use.
func makeBucket(ctx context.Context, js jetstream.JetStream, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, History: 1, Replicas: replicas})
	return err
}

const (
	bucket    = "bench"
	valueSize = 128 // bytes of the values that get finds
)

func (s *synod) keySubject() func(int) string {
	return perKey(subjects.Root() + "api.$KV." + bucket + ".")
}

func (s *synod) open(c cell) (session, error) {
	switch c.Kind {
	case put:
		return openRequests(s.server.URL(), c, s.keySubject())
	case get:
		return openRequests(s.server.URL(), c, perKey(subjects.Root()+"api.DIRECT.GET.KV_"+bucket+".$KV."+bucket+"."))
	default:
		return openRequests(s.server.URL(), c, same(subjects.Propose()))
	}
}

func (s *synod) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var errs []error
	for i := len(s.roles) - 1; i >= 0; i-- {
		errs = append(errs, s.roles[i].Stop(ctx))
	}
	if s.server != nil {
		s.server.Stop()
	}
	return errors.Join(errs...)
}
