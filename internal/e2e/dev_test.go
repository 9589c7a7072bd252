package e2e

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// startDev starts synod dev and returns the address of its NATS server, once a
// proposal would succeed.
func startDev(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	p := startProcess(t, "synod", append([]string{"dev", "--listen", "127.0.0.1:0"}, args...)...)
	return p, regexp.MustCompile(`nats://127\.0\.0\.1:\d+`).FindString(p.await("Ready: "))
}

// TestDevGoesOn: stopped and started again with the same data, it has the log.
func TestDevGoesOn(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	var want []string
	for round := range 3 {
		p, url := startDev(t, "--data", data, "--cluster", "demo")
		p.await("later: synod dev --data " + data + " --listen 127.0.0.1:0 --cluster demo")
		for i := range 3 {
			text := fmt.Sprintf("round %d, proposal %d", round, i)
			want = append(want, text)
			// Ready means ready: the first attempt succeeds.
			call(t, "synod", "propose", text, "--nats", url, "--cluster", "demo", "--timeout", "1s").must(t)
		}
		var have []string
		for _, line := range strings.Split(strings.TrimSpace(call(t, "synod", "log", "--nats", url, "--cluster", "demo").must(t)), "\n") {
			fields := strings.SplitN(line, "\t", 3)
			have = append(have, fields[len(fields)-1])
		}
		if strings.Join(have, ";") != strings.Join(want, ";") {
			t.Errorf("in round %d the log is %q, want %q", round, have, want)
		}
		if round == 1 {
			p.kill()
			continue
		}
		if code := p.stop(syscall.SIGINT); code != 0 {
			t.Errorf("Ctrl-C ends it with code %d, want 0", code)
		}
	}
}

// TestDevPortInUse says so at once, and what to do.
func TestDevPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := call(t, "synod", "dev", "--listen", l.Addr().String())
	if r.code != 1 || !containsAll(r.errors, "in use", "--listen") {
		t.Errorf("code %d:\n%s", r.code, r.errors)
	}
}
