package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/synod-paxos/synod/streams/command"
)

// TestASessionWaitsForRoom: the commands of a session that the cluster would keep too many
// outcomes for wait in the client, and go on in turn as the lowest ones are settled.
func TestASessionWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Session{lowest: 1, awaited: map[uint64]bool{}, room: make(chan struct{}, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		take := func(want uint64) {
			t.Helper()
			if n, err := s.number(ctx, ""); n != want || err != nil {
				t.Errorf("number %d, %v, want %d", n, err, want)
			}
		}
		for n := range uint64(command.MaxAwaited) {
			take(n + 1)
		}
		if at := s.at(command.MaxAwaited); at.Awaited != 1 {
			t.Errorf("awaits %d, want 1", at.Awaited)
		}
		got := make(chan uint64, 3)
		for range 3 {
			go func() {
				n, _ := s.number(ctx, "")
				got <- n
			}()
		}
		s.settled(2)
		if synctest.Wait(); len(got) != 0 {
			t.Errorf("%d got a number while the lowest outcome is awaited", len(got))
		}
		s.settled(1) // and with it 2
		if synctest.Wait(); len(got) != 2 {
			t.Errorf("%d got a number, want 2", len(got))
		}
		cancel()
		if synctest.Wait(); len(got) != 3 {
			t.Error("one goes on waiting after its context has ended")
		}
		if _, err := s.number(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("a call whose context has ended: %v", err)
		}
	})
}

// TestAnOutcomeThatNobodyAsksForGivesWay: after keptUnknown further commands.
func TestAnOutcomeThatNobodyAsksForGivesWay(t *testing.T) {
	s := &Session{lowest: 1, awaited: map[uint64]bool{}, room: make(chan struct{}, 1)}
	unknown, _ := s.next()
	_ = s.unlessUnknown(unknown, ErrOutcomeUnknown)
	for range keptUnknown {
		n, _ := s.next()
		s.settled(n)
		if at := s.at(n); at.Awaited != unknown {
			t.Fatalf("at command %d an outcome from %d on is awaited, want %d", n, at.Awaited, unknown)
		}
	}
	n, _ := s.next()
	s.settled(n)
	if last, _ := s.next(); s.at(last).Awaited != last {
		t.Errorf("awaits %d, want %d", s.at(last).Awaited, last)
	}
	if _, err := s.askAgain(s.idOf(unknown)); err == nil {
		t.Error("an outcome that was given up is asked for")
	}
}
