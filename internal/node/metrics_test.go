package node

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/synod-paxos/synod/bus"
)

// fixed is a role that always reports the same.
type fixed struct {
	Role
	report Report
	hung   error
}

func (f fixed) Alive() error { return f.hung }

func (f fixed) Report() Report { return f.report }

func (f fixed) Name() string { return f.report.Role + " " + string(f.report.ID) }

func fixedRoles() []Role {
	var roles []Role
	for _, r := range healthy() {
		r.Cluster = "main"
		r.Ignored = map[string]uint64{"stale": 3}
		r.Bus = bus.Counters{
			Sent: map[string]bus.Traffic{"accept": {Messages: 5, Bytes: 500}}, Received: map[string]bus.Traffic{"accepted": {Messages: 7, Bytes: 70}},
			Dropped: map[string]uint64{"malformed": 1},
		}
		if r.Proposer != nil {
			r.Proposer.Refused = map[string]uint64{"overloaded": 2}
		}
		if r.Learner != nil {
			r.Learner.Reads = map[string]uint64{"direct_get": 4}
		}
		roles = append(roles, fixed{report: r})
	}
	return roles
}

// TestMetricsAreWellFormed: names and helps pass Prometheus' own linter, and every
// metric of the list has a sample for some role.
func TestMetricsAreWellFormed(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(&collector{roles: fixedRoles})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	sampled := map[string]bool{}
	for _, f := range families {
		sampled[f.GetName()] = len(f.GetMetric()) > 0
	}
	for _, h := range histograms {
		if !sampled[h.name] {
			t.Errorf("no role has %s", h.name)
		}
	}
	for _, m := range metrics {
		if !sampled[m.name] {
			t.Errorf("no role has %s", m.name)
		}
		if !regexp.MustCompile(`^synod_[a-z0-9_]+$`).MatchString(m.name) || !strings.HasSuffix(m.help, ".") {
			t.Errorf("metric %q: %q", m.name, m.help)
		}
	}
}

// serve answers a GET of path for these roles.
func serve(t *testing.T, path string, roles ...Role) (status int, text string) {
	t.Helper()
	h, err := ServeHTTP("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, r := range roles {
		h.Add(r)
	}
	w := httptest.NewRecorder()
	h.handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

// TestMetricsTellRolesApart: a process may hold several roles.
func TestMetricsTellRolesApart(t *testing.T) {
	_, text := serve(t, "/metrics", fixedRoles()...)
	for _, want := range []string{
		`synod_acceptor_commands_total{cluster="main",id="a1",role="acceptor"} 10`,
		`synod_acceptor_commands_total{cluster="main",id="a3",role="acceptor"} 10`,
		`synod_bus_sent_bytes_total{cluster="main",id="l2",kind="accept",role="learner"} 500`,
		`synod_proposer_refused_commands_total{cluster="main",id="p1",reason="overloaded",role="proposer"} 2`,
		`synod_proposer_ballot_round{cluster="main",id="p1",role="proposer"} 3`,
		`synod_proposer_phase2_duration_seconds_count{cluster="main",id="p1",role="proposer"} 3`,
		`go_goroutines `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

// TestReadiness: a process is ready when all of its roles are, and says why not.
func TestReadiness(t *testing.T) {
	roles := fixedRoles()
	lagging := fixed{report: Report{Role: "learner", ID: "l3", NotReady: "it is 9 slots behind"}}
	for _, test := range []struct {
		name   string
		roles  []Role
		status int
		text   string
	}{
		{"starting", nil, 503, "starting"},
		{"all", roles, 200, "acceptor a1: ready\n"},
		{"all but one", append(roles, lagging), 503, "learner l3: not ready: it is 9 slots behind\n"},
	} {
		status, text := serve(t, "/readyz", test.roles...)
		if status != test.status || !strings.Contains(text, test.text) {
			t.Errorf("%s: %d %q, want %d and %q", test.name, status, text, test.status, test.text)
		}
		if status, _ := serve(t, "/healthz", test.roles...); status != 200 {
			t.Errorf("%s: /healthz says %d, want 200: it lives", test.name, status)
		}
	}
}

// TestAliveness: what hangs does not live, whatever else the process runs.
func TestAliveness(t *testing.T) {
	hung := fixed{report: Report{Role: "acceptor", ID: "a9"}, hung: errors.New("it has hung for 11s")}
	status, text := serve(t, "/healthz", append(fixedRoles(), hung)...)
	if status != 503 || text != "acceptor a9: it has hung for 11s\n" {
		t.Errorf("%d %q, want 503 and who hangs", status, text)
	}
}
