package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

// listing answers STREAM.LIST with a page of two of the streams.
type listing struct {
	streams []listed
	asked   atomic.Int64
}

func (l *listing) serve(t *testing.T, b *bus.Bus) {
	t.Helper()
	_, err := b.ServeClients("", []string{b.Subjects().API("STREAM.LIST")}, func(m *nats.Msg) {
		l.asked.Add(1)
		var request struct{ Offset int }
		if err := json.Unmarshal(m.Data, &request); err != nil {
			t.Error(err)
		}
		page := l.streams[request.Offset:min(request.Offset+2, len(l.streams))]
		data, err := json.Marshal(map[string]any{"total": len(l.streams), "streams": page})
		if err != nil {
			t.Error(err)
		}
		if err := m.Respond(data); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

type listed struct {
	Created time.Time `json:"created"`
	Config  struct {
		Name     string   `json:"name"`
		Subjects []string `json:"subjects"`
	} `json:"config"`
}

func someStreams(n, subjects int) []listed {
	list := make([]listed, n)
	for i := range list {
		list[i].Created, list[i].Config.Name = time.Unix(int64(1000-i), 0), fmt.Sprintf("S%d", i) // the newest first
		for j := range subjects {
			list[i].Config.Subjects = append(list[i].Config.Subjects, fmt.Sprintf("s%d.%d", i, j))
		}
	}
	return list
}

// startBare serves the subjects of the streams in l.
func startBare(t *testing.T, l *listing) (*bare, *nats.Conn) {
	t.Helper()
	url := bustest.Server(t).URL()
	b := bustest.Connect(t, url)
	l.serve(t, bustest.Connect(t, url))
	f := newFront(b, bustest.Quiet())
	f.propose, f.rest = func(c paxos.Command) { f.Refuse(paxos.Refusal{Command: c, Reason: paxos.NotLeader}) }, func() {}
	served := &bare{front: f, done: make(chan struct{}), kick: make(chan struct{}, 1), most: 5, listeners: map[string]*bus.Listener{}, denied: map[string]time.Time{}}
	return served, bustest.Connect(t, url).Conn()
}

// TestBareSubjectsOfTheOldestStreams: who makes streams with subjects without end takes
// them from nobody who was there before.
func TestBareSubjectsOfTheOldestStreams(t *testing.T) {
	l := &listing{streams: someStreams(4, 2)}
	l.streams[2].Config.Subjects = []string{"_INBOX.>", "synod.test.propose", "s2.0"}
	b, nc := startBare(t, l)
	if err := b.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]bool{"s3.0": true, "s3.1": true, "s2.0": true, "s1.0": true, "s1.1": true, "s0.0": false, "s0.1": false, "synod.test.propose": false} {
		_, err := nc.Request(subject, nil, 10*time.Second)
		if served := err == nil; served != want || err != nil && !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("%s: %v, want served: %v", subject, err, want)
		}
	}
	l.streams = l.streams[:2]
	if err := b.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request("s0.1", nil, 10*time.Second); err != nil {
		t.Errorf("with the others gone: %v", err)
	}
	if _, err := nc.Request("s3.0", nil, 10*time.Second); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a stream that is gone: %v", err)
	}
}

// TestBareIsNotPutOff: commands that may change streams come without a pause, and what is
// due is done nevertheless.
func TestBareIsNotPutOff(t *testing.T) {
	l := &listing{streams: someStreams(1, 1)}
	b, nc := startBare(t, l)
	b = newBare(b.front)
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(10 * time.Second); l.asked.Load() < 4; {
		b.changed("api.STREAM.CREATE.S")
		if time.Now().After(end) {
			t.Fatalf("asked for the streams %d times", l.asked.Load())
		}
	}
	if _, err := nc.Request("s0.0", nil, 10*time.Second); err != nil {
		t.Error(err)
	}
}
