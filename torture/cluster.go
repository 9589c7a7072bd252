//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/synod-paxos/synod/internal/node"
)

// shape is how many of each kind there are.
type shape struct{ servers, acceptors, proposers, learners int }

// cluster is all processes, each in a namespace of its own.
type cluster struct {
	*journal
	net   *network
	bin   string // where the programs are
	all   map[string]*process
	shape shape
	wait  time.Duration // for what must happen on the way to a cluster
}

const httpPort = "8080"

var programs = map[byte]string{'n': "nats-server", 'a': "acceptor", 'p': "proposer", 'l': "learner"}

// names are the names of the nodes of one kind: a1, a2 and so on.
func names(kind byte, n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("%c%d", kind, i+1))
	}
	return ids
}

func (c *cluster) servers() []string   { return names('n', c.shape.servers) }
func (c *cluster) acceptors() []string { return names('a', c.shape.acceptors) }
func (c *cluster) proposers() []string { return names('p', c.shape.proposers) }
func (c *cluster) learners() []string  { return names('l', c.shape.learners) }

// roles are all nodes but the NATS servers.
func (c *cluster) roles() []string {
	return slices.Concat(c.acceptors(), c.proposers(), c.learners())
}

// build makes the programs: the ones that are released, but for a wall clock that
// can be changed from outside.
func build(dir string) error {
	const module = "github.com/synod-paxos/synod"
	for _, pkg := range []string{module + "/cmd/...", "github.com/nats-io/nats-server/v2"} {
		cmd := exec.Command("go", "build", "-tags=torture", "-ldflags=-s -w", "-o", dir+string(filepath.Separator), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// startCluster starts everything, and founds the cluster.
func startCluster(j *journal, bin string, s shape) (*cluster, error) {
	n, err := newNetwork()
	if err != nil {
		return nil, err
	}
	c := &cluster{journal: j, net: n, bin: bin, all: map[string]*process{}, shape: s, wait: time.Minute}
	nodes := append(c.servers(), c.roles()...)
	for _, name := range nodes {
		if err := errFirst(n.addNode(name), os.MkdirAll(c.data(name), 0o755), c.startClock(name)); err != nil {
			return nil, err
		}
	}
	for _, name := range nodes {
		args, err := c.command(name)
		if err != nil {
			return nil, err
		}
		c.all[name] = &process{
			name: name, args: args, env: []string{"SYNOD_TORTURE_SKEW=" + c.clock(name)},
			log: filepath.Join(c.dir, "logs", name+".log"),
		}
		if err := c.start(name); err != nil {
			return nil, err
		}
	}
	return c, c.found()
}

func (c *cluster) data(name string) string { return filepath.Join(c.dir, "data", name) }

func (c *cluster) clock(name string) string { return filepath.Join(c.dir, "data", name+".clock") }

func (c *cluster) startClock(name string) error {
	return os.WriteFile(c.clock(name), make([]byte, 8), 0o644)
}

// url is where clients and roles connect: all servers.
func (c *cluster) url() string {
	var urls []string
	for _, s := range c.servers() {
		urls = append(urls, "nats://"+c.net.address(s)+":4222")
	}
	return strings.Join(urls, ",")
}

// command is the command line of a node.
func (c *cluster) command(name string) ([]string, error) {
	program := filepath.Join(c.bin, programs[name[0]])
	switch name[0] {
	case 'n':
		file := filepath.Join(c.data(name), "nats.conf")
		return []string{program, "-c", file}, os.WriteFile(file, []byte(c.natsConfig(name)), 0o644)
	case 'p':
		return []string{program, "--id", name, "--nats", c.url(), "--http", ":" + httpPort}, nil
	default:
		return []string{program, "--id", name, "--nats", c.url(), "--http", ":" + httpPort, "--data", filepath.Join(c.data(name), "d")}, nil
	}
}

// natsConfig is what the handbook advises: a server that notices within seconds that
// another machine is gone.
func (c *cluster) natsConfig(name string) string {
	var routes []string
	for _, s := range c.servers() {
		if s != name {
			routes = append(routes, "nats://"+c.net.address(s)+":6222")
		}
	}
	return fmt.Sprintf(`server_name: %s
listen: "%s:4222"
ping_interval: "2s"
ping_max: 2
write_deadline: "4s"
cluster {
  name: torture
  listen: "%s:6222"
  routes: [%s]
}
`, name, c.net.address(name), c.net.address(name), strings.Join(routes, ", "))
}

// start begins a life of the node name.
func (c *cluster) start(name string) error {
	return c.all[name].start(func(p *process, state string) {
		c.fail("%s ended by itself (%s):\n%s", p.name, state, tail(p.words(), 30))
	})
}

// tail is the last n lines of text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// synod runs a subcommand to its end, from this process's namespace.
func (c *cluster) synod(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(c.bin, "synod"), append(args, "--nats", c.url())...)
	cmd.Env, cmd.SysProcAttr = cleanEnv(), &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("synod %s: %w: %s%s", args[0], err, out.String(), errs.String())
	}
	return out.String(), nil
}

// found founds the cluster, and waits until it works.
func (c *cluster) found() error {
	for _, s := range c.servers() {
		if err := awaitServer(c.net.address(s)+":4222", c.wait); err != nil {
			return err
		}
	}
	if _, err := c.synod("init", "--acceptors", strings.Join(c.acceptors(), ",")); err != nil {
		return err
	}
	return c.awaitSound(c.wait)
}

// awaitServer waits until somebody listens there.
func awaitServer(address string, patience time.Duration) error {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(end) {
			return err
		}
	}
}

// awaitSound waits until somebody leads and status has nothing to complain of.
func (c *cluster) awaitSound(patience time.Duration) error {
	var last node.Cluster
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		last, err = c.status()
		if err == nil && last.Leader != nil && len(last.Problems) == 0 &&
			len(last.Acceptors) == c.shape.acceptors && len(last.Proposers) == c.shape.proposers && len(last.Learners) == c.shape.learners {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("no sound cluster within %s: %q", patience, last.Problems), err)
}

// status is what synod status says.
func (c *cluster) status() (s node.Cluster, err error) {
	out, err := c.synod("status", "--json", "--wait", "500ms")
	if decodeErr := json.Unmarshal([]byte(out), &s); decodeErr != nil {
		return s, errors.Join(err, decodeErr)
	}
	return s, nil // status fails where there are problems, and tells them all the same
}

// stop ends the roles as an operator does, then the servers.
func (c *cluster) stop() {
	for _, name := range c.roles() {
		if code, err := c.all[name].term(30 * time.Second); err != nil || code != 0 {
			c.fail("%s ends with code %d (%v) when told to stop:\n%s", name, code, err, tail(c.all[name].words(), 10))
		}
	}
	for _, name := range c.servers() {
		if err := c.all[name].kill(); err != nil {
			c.fail("kill %s: %v", name, err)
		}
	}
}

// setClock lets the wall clock of a node be ahead.
func (c *cluster) setClock(name string, ahead time.Duration) error {
	f, err := os.OpenFile(c.clock(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(ahead)), 0)
	return errors.Join(err, f.Close())
}
