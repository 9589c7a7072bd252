package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/client"
)

var synodClientSystem = system{
	name: "synod-client", about: "the same cluster, called by the Go client, whose callers share messages", kinds: []kind{propose, put, get},
	on: "synod", open: openClient,
}

// clientSession is callers of one Go process: they share a client.
type clientSession struct {
	client *client.Client
	bucket *client.Bucket
	kind   kind
	keys   []string
	data   []byte
}

func openClient(r running, c cell) (session, error) {
	s, ok := r.(*synod)
	if !ok {
		return nil, errors.New("the Go client calls Synod only")
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	o := client.Options{Cluster: subjects.Cluster, NATS: bus.Options{URLs: []string{s.server.URL()}, Log: quiet}}
	cl, err := client.Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	b, err := cl.Bucket(ctx, bucket)
	if err != nil {
		cl.Close()
		return nil, err
	}
	callers := &clientSession{client: cl, bucket: b, kind: c.Kind, keys: make([]string, keys), data: value(c)}
	for i := range callers.keys {
		callers.keys[i] = "k" + strconv.Itoa(i)
	}
	return callers, nil
}

func (s *clientSession) do(caller, n int) (err error) {
	ctx := context.Background()
	switch s.kind {
	case put:
		_, err = s.bucket.Put(ctx, s.keys[key(caller, n)], s.data)
	case get:
		_, err = s.bucket.Get(ctx, s.keys[key(caller, n)])
	default:
		_, err = s.client.Propose(ctx, s.data)
	}
	return err
}

func (s *clientSession) close() { s.client.Close() }
