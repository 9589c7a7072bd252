package node

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestALocalClusterLeavesNothingBehind in the process that ran it.
func TestALocalClusterLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l, err := StartLocal(ctx, LocalConfig{
		Cluster: "main", Listen: "127.0.0.1:0", Data: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Acceptors: 1, Proposers: 1, Learners: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Stop(ctx); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
}
