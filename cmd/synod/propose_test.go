package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus/bustest"
)

// TestProposalThatDoesNotFit was never sent, so its outcome is known.
func TestProposalThatDoesNotFit(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t).URL())
	p := proposal{bus: b, msg: &nats.Msg{Subject: b.Subjects().Propose(), Data: make([]byte, b.Conn().MaxPayload()+1)}}
	_, err := p.untilAnswered(t.Context(), time.Now().Add(time.Minute))
	if !errors.Is(err, nats.ErrMaxPayload) || p.mayBeDone {
		t.Fatalf("%v, may be done: %v", err, p.mayBeDone)
	}
	if text := p.explain(err, "id").Error(); !strings.Contains(text, "certainly not appended") {
		t.Errorf("it says %q", text)
	}
}

// TestProposalWithoutAnAnswer may have been appended: the id tells.
func TestProposalWithoutAnAnswer(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t).URL())
	if _, err := b.Conn().Subscribe(b.Subjects().Propose(), func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	p := proposal{bus: b, msg: &nats.Msg{Subject: b.Subjects().Propose()}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := p.untilAnswered(ctx, time.Now().Add(time.Minute))
	if text := p.explain(err, "id-1").Error(); !p.mayBeDone || !strings.Contains(text, "unknown") || !strings.Contains(text, "--id id-1") {
		t.Errorf("it says %q", text)
	}
}
