package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
)

// broken is a role that fails at once, and stops with an error.
type broken struct {
	Role
	failure, stopped error
}

func (b *broken) Name() string { return "acceptor a1" }
func (b *broken) Failed() <-chan error {
	c := make(chan error, 1)
	c <- b.failure
	return c
}
func (b *broken) Stop(context.Context) error { return b.stopped }

// TestWhyARoleFailedIsSaidOnce: also when it cannot be stopped for the same reason.
func TestWhyARoleFailedIsSaidOnce(t *testing.T) {
	full := errors.New("no space left")
	for _, test := range []struct {
		name    string
		stopped error
		want    string
	}{
		{"stops", nil, "acceptor a1 failed: no space left"},
		{"the same", fmt.Errorf("stop storage: %w", full), "acceptor a1 failed: no space left"},
		{"something else", errors.New("hangs"), "acceptor a1 failed: no space left\nhangs"},
	} {
		b := &broken{failure: full, stopped: test.stopped}
		err := Run(t.Context(), RunOptions{Log: slog.New(slog.DiscardHandler)}, func(context.Context) (Role, error) { return b, nil })
		if !errors.Is(err, full) || err.Error() != test.want {
			t.Errorf("%s: %q, want %q", test.name, err, test.want)
		}
	}
}
