package learner_test

import (
	"context"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

var quiet = slog.New(slog.DiscardHandler)

// cluster runs a NATS server, three acceptors and a proposer of the cluster "main".
func cluster() (url string, stop func()) {
	ctx := context.Background()
	s, err := bus.StartServer(bus.ServerOptions{Log: quiet})
	check(err)
	dir, err := os.MkdirTemp("", "cluster")
	check(err)
	undo := []func(){func() { check(os.RemoveAll(dir)) }, s.Stop}
	o := bus.Options{Subjects: bus.Subjects{Cluster: "main"}, URLs: []string{s.URL()}, Log: quiet}
	plan := node.Plan{Acceptors: []paxos.NodeID{"a1", "a2", "a3"}}
	for _, id := range plan.Acceptors {
		a, err := node.StartAcceptor(ctx, node.Config{ID: id, Bus: o, Data: filepath.Join(dir, string(id)), Log: quiet})
		check(err)
		undo = append(undo, func() { check(a.Stop(ctx)) })
	}
	b, err := bus.Connect(ctx, o)
	check(err)
	_, err = node.Found(ctx, b, plan, nil)
	check(err)
	b.Close()
	p, err := node.StartProposer(ctx, node.Config{ID: "p1", Bus: o, Log: quiet})
	check(err)
	undo = append(undo, func() { check(p.Stop(ctx)) })
	return s.URL(), func() {
		for _, f := range slices.Backward(undo) {
			f()
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
