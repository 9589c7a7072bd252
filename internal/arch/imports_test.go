package arch

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layer is what a package may import, tests aside.
type layer struct {
	ours   []string // packages of this module; a trailing "/..." takes in those below, "..." is all but programs
	others []string // modules and packages of others, with all below them
	std    []string // if not nil, nothing else of the standard library
}

const (
	natsClient = "github.com/nats-io/nats.go"
	natsServer = "github.com/nats-io/nats-server/v2"
	natsTools  = "github.com/nats-io/jsm.go"
	natsKeys   = "github.com/nats-io/nkeys"
	natsJWT    = "github.com/nats-io/jwt/v2"
	protoactor = "github.com/asynkron/protoactor-go/actor"
	protobuf   = "google.golang.org/protobuf"
	pebble     = "github.com/cockroachdb/pebble/v2"
	prometheus = "github.com/prometheus/client_golang"
	kong       = "github.com/alecthomas/kong"
	uuid       = "github.com/google/uuid"
	xxhash     = "github.com/cespare/xxhash/v2"
	highway    = "github.com/minio/highwayhash"
	porcupine  = "github.com/anishathalye/porcupine"
	rate       = "golang.org/x/time/rate"
	otel       = "go.opentelemetry.io/otel"
	term       = "golang.org/x/term"
	goleak     = "go.uber.org/goleak"
	hdr        = "github.com/HdrHistogram/hdrhistogram-go"
)

// pure is what packages may use that read no clock, no randomness and no environment,
// do no I/O, and start no goroutine.
var pure = []string{"cmp", "encoding/binary", "encoding/hex", "errors", "fmt", "iter", "maps", "math", "math/bits", "slices", "strconv", "strings"}

// table is the map of the packages. The one above knows the ones below; what is not
// said here is not allowed. A new package is written into it.
var table = map[string]layer{
	// The algorithm: words, and roles as pure state machines.
	"paxos": {std: pure},
	"roles": {ours: []string{"paxos"}, std: pure},

	// The replicated state machine knows nothing of how it is replicated.
	"streams":         {ours: []string{"streams/...", "internal/gentle", "internal/guard"}, others: []string{pebble, xxhash, highway}},
	"streams/command": {},

	// What surrounds the roles: a disk, a network, a mailbox.
	"storage":             {ours: []string{"paxos", "storage/...", "internal/gentle", "internal/guard"}, others: []string{pebble, uuid}},
	"storage/storagetest": {others: []string{pebble, goleak}},
	"bus":                 {ours: []string{"paxos", "bus/paxospb"}, others: []string{natsClient, natsServer, natsTools, natsKeys, protobuf, rate}},
	"bus/paxospb":         {others: []string{protobuf}},
	"bus/leaf":            {ours: []string{"bus"}, others: []string{natsClient, natsServer, rate}},
	"bus/bustest":         {ours: []string{"paxos", "bus"}, others: []string{natsClient, natsServer}},
	"actors":              {ours: []string{"paxos", "roles", "internal/gentle"}, others: []string{protoactor}},
	"consumers":           {ours: []string{"paxos", "streams", "bus/..."}, others: []string{natsClient, rate}},
	"jsapi":               {ours: []string{"paxos", "streams/...", "bus/...", "consumers"}, others: []string{natsClient, rate}},
	"client":              {ours: []string{"bus", "streams/command"}, others: []string{natsClient, otel}},
	// Whoever replicates a state machine of their own imports this instead of starting the
	// built-in learner: so it is above internal/node, and its users get all of that.
	"learner": {ours: []string{"bus", "paxos", "actors", "internal/node"}},

	// The whole cluster without any of that.
	"sim":              {ours: []string{"paxos", "roles", "streams/...", "storage/...", "sim/..."}},
	"sim/cmd/simulate": {ours: []string{"sim"}},
	"sim/explore":      {ours: []string{"paxos", "roles"}},
	"sim/mutants":      {},

	// Who may do what on NATS.
	"internal/authority": {ours: []string{"bus"}, others: []string{natsKeys, natsJWT}},

	// A copy of a cluster's state in a file.
	"internal/backup": {ours: []string{"paxos", "streams"}},

	// Processes.
	"internal/node":            {ours: []string{"..."}, others: []string{natsClient, protoactor, prometheus, uuid, rate, otel}},
	"internal/node/cli":        {ours: []string{"..."}, others: []string{kong}},
	"internal/tracing":         {ours: []string{"paxos", "bus"}, others: []string{otel, rate}},
	"internal/ladder":          {ours: []string{"paxos", "bus"}},
	"internal/clustertest":     {ours: []string{"..."}, others: []string{natsClient}},
	"internal/e2e":             {ours: []string{"..."}, others: []string{natsClient}},
	"internal/linearizability": {ours: []string{"bus", "client", "streams/command"}, others: []string{natsClient, porcupine}},
	"internal/arch":            {},
	"internal/gentle":          {others: []string{pebble}},
	"internal/guard":           {ours: []string{"internal/gentle"}, others: []string{pebble}},
	"torture":                  {ours: []string{"..."}, others: []string{natsClient, porcupine}},
	"internal/load":            {others: []string{hdr}},
	"internal/chart":           {others: []string{hdr}},
	"cmd/acceptor":             {ours: []string{"internal/node/..."}},
	"cmd/proposer":             {ours: []string{"internal/node/..."}},
	"cmd/learner":              {ours: []string{"internal/node/..."}},
	"cmd/synod":                {ours: []string{"..."}, others: []string{natsClient, kong, uuid, rate, term, otel, hdr}},
}

// TestImports holds every file to the table.
func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		l, known := table[f.dir]
		if !known {
			t.Errorf("%s: package %s is not in the table of this test", f.path, f.dir)
			continue
		}
		if f.test {
			continue
		}
		for _, name := range f.imports {
			if !l.allows(name) {
				t.Errorf("%s imports %s, which the table does not allow for %s", f.path, name, f.dir)
			}
		}
	}
}

func (l layer) allows(name string) bool {
	if dir, ours := strings.CutPrefix(name, module+"/"); ours {
		return slices.ContainsFunc(l.ours, func(pattern string) bool { return matches(pattern, dir) })
	}
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		return l.std == nil || slices.Contains(l.std, name)
	}
	return slices.ContainsFunc(l.others, func(other string) bool { return below(other, name) })
}

func matches(pattern, dir string) bool {
	if pattern == "..." {
		return !below("cmd", dir)
	}
	if parent, all := strings.CutSuffix(pattern, "/..."); all {
		return below(parent, dir)
	}
	return pattern == dir
}

// below reports whether name is parent or below it.
func below(parent, name string) bool { return name == parent || strings.HasPrefix(name, parent+"/") }

// TestTheTableItself: the patterns mean what they say.
func TestTheTableItself(t *testing.T) {
	for _, c := range []struct {
		dir, name string
		want      bool
	}{
		{"roles", module + "/paxos", true},
		{"roles", module + "/bus", false},
		{"roles", "slices", true},
		{"roles", "time", false},
		{"roles", "math/rand/v2", false},
		{"paxos", module + "/roles", false},
		{"streams", module + "/streams/command", true},
		{"streams", module + "/paxos", false},
		{"actors", protoactor, true},
		{"actors", "github.com/asynkron/protoactor-go/remote", false},
		{"bus", natsClient, true},
		{"actors", natsClient, false},
		{"internal/node", module + "/actors", true},
		{"internal/node", module + "/cmd/synod", false},
		{"cmd/synod", module + "/cmd/acceptor", false},
	} {
		if got := table[c.dir].allows(c.name); got != c.want {
			t.Errorf("%s may import %s: %v", c.dir, c.name, got)
		}
	}
}

// TestConsensusNeverUsesJetStream: its durability is not ours (it answers before it
// syncs), so nothing that a vote or a decision passes through may reach for it.
func TestConsensusNeverUsesJetStream(t *testing.T) {
	jetstream := natsClient + "/jetstream"
	path := []string{"paxos", "roles", "actors", "storage", "streams", "streams/command", "bus", "bus/paxospb", "jsapi", "internal/node"}
	for _, f := range goFiles(t) {
		if f.test || !slices.Contains(path, f.dir) {
			continue
		}
		if slices.Contains(f.imports, jetstream) {
			t.Errorf("%s imports %s", f.path, jetstream)
		}
		for _, call := range calls(f.syntax) {
			if strings.HasSuffix(call, ".JetStream") {
				t.Errorf("%s calls %s", f.path, call)
			}
		}
	}
	for _, program := range []string{"acceptor", "proposer", "learner"} {
		out, err := exec.Command("go", "list", "-deps", module+"/cmd/"+program).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		if slices.Contains(strings.Fields(string(out)), jetstream) {
			t.Errorf("cmd/%s reaches %s", program, jetstream)
		}
	}
}
