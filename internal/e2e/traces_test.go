package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
)

// TestTracesAreExported to the collector that the environment names, by the programs
// that a command passes through.
func TestTracesAreExported(t *testing.T) {
	var mu sync.Mutex
	var got bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/v1/traces" {
			_, _ = io.Copy(&got, r.Body) // what is lost is missed below
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	p, url := startDev(t, "--data", t.TempDir())
	call(t, "synod", "propose", "traced", "--nats", url).must(t)
	if code := p.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, span := range []string{"synod propose", "proposer queue", "proposer phase2", "acceptor vote", "acceptor sync", "learner learn", "learner apply", "learner reply", "synod-dev"} {
		if !bytes.Contains(got.Bytes(), []byte(span)) {
			t.Errorf("%d bytes of traces do not name %q", got.Len(), span)
		}
	}
}
