package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var jetStreamSystem = system{
	name: "jetstream", about: "3 replicas, acknowledged before fsync (its default)", kinds: []kind{propose, put, get},
	start: func(dir string) (running, error) { return startJetStream(dir, false) },
}

var jetStreamSyncSystem = system{
	name: "jetstream-sync", about: "3 replicas, sync always", kinds: []kind{propose, put},
	start: func(dir string) (running, error) { return startJetStream(dir, true) },
}

// jetStreamServers is three NATS servers with JetStream, a stream and a bucket of
// three replicas. Clients connect to the server that leads what they use, which
// spares them a hop.
type jetStreamServers struct {
	servers []*server.Server
	admin   *nats.Conn
	js      jetstream.JetStream
}

const (
	streamName    = "BENCH"
	streamSubject = "bench.append"
)

func startJetStream(dir string, always bool) (running, error) {
	j := &jetStreamServers{}
	if err := j.start(dir, always); err != nil {
		return nil, errors.Join(err, j.stop())
	}
	return j, nil
}

func (j *jetStreamServers) start(dir string, always bool) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	for i := range ports {
		if err := j.startServer(filepath.Join(dir, strconv.Itoa(i+1)), ports, i, always); err != nil {
			return err
		}
	}
	for i, s := range j.servers {
		if !s.ReadyForConnections(startTime) {
			return fmt.Errorf("server %d does not accept connections", i+1)
		}
	}
	if j.admin, err = nats.Connect(j.servers[0].ClientURL()); err != nil {
		return err
	}
	if j.js, err = jetstream.New(j.admin); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := j.makeStream(ctx); err != nil {
		return err
	}
	url, err := j.leader("KV_" + bucket)
	if err != nil {
		return err
	}
	return fill(url, perKey("$KV."+bucket+"."), valueSize)
}

func (j *jetStreamServers) startServer(dir string, ports []int, i int, always bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	o := &server.Options{
		ServerName: fmt.Sprintf("s%d", i+1), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: always, JetStreamMaxStore: 16 << 30, JetStreamMaxMemory: 1 << 30,
		Cluster: server.ClusterOpts{Name: "bench", Host: "127.0.0.1", Port: ports[i]},
	}
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	j.servers = append(j.servers, s)
	s.Start()
	return nil
}

// makeStream waits until the servers have a leader, and makes the stream and the
// bucket.
func (j *jetStreamServers) makeStream(ctx context.Context) error {
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := j.js.CreateOrUpdateStream(try, jetstream.StreamConfig{
			Name: streamName, Subjects: []string{streamSubject}, Replicas: 3, MaxBytes: 4 << 30, Discard: jetstream.DiscardOld,
		})
		cancel()
		if err == nil {
			if err = makeBucket(ctx, j.js, 3); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("make a stream: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// leader is the URL of the server that leads a stream.
func (j *jetStreamServers) leader(stream string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	s, err := j.js.Stream(ctx, stream)
	if err != nil {
		return "", err
	}
	for _, srv := range j.servers {
		if c := s.CachedInfo().Cluster; c != nil && c.Leader == srv.Name() {
			return srv.ClientURL(), nil
		}
	}
	return "", fmt.Errorf("stream %s has no leader", stream)
}

func (j *jetStreamServers) open(c cell) (session, error) {
	stream, subject := "KV_"+bucket, perKey("$KV."+bucket+".")
	switch c.Kind {
	case propose:
		stream, subject = streamName, same(streamSubject)
	case get:
		subject = perKey("$JS.API.DIRECT.GET.KV_" + bucket + ".$KV." + bucket + ".")
	}
	url, err := j.leader(stream)
	if err != nil {
		return nil, err
	}
	return openRequests(url, c, subject)
}

func (j *jetStreamServers) stop() error {
	if j.admin != nil {
		j.admin.Close()
	}
	for _, s := range j.servers {
		s.Shutdown()
		s.WaitForShutdown()
	}
	return nil
}
