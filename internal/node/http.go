package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// HTTP serves what monitoring asks of a process: /healthz, whether it lives;
// /readyz, whether every role in it makes progress; and /metrics.
type HTTP struct {
	server   *http.Server
	registry *prometheus.Registry
	address  string

	mu    sync.Mutex
	roles []Role
}

// ServeHTTP listens on address; an empty address serves nothing.
func ServeHTTP(address string, log *slog.Logger) (*HTTP, error) {
	h := &HTTP{registry: prometheus.NewRegistry()}
	if address == "" {
		return h, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("HTTP on %s: %w", address, err)
	}
	h.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{roles: h.list})
	h.address = l.Addr().String()
	h.server = &http.Server{Handler: h.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	go func() {
		if err := h.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("HTTP ended", "err", err)
		}
	}()
	log.Info("HTTP serves /healthz, /readyz and /metrics", "address", h.address)
	return h, nil
}

// Address is where HTTP is served; empty when it is not.
func (h *HTTP) Address() string { return h.address }

// Add makes a role part of what is served.
func (h *HTTP) Add(r Role) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.roles = append(h.roles, r)
}

// Close ends it.
func (h *HTTP) Close() {
	if h.server != nil {
		_ = h.server.Close() // nobody is left to hear of it
	}
}

func (h *HTTP) list() []Role {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Role(nil), h.roles...)
}

func (h *HTTP) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{}))
	return mux
}

// alive says of every role whether it goes on working: only what a new start can help
// makes it say no.
func (h *HTTP) alive(w http.ResponseWriter, _ *http.Request) {
	status, text := http.StatusOK, "alive\n"
	for _, r := range h.list() {
		if err := r.Alive(); err != nil {
			if status == http.StatusOK {
				status, text = http.StatusServiceUnavailable, ""
			}
			text += r.Name() + ": " + err.Error() + "\n"
		}
	}
	answerText(w, status, text)
}

// ready says of every role whether it makes progress, and why not.
func (h *HTTP) ready(w http.ResponseWriter, _ *http.Request) {
	roles := h.list()
	status, text := http.StatusOK, ""
	if len(roles) == 0 {
		status, text = http.StatusServiceUnavailable, "starting: see the log for what it waits for\n"
	}
	for _, r := range roles {
		report := r.Report()
		if report.Ready {
			text += r.Name() + ": ready\n"
			continue
		}
		status = http.StatusServiceUnavailable
		text += r.Name() + ": not ready: " + report.NotReady + "\n"
	}
	answerText(w, status, text)
}

func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // who asked has gone: nothing to do
}
