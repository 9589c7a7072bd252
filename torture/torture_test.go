//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/synod-paxos/synod/internal/linearizability"
)

const echo = "SYNOD_TORTURE_ECHO" // the address on which to listen instead of testing

func TestMain(m *testing.M) {
	if at := os.Getenv(echo); at != "" {
		listen(at)
	}
	os.Exit(m.Run())
}

// listen accepts connections until the process is killed.
func listen(at string) {
	l, err := net.Listen("tcp", at)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening")
	for {
		conn, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		_ = conn.Close() // the handshake is all that the test looks at
	}
}

func quietJournal(t *testing.T) *journal {
	t.Helper()
	j, err := newJournal(t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.close() }) // nothing is read from it any more
	return j
}

// TestNetwork: what is cut does not pass, in that direction alone, and passes again
// once it is healed. It runs in namespaces of its own.
func TestNetwork(t *testing.T) {
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestNetwork$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) {
			t.Logf("not tested: %v", errForbidden)
			return
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	n, err := newNetwork()
	if err != nil {
		t.Fatal(err)
	}
	if err := errFirst(n.addNode("x1"), n.addNode("x2"), n.addClient("c1")); err != nil {
		t.Fatal(err)
	}
	at := n.address("x1") + ":7777"
	server := exec.Command("nsenter", "--net=/run/netns/x1", "--", os.Args[0])
	server.Env = append(os.Environ(), echo+"="+at)
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	check := func(what string, want bool) {
		t.Helper()
		d := net.Dialer{Timeout: 300 * time.Millisecond, LocalAddr: &net.TCPAddr{IP: net.ParseIP(n.address("c1"))}}
		conn, err := d.Dial("tcp", at)
		if err == nil {
			_ = conn.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: connected %v (%v), want %v", what, err == nil, err, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	there, back := cut{"c1", "x1"}, cut{"x1", "c1"}
	check("whole", true)
	must(n.cut(there))
	check("cut there", false)
	must(n.cut(there))
	must(n.heal(there))
	check("cut there by another still", false)
	must(n.heal(there))
	check("healed", true)
	must(n.cut(back))
	check("cut back", false)
	must(n.heal(back))
	must(n.cut(cut{"x2", "x1"}))
	check("another is cut", true)
	must(n.unplug("x1"))
	check("unplugged", false)
	must(n.plug("x1"))
	check("plugged in again", true)
}

// TestLedgerSeesLoss and doubling, and what nobody proposed.
func TestLedgerSeesLoss(t *testing.T) {
	for _, test := range []struct {
		what string
		log  []message
		want string // in the failure; empty: none
	}{
		{"all well", []message{{1, "a"}, {2, "b"}, {3, "c"}}, ""},
		{"an open one is missing", []message{{1, "a"}, {2, "b"}}, ""},
		{"lost", []message{{1, "a"}}, "b was acknowledged at 2, and is at 0"},
		{"twice", []message{{1, "a"}, {2, "b"}, {3, "a"}}, "twice"},
		{"elsewhere", []message{{1, "b"}, {2, "a"}}, "was acknowledged at"},
		{"a stranger", []message{{1, "a"}, {2, "b"}, {3, "x"}}, "nobody proposed"},
	} {
		l := &ledger{journal: quietJournal(t), acked: map[string]uint64{"a": 1, "b": 2}, open: map[string]bool{"c": true}}
		l.checkOne(test.log)
		failures := strings.Join(l.failed(), "\n")
		if test.want == "" && failures != "" || !strings.Contains(failures, test.want) {
			t.Errorf("%s: %q, want %q", test.what, failures, test.want)
		}
	}
}

// TestSpare: the faults of one round together leave a quorum and one of each kind.
func TestSpare(t *testing.T) {
	w := &world{cluster: &cluster{shape: big}, Rand: rand.New(rand.NewPCG(1, 1)), hurt: map[string]bool{}, leader: &leaderWatch{}}
	w.leader.ballot.Proposer = "p1"
	for range 20 {
		for _, victim := range []func() (string, error){w.theLeader, w.anAcceptor, w.aLearner, w.aProposer, w.aServer} {
			_, _ = victim() // refused when there is none to spare
		}
	}
	for kind, want := range map[byte]int{'a': 2, 'p': 2, 'l': 2, 'n': 1} {
		hurt := 0
		for name := range w.hurt {
			if name[0] == kind {
				hurt++
			}
		}
		if hurt != want {
			t.Errorf("%d of kind %c are hurt, want %d: %v", hurt, kind, want, w.hurt)
		}
	}
}

// TestNothingProvesNothing: a run that met no faults fails.
func TestNothingProvesNothing(t *testing.T) {
	w := &world{cluster: &cluster{journal: quietJournal(t), shape: big}, leader: &leaderWatch{}, counts: map[string]int{}}
	w.ledger = &ledger{journal: w.journal}
	w.conclude(&clients{journal: w.journal})
	if got, want := len(w.failed()), 2+int(linearizability.Kinds); got != want {
		t.Errorf("%d failures, want %d: %q", got, want, w.failed())
	}
}

// TestDeck: every fault has a name of its own, by which the report counts it.
func TestDeck(t *testing.T) {
	var all []string
	for _, f := range deck {
		if slices.Contains(all, f.name) || f.do == nil {
			t.Errorf("fault %q is there twice, or does nothing", f.name)
		}
		all = append(all, f.name)
	}
}

// TestGroupsAreJudged: a team's group is handed to the checker once nobody is at it
// any more, also one that some of the team never saw.
func TestGroupsAreJudged(t *testing.T) {
	c := &clients{closed: make(chan *linearizability.Group, 8)}
	team := &team{clients: c, name: "c1", active: map[*linearizability.Group]int{}}
	team.next()
	first := team.present(nil)
	team.present(nil)
	fill := func(g *linearizability.Group) {
		for range groupSize {
			g.History.Call(0, linearizability.Input{}, func() (linearizability.Output, bool) { return linearizability.Output{}, true })
		}
	}
	fill(first)
	second := team.present(first)
	team.leave(first)
	if len(c.closed) != 0 || second == first {
		t.Fatalf("%d groups are judged while one is at it", len(c.closed))
	}
	fill(second)
	third := team.present(second)
	team.leave(second)
	team.leave(first)
	if len(c.closed) != 2 || <-c.closed != second || <-c.closed != first || third == second {
		t.Errorf("not the groups that were left are judged")
	}
}

// TestWords of a life are those since its start.
func TestWords(t *testing.T) {
	p := &process{log: filepath.Join(t.TempDir(), "log"), said: 4}
	if err := os.WriteFile(p.log, []byte("old\nnew\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.words(); got != "new\n" {
		t.Errorf("said %q, want new", got)
	}
	if got := tail("1\n2\n3\n", 2); got != "2\n3" {
		t.Errorf("tail %q", got)
	}
}
