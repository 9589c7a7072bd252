package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/internal/node"
)

// TestBackupWipeRestore: everything that was answered before the backup is there after
// every disk is lost: the log and the buckets, and what makes a repeated command known.
func TestBackupWipeRestore(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.fill()
	c.synod("member", "set", "--quorums", "sizes:2,2", "--copies", "1").must(t)
	stop := c.load()
	file := filepath.Join(t.TempDir(), "main.backup")
	out := c.synod("backup", file).must(t)
	loaded := stop()
	if loaded == 0 || !containsAll(out, "Saved", "generation 1") {
		t.Fatalf("backup under a load of %d commands says %q", loaded, out)
	}
	if r := c.synod("backup", file); r.code != 1 || !containsAll(r.errors, "--force") {
		t.Errorf("a second backup into the file: code %d\n%s", r.code, r.errors)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("the backup: %v, mode %v, want 0600", err, info.Mode())
	}
	said := []string{"Configuration 2, from slot", "acceptors a1, a2, a3", "sizes:2,2 quorums, 1 learner copies, window of 256"}
	if !containsAll(out, said...) {
		t.Errorf("the backup says %q of a configuration that was changed", out)
	}
	c.term("l1")
	if out := c.synod("backup", "--data", c.data("l1"), file+".data").must(t); !containsAll(out, said...) {
		t.Errorf("the backup of a directory says %q", out)
	}
	for _, id := range c.running() {
		c.kill(id)
	}
	for _, id := range []string{"a1", "a2", "a3", "l1", "l2"} {
		if err := os.RemoveAll(c.data(id)); err != nil {
			t.Fatal(err)
		}
	}
	c.restore(file, "", "l1", "l2")
	s := c.status()
	if q, _ := s.Configuration.Quorums.MarshalText(); string(q) != "sizes:2,2" || s.Configuration.Copies != 1 || members(s) != "a1 a2 a3" || s.Generation != 2 {
		t.Errorf("restored as the backup says, and it is generation %d with configuration %+v", s.Generation, s.Configuration)
	}
	c.sameAgain(file)
	c.start("p1")
	c.start("p2")
	c.awaitReady()
	c.filled()
}

// fill puts something of every kind into the cluster.
func (c *cluster) fill() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	k := c.client()
	for i := range 5 {
		if _, err := k.Propose(ctx, fmt.Appendf(nil, "entry %d", i), client.WithID(fmt.Sprintf("id-%d", i))); err != nil {
			c.t.Fatal(err)
		}
	}
	b, err := k.CreateBucket(ctx, "config", client.BucketConfig{History: 3})
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range 3 {
		if _, err := b.Put(ctx, "color", fmt.Appendf(nil, "color %d", i)); err != nil {
			c.t.Fatal(err)
		}
	}
	token, err := b.Mutex("lock", time.Hour).Lock(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	if token.Number() == 0 {
		c.t.Error("a token without a number")
	}
}

// filled finds what fill put there, and knows what it did.
func (c *cluster) filled() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	k := c.client()
	for i := range 5 {
		ack, err := k.Propose(ctx, []byte("again"), client.WithID(fmt.Sprintf("id-%d", i)))
		if err != nil || !ack.Duplicate || ack.Seq != uint64(i+1) {
			c.t.Errorf("command id-%d once more: %+v, %v; want number %d, done before", i, ack, err, i+1)
		}
	}
	reader := c.client()
	if _, err := reader.Bucket(ctx, "config"); err != nil {
		c.t.Error(err)
	}
	if wrote, read, want := k.Generation(), reader.Generation(), c.status().Generation; wrote != want || read != want {
		c.t.Errorf("answers to writes are of generation %d, to reads of %d, want %d", wrote, read, want)
	}
	if out := c.synod("log", "--from", "1").must(c.t); !containsAll(out, "entry 0", "entry 4") || strings.Contains(out, "again") {
		c.t.Errorf("the log says %q", out)
	}
	b, err := k.Bucket(ctx, "config")
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range 3 {
		e, err := b.GetRevision(ctx, "color", uint64(i+1))
		if err != nil || string(e.Value) != fmt.Sprintf("color %d", i) {
			c.t.Errorf("revision %d: %v", i+1, err)
		}
	}
	if token, err := b.Mutex("lock", time.Hour).TryLock(ctx); err == nil {
		c.t.Errorf("the lock is taken twice, now with token %d", token.Number())
	}
}

func (c *cluster) client() *client.Client {
	c.t.Helper()
	k, err := client.Connect(c.t.Context(), client.Options{NATS: bus.Options{URLs: []string{c.url}}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(k.Close)
	return k
}

// load puts keys into a bucket of its own until the returned function is called, which
// returns how many it put.
func (c *cluster) load() (stop func() int) {
	c.t.Helper()
	js, err := jetstream.NewWithAPIPrefix(c.connect(), "synod.main.api")
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	kv, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "load"})
	if err != nil {
		c.t.Fatal(err)
	}
	put := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if _, err := kv.Put(ctx, fmt.Sprintf("key-%d", n%100), bytes.Repeat([]byte("x"), 1000)); err != nil && ctx.Err() == nil {
				c.t.Errorf("put %d: %v", n, err)
				break
			}
		}
		put <- n
	}()
	return func() int { cancel(); return <-put }
}

// restore starts acceptors and learners on empty disks, and gives them the state. Without
// acceptors the backup says who they are.
func (c *cluster) restore(file, acceptors string, learners ...string) {
	c.t.Helper()
	args := append([]string{"restore", file, "--nats", c.url}, c.as("operator-admin")...)
	if acceptors == "" {
		acceptors = "a1,a2,a3"
	} else {
		args = append(args, "--acceptors", acceptors)
	}
	for id := range strings.SplitSeq(acceptors, ",") {
		c.start(id).await("acceptor runs")
	}
	p := startProcess(c.t, "synod", args...)
	p.await("Founded cluster")
	for _, id := range learners {
		c.start(id)
	}
	if code := p.wait(); code != 0 {
		c.t.Fatalf("restore: code %d\n%s", code, p.output())
	}
	narrow(c.t, p.output())
}

// sameAgain takes a backup of what was restored, while nobody leads: it holds the same.
func (c *cluster) sameAgain(file string) {
	c.t.Helper()
	second := file + ".second"
	c.synod("backup", second).must(c.t)
	if one, two := snapshotOf(c.t, file), snapshotOf(c.t, second); !bytes.Equal(one, two) {
		c.t.Errorf("the state that was restored, of %d bytes, is another than the one saved, of %d", len(two), len(one))
	}
}

func snapshotOf(t *testing.T, file string) []byte {
	t.Helper()
	f, err := backup.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, f.Snapshot.Size())
	if _, err := f.Snapshot.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRestoreBesideTheOldCluster: the old cluster, which still runs, serves and votes no
// more, says so, and does not come back with its disks.
func TestRestoreBesideTheOldCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.fill()
	file := filepath.Join(t.TempDir(), "main.backup")
	c.synod("backup", file).must(t)
	c.synod("propose", "after the backup").must(t)
	c.restore(file, "b1,b2,b3", "m1", "m2")
	c.awaitProblem("Acceptor a1", "superseded", "stop it for good")
	c.awaitProblem("Learner l2", "superseded")
	if s := c.status(); s.Generation != 2 {
		t.Errorf("the cluster has generation %d, want 2", s.Generation)
	}
	c.filled() // the proposers changed over
	for _, id := range []string{"a1", "a2", "a3", "l1"} {
		c.term(id)
		c.start(id)
	}
	c.roles["a1"].await("acceptor runs")
	if text, err := os.ReadFile(filepath.Join(c.data("a1"), "SUPERSEDED")); err != nil || !strings.Contains(string(text), "generation 2") {
		t.Errorf("the mark in the data directory: %q, %v", text, err)
	}
	for _, id := range []string{"b1", "b2", "b3", "m1", "m2"} {
		c.kill(id)
	}
	// Of the new cluster nothing is left, and nobody who heard of it; the old one is whole.
	// Its disks know. Nobody leads.
	old := []string{"p1", "p2", "a1", "a2", "a3", "l1", "l2"}
	for _, id := range old {
		c.term(id)
	}
	for _, id := range old {
		c.start(id)
	}
	c.awaitProblem("Acceptor a3", "has taken the name of this one")
	c.awaitProblem("Learner l1", "has taken the name of this one")
	s := c.awaitProblem("Nothing is decided", "generation 2")
	if s.Leader != nil || slices.ContainsFunc(s.Acceptors, func(a node.AcceptorStatus) bool { return a.Ready }) {
		t.Errorf("the old cluster came back: %+v", s)
	}
	if r := c.synod("propose", "into the old", "--timeout", "2s"); r.code != 1 || !containsAll(r.errors, "nobody leads") {
		t.Errorf("a proposal: code %d\n%s%s", r.code, r.out, r.errors)
	}
}

// TestBadBackups are refused, and change nothing.
func TestBadBackups(t *testing.T) {
	t.Parallel()
	c := startNATS(t)
	file := filepath.Join(t.TempDir(), "x.backup")
	if err := os.WriteFile(file, []byte("SYNODBK1 this is no backup, however long it may be and whatever it says"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start("a1").await("acceptor runs")
	for _, args := range [][]string{{"restore", file, "--acceptors", "a1"}, {"backup", "--verify", file}} {
		if r := c.synod(args...); r.code != 1 || !containsAll(r.errors, "damaged", "another copy") {
			t.Errorf("synod %v: code %d\n%s", args, r.code, r.errors)
		}
	}
	if s := c.status(); s.UUID != "" {
		t.Errorf("a cluster was founded: %+v", s)
	}
	if r := c.synod("backup", filepath.Join(t.TempDir(), "y")); r.code != 1 || !containsAll(r.errors, "no learner") {
		t.Errorf("backup without a learner: code %d\n%s", r.code, r.errors)
	}
}

// TestForceNewCluster: two of three acceptors are lost for good, and a learner still has
// what was answered. The command does nothing before it is told what it gives up.
func TestForceNewCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.fill()
	c.synod("member", "set", "--copies", "1").must(t)
	uuid := c.status().UUID
	save := filepath.Join(t.TempDir(), "last.backup")
	args := []string{"member", "force-new-cluster", "--acceptors", "b1,b2,b3", "--save", save, "--confirm", uuid}
	if r := c.synod(args...); r.code != 1 || !containsAll(r.errors, "has its quorums", "nothing was done") {
		t.Errorf("of a cluster that is whole: code %d\n%s%s", r.code, r.out, r.errors)
	}
	for _, id := range []string{"a2", "a3", "l2"} {
		c.kill(id)
	}
	if r := c.synod(slices.Clone(args[:4])...); r.code != 2 || !containsAll(r.out+r.errors, "a2, a3 are missing", "is lost", "--confirm "+uuid) {
		t.Errorf("without --confirm: code %d\n%s%s", r.code, r.out, r.errors)
	}
	for _, id := range []string{"b1", "b2", "b3"} {
		c.start(id).await("acceptor runs")
	}
	p := startProcess(t, "synod", append(slices.Clone(args), "--nats", c.url)...)
	p.await("Founded cluster")
	c.start("m1")
	c.start("m2")
	if code := p.wait(); code != 0 {
		t.Fatalf("code %d\n%s", code, p.output())
	}
	narrow(t, p.output())
	c.filled()
	c.start("a2") // comes back after all
	c.start("a3")
	c.awaitProblem("Acceptor a2", "superseded")
	if !containsAll(p.output(), "Configuration 2, from slot", "acceptors b1, b2, b3, where the backup has a1, a2, a3") {
		t.Errorf("force-new-cluster says\n%s", p.output())
	}
	if s := c.status(); s.Generation != 2 || s.Leader == nil || s.Configuration.Copies != 1 {
		t.Errorf("afterwards: %+v", s)
	}
}
