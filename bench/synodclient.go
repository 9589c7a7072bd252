package main

import (
	"context"
	"errors"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/client"
)

var synodClientSystem = system{
	name: "synod-client", about: "the same cluster, called by the Go client, whose callers share messages", kinds: []kind{propose},
	on: "synod", open: openClient,
}

// clientSession is callers of one Go process: they share a client.
type clientSession struct {
	client *client.Client
	data   []byte
}

func openClient(r running, c cell) (session, error) {
	s, ok := r.(*synod)
	if !ok {
		return nil, errors.New("the Go client calls Synod only")
	}
	o := client.Options{Cluster: subjects.Cluster, NATS: bus.Options{URLs: []string{s.server.URL()}, Log: quiet}}
	cl, err := client.Connect(context.Background(), o)
	if err != nil {
		return nil, err
	}
	return &clientSession{client: cl, data: value(c)}, nil
}

func (s *clientSession) do(int, int) error {
	_, err := s.client.Propose(context.Background(), s.data)
	return err
}

func (s *clientSession) close() { s.client.Close() }
