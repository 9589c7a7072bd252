package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// RunOptions say how a process with one role lives.
type RunOptions struct {
	HTTP string // address for health and metrics; empty: none
	// Drain bounds how long a stop may take. What is left then is as safe as after a
	// crash, and the process says that it failed.
	Drain time.Duration
	Log   *slog.Logger
}

// Run starts a role and lives until ctx ends, or until the role fails, which is
// its error.
func Run(ctx context.Context, o RunOptions, start func(context.Context) (Role, error)) error {
	h, err := ServeHTTP(o.HTTP, o.Log)
	if err != nil {
		return err
	}
	defer h.Close()
	role, err := start(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it had begun
		}
		return err
	}
	h.Add(role)
	select {
	case <-ctx.Done():
		o.Log.Info("stopping")
		return stopWithin(role, o.Drain)
	case err := <-role.Failed():
		o.Log.Error("failed, and stops for good", "err", err)
		stopped := stopWithin(role, failedStop)
		if errors.Is(stopped, err) {
			stopped = nil // the same is the matter, and is said once
		}
		return errors.Join(fmt.Errorf("%s failed: %w", role.Name(), err), stopped)
	}
}

// failedStop bounds the stop of a role that has failed: its disk may hang.
const failedStop = 2 * time.Second

// stopSlack is how long after its drain a role may take to stop.
const stopSlack = 5 * time.Second

func stopWithin(role Role, drain time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- role.Stop(ctx) }()
	select {
	case err := <-done:
		return err
	case <-time.After(drain + stopSlack):
		return fmt.Errorf("%s did not stop within %s", role.Name(), drain+stopSlack)
	}
}
