package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
	"github.com/synod-paxos/synod/internal/tracing"
	"github.com/synod-paxos/synod/paxos"
)

// devCommand runs a whole cluster.
type devCommand struct {
	Listen    string `env:"SYNOD_LISTEN" default:"127.0.0.1:4222" placeholder:"ADDR" help:"Address of the NATS server; port 0 is a free one (${default})."`
	Leaf      string `env:"SYNOD_DEV_LEAF" default:"127.0.0.1:0" placeholder:"ADDR" help:"Address for leaf nodes of that server (${default})."`
	Data      string `env:"SYNOD_DATA" placeholder:"DIR" help:"Data directory, made when missing; the log in it goes on (default: a fresh temporary one)."`
	HTTP      string `name:"http" env:"SYNOD_HTTP" placeholder:"ADDR" help:"Serve /healthz, /readyz and /metrics of all roles on this address."`
	Cluster   string `env:"SYNOD_CLUSTER" default:"main" help:"Name of the cluster."`
	Acceptors int    `env:"SYNOD_DEV_ACCEPTORS" default:"3" help:"How many acceptors (${default})."`
	Proposers int    `env:"SYNOD_DEV_PROPOSERS" default:"2" help:"How many proposers (${default})."`
	Learners  int    `env:"SYNOD_DEV_LEARNERS" default:"2" help:"How many learners (${default})."`
	LogLevel  string `env:"SYNOD_LOG_LEVEL" enum:"debug,info,warn,error" default:"warn" help:"Least level that is logged: ${enum}."`
	LogFormat string `env:"SYNOD_LOG_FORMAT" enum:"text,json" default:"text" help:"Form of a log line: ${enum}."`
}

// Help shows what to do with it.
func (d *devCommand) Help() string {
	return `Everything stays on this machine. Stop it with Ctrl-C; started again with the same --data it goes on where it was.

Examples:
  synod dev
  synod dev --data ./demo --listen 127.0.0.1:5222`
}

// Check reports everything that is wrong with the flags.
func (d *devCommand) Check() []error {
	var errs []error
	for _, a := range d.addresses() {
		errs = append(errs, cli.CheckAddress(a.flag, a.address)...)
	}
	if !paxos.NodeID(d.Cluster).Valid() {
		errs = append(errs, fmt.Errorf("--cluster %q: want 1 to %d of a-z, 0-9 and -", d.Cluster, paxos.MaxNodeID))
	}
	for _, n := range []struct {
		flag  string
		count int
	}{{"--acceptors", d.Acceptors}, {"--proposers", d.Proposers}, {"--learners", d.Learners}} {
		if n.count < 1 || n.count > paxos.MaxAcceptors {
			errs = append(errs, fmt.Errorf("%s %d: want 1 to %d", n.flag, n.count, paxos.MaxAcceptors))
		}
	}
	return errs
}

type listening struct{ flag, address string }

// addresses is where it listens.
func (d *devCommand) addresses() []listening {
	all := []listening{{"--listen", d.Listen}, {"--leaf", d.Leaf}}
	if d.HTTP != "" {
		all = append(all, listening{"--http", d.HTTP})
	}
	return all
}

// devReady bounds how long the cluster may take to start.
const devReady = 60 * time.Second

// Run runs the cluster until ctx ends.
func (d *devCommand) Run(ctx context.Context, s cli.Streams) error {
	cli.Private()
	if err := d.checkPorts(); err != nil {
		return err
	}
	data, err := d.dataDir()
	if err != nil {
		return err
	}
	log := node.Logging{LogLevel: d.LogLevel, LogFormat: d.LogFormat}.Logger(s.Err)
	traces, err := tracing.FromEnvironment(ctx, "synod-dev", "", node.Version(), log)
	if err != nil {
		return err
	}
	defer func() { _ = traces.Close() }() // a cluster for trying is not held up by what cannot be exported
	h, err := node.ServeHTTP(d.HTTP, log)
	if err != nil {
		return err
	}
	defer h.Close()
	fmt.Fprintf(s.Out, "Starting %d acceptors, %d proposers and %d learners; data in %s\n", d.Acceptors, d.Proposers, d.Learners, data)
	startCtx, cancel := context.WithTimeout(ctx, devReady)
	defer cancel()
	l, err := node.StartLocal(startCtx, node.LocalConfig{
		Cluster: d.Cluster, Listen: d.Listen, Leaf: d.Leaf, Data: data, Log: log, Tracers: traces.Tracers(),
		Acceptors: d.Acceptors, Proposers: d.Proposers, Learners: d.Learners,
	})
	if err != nil {
		if ctx.Err() != nil {
			return cli.ErrStopped
		}
		return err
	}
	for _, r := range l.Roles() {
		h.Add(r)
	}
	fmt.Fprint(s.Out, d.welcome(l, h, data))
	return d.serve(ctx, s, l)
}

// serve lives until ctx ends or a role fails.
func (d *devCommand) serve(ctx context.Context, s cli.Streams, l *node.Local) error {
	var failed error
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.Out, "Stopping.")
	case failed = <-l.Failed():
	}
	stopCtx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return errors.Join(failed, l.Stop(stopCtx))
}

// checkPorts finds a port in use before anything is made.
func (d *devCommand) checkPorts() error {
	for _, a := range d.addresses() {
		l, err := net.Listen("tcp", a.address)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s is in use, by another `synod dev` or NATS server? Stop that one, or choose another address with %s", a.address, a.flag)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", a.flag, a.address, err)
		}
		if err := l.Close(); err != nil {
			return fmt.Errorf("%s %s: %w", a.flag, a.address, err)
		}
	}
	return nil
}

// dataDir is the data directory, absolute.
func (d *devCommand) dataDir() (string, error) {
	if d.Data == "" {
		return os.MkdirTemp("", "synod-dev-")
	}
	return filepath.Abs(d.Data)
}

// welcome is the ready line, and things to try.
func (d *devCommand) welcome(l *node.Local, h *node.HTTP, data string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Ready: cluster %s (%s) on %s\n\n", d.Cluster, l.Genesis().Cluster.UUID, l.URL())
	where, server, again := "", "", " --data "+data
	if l.URL() != "nats://127.0.0.1:4222" {
		where, server, again = " --nats "+l.URL(), " -s "+l.URL(), again+" --listen "+d.Listen
	}
	if d.Cluster != "main" {
		where, again = where+" --cluster "+d.Cluster, again+" --cluster "+d.Cluster
	}
	synod := myself()
	fmt.Fprintf(&b, "Try, in another terminal:\n")
	fmt.Fprintf(&b, "  %s propose \"hello\"%s\n", synod, where)
	fmt.Fprintf(&b, "  %s log --follow%s\n", synod, where)
	fmt.Fprintf(&b, "  %s status%s\n", synod, where)
	fmt.Fprintf(&b, "  %s trace%s\n", synod, where)
	fmt.Fprintf(&b, "  nats req%s synod.%s.propose \"hello\"\n", server, d.Cluster)
	fmt.Fprintf(&b, "Leaf nodes: %s\n", l.LeafURL())
	if h.Address() != "" {
		fmt.Fprintf(&b, "Metrics: http://%s/metrics\n", h.Address())
	}
	fmt.Fprintf(&b, "Ctrl-C stops it. To go on with this log later: %s dev%s\n", synod, again)
	return b.String()
}

// myself is how this program is called: `go run` leaves no synod to call.
func myself() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/synod"
	}
	return "synod"
}
