//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// health is what a role's process says of itself.
type health struct {
	alive  string // of /healthz: "alive", "silent", or what else it says
	ready  bool
	reason string // of /readyz, unless it is ready
}

func (h health) String() string {
	switch {
	case h.alive != "alive":
		return h.alive
	case h.ready:
		return "ready"
	default:
		return "not ready: " + h.reason
	}
}

// healthWatch asks every role again and again, through links that no fault cuts but
// an unplugged one.
type healthWatch struct {
	cluster *cluster
	client  *http.Client

	mu   sync.Mutex
	last map[string]health
	more chan struct{} // closed and replaced with each change
}

const (
	healthEvery   = 250 * time.Millisecond
	healthTimeout = 2 * time.Second // an answer that takes longer is none
)

func watchHealth(ctx context.Context, c *cluster) *healthWatch {
	w := &healthWatch{
		cluster: c, last: map[string]health{}, more: make(chan struct{}),
		client: &http.Client{Timeout: healthTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	for _, name := range c.roles() {
		go w.run(ctx, name)
	}
	return w
}

func (w *healthWatch) run(ctx context.Context, name string) {
	ticker := time.NewTicker(healthEvery)
	defer ticker.Stop()
	for {
		h := w.ask(name)
		w.mu.Lock()
		if w.last[name].String() != h.String() {
			w.cluster.note("health of %s: %s", name, h)
		}
		w.last[name] = h
		close(w.more)
		w.more = make(chan struct{})
		w.mu.Unlock()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *healthWatch) ask(name string) health {
	status, text := w.get(name, "healthz")
	if status != http.StatusOK {
		return health{alive: text}
	}
	h := health{alive: "alive"}
	status, text = w.get(name, "readyz")
	h.ready, h.reason = status == http.StatusOK, text
	return h
}

func (w *healthWatch) get(name, path string) (status int, text string) {
	r, err := w.client.Get("http://" + w.cluster.net.address(name) + ":" + httpPort + "/" + path)
	if err != nil {
		return 0, "silent"
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return 0, "silent"
	}
	return r.StatusCode, strings.TrimSpace(string(body))
}

// A claim is what a role's health must say some time after a fault began, at the
// latest; and then it says the truth.
type claim struct {
	name   string
	what   string // for people: "silent", "not ready", "ready"
	holds  func(health) bool
	within time.Duration
}

func silent(name string, within time.Duration) claim {
	return claim{name, "silent", func(h health) bool { return h.alive == "silent" }, within}
}

func notReady(name string, within time.Duration) claim {
	return claim{name, "not ready", func(h health) bool { return h.alive == "alive" && !h.ready }, within}
}

func ready(name string, within time.Duration) claim {
	return claim{name, "ready", func(h health) bool { return h.ready }, within}
}

// await waits until the claim holds.
func (w *healthWatch) await(ctx context.Context, c claim) error {
	timeout := time.After(c.within)
	for {
		w.mu.Lock()
		h, more := w.last[c.name], w.more
		w.mu.Unlock()
		if c.holds(h) {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil
		case <-timeout:
			return fmt.Errorf("health of %s after %s: %s; want %s", c.name, c.within, h, c.what)
		}
	}
}
