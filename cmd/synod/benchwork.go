package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/client"
)

// setupTime bounds what is done before the callers begin, and after they end.
const setupTime = 10 * time.Second

// open connects, and makes the bucket with a value under every key.
func (w *benchWork) open(ctx context.Context, say io.Writer) error {
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for range w.command.Connections {
		c, err := w.connect(ctx)
		if err != nil {
			return err
		}
		w.clients = append(w.clients, c)
	}
	if w.command.Log {
		return nil
	}
	setup, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	name := "synod-bench-" + uuid.NewString()[:8]
	for _, c := range w.clients {
		b, err := c.CreateBucket(setup, name, client.BucketConfig{})
		if err != nil {
			return fmt.Errorf("%w\n  See `synod status` for what the cluster lacks", err)
		}
		w.buckets = append(w.buckets, b)
	}
	return w.fill(ctx, say)
}

func (w *benchWork) connect(ctx context.Context) (*client.Client, error) {
	o, err := w.command.Connection.Options()
	if err != nil {
		return nil, err
	}
	o.Name, o.Log = "synod bench", slog.New(slog.DiscardHandler) // a broken connection shows as failed operations
	c, err := client.Connect(ctx, client.Options{
		Prefix: o.Subjects.Prefix, Cluster: o.Subjects.Cluster, NATS: o, Singly: !w.command.Together,
	})
	if err != nil {
		return nil, notConnected(err)
	}
	return c, nil
}

// fill puts every key, many at once.
func (w *benchWork) fill(ctx context.Context, say io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for i := range w.command.Keys {
		w.keys = append(w.keys, fmt.Sprintf("k%d", i))
	}
	const atOnce = 64
	var callers sync.WaitGroup
	var put atomic.Int64
	for first := range atOnce {
		callers.Go(func() {
			for i := first; i < len(w.keys); i += atOnce {
				if err := w.put(ctx, w.keys[i]); err != nil {
					cancel(err) // the others need not fail, too
					return
				}
				put.Add(1)
			}
		})
	}
	progress := time.NewTicker(time.Second)
	defer progress.Stop()
	filled := make(chan struct{})
	go func() { callers.Wait(); close(filled) }()
	for {
		select {
		case <-progress.C:
			fmt.Fprintf(say, "%d of %d keys have a value\n", put.Load(), len(w.keys))
		case <-filled:
			return context.Cause(ctx)
		}
	}
}

func (w *benchWork) put(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	_, err := w.buckets[0].Put(ctx, key, w.data)
	return err
}

// do is a caller's n-th operation. Callers stride through the keys, so that they
// seldom meet; reads are spread evenly over the operations.
func (w *benchWork) do(caller, n int) (kind int, err error) {
	i := caller % len(w.clients)
	if w.command.Log {
		_, err = w.clients[i].Propose(w.ctx, w.data)
		return 0, err
	}
	key := w.keys[(caller*61+n)%len(w.keys)]
	if (caller*37+n*w.command.Reads)%100 < w.command.Reads {
		_, err = w.buckets[i].Get(w.ctx, key)
		return 1, err
	}
	_, err = w.buckets[i].Put(w.ctx, key, w.data)
	return 0, err
}

// close removes the bucket, and disconnects.
func (w *benchWork) close() (err error) {
	w.cancel()
	if len(w.buckets) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), setupTime)
		defer cancel()
		if err = w.clients[0].DeleteBucket(ctx, w.buckets[0].Name()); err != nil {
			err = fmt.Errorf("remove the bucket: %w", err)
		}
	}
	for _, c := range w.clients {
		c.Close()
	}
	return err
}
