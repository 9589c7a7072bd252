//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/synod-paxos/synod/bus"
)

const (
	hostileRate = 2000             // messages a second
	actLength   = 4 * time.Second  // of noise, of lies, of repeats
	usualBound  = 5 * time.Second  // after which clients are served again
	mostLines   = 200              // that a process may log in one act
	mostMemory  = 512 << 20        // bytes that a role may take meanwhile
	twinWithin  = 20 * time.Second // until a twin is noticed
)

// hostile puts peers that lie, or are not who they say, on the bus of a cluster that
// clients use, and judges what the clients were told.
func hostile(ctx context.Context, o *options, screen io.Writer) (failures []string, err error) {
	j, err := prepare(o, screen)
	if err != nil {
		return nil, err
	}
	defer j.close()
	j.say("seed %d", o.seed)
	w, users, stop, err := begin(ctx, o, j)
	if err != nil {
		return nil, err
	}
	l, err := newLiar(w.probe, w.Rand, copied, "a3")
	if err != nil {
		return nil, err
	}
	if err := w.makeRoom(); err != nil {
		return nil, err
	}
	resources := watchResources(ctx, w)
	acts := []struct {
		name string
		do   func(context.Context) error
	}{
		{"random bytes on every subject", func(ctx context.Context) error { return w.flood(ctx, l.noise) }},
		{"numbers beyond all bounds, in the name of true members", func(ctx context.Context) error { return w.flood(ctx, l.forge) }},
		{"old traffic again", func(ctx context.Context) error { return w.flood(ctx, l.repeat) }},
		{"a copy of an acceptor's disk, beside it", w.twin},
		{"an old copy of an acceptor's disk, in its place", w.oldCopy},
		{"old traffic again, of a leader that is gone", func(ctx context.Context) error {
			name := w.leader.leader()
			return errors.Join(w.all[name].kill(), w.flood(ctx, l.repeat), w.start(name))
		}},
	}
	rounds := 0
	for end := time.Now().Add(o.length); (rounds == 0 || time.Now().Before(end)) && ctx.Err() == nil; rounds++ {
		for _, a := range acts {
			if len(j.failed()) == 0 && ctx.Err() == nil {
				w.act(ctx, a.name, a.do)
			}
		}
	}
	stop()
	users.stop()
	w.ledger.done.Wait()
	dropped := w.dropped()
	w.settle()
	resources.reportAbove(j, mostMemory)
	w.stop()
	w.ledger.check(w.cluster)
	w.concludeHostile(users, l, rounds, dropped)
	return j.failed(), ctx.Err()
}

// act lets hostile peers do one thing, and holds the cluster to its usual bound.
func (w *world) act(ctx context.Context, name string, do func(context.Context) error) {
	w.say("hostile: %s", name)
	w.ledger.gap()
	lines := w.logLines()
	w.faults.Add(1)
	if err := do(ctx); err != nil {
		w.fail("%s: %v", name, err)
	}
	w.counts[name]++
	w.recover(ctx, name)
	w.faults.Add(-1)
	if r := w.slow[len(w.slow)-1]; r.write > usualBound {
		w.fail("after %s clients were served after %s, want %s", name, r.write, usualBound)
	}
	for who, n := range w.logLines() {
		if n -= lines[who]; n > mostLines {
			w.fail("%s: %s logged %d lines", name, who, n)
		}
	}
}

// flood calls say at a steady rate.
func (w *world) flood(ctx context.Context, say func()) error {
	const tick = 5 * time.Millisecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for end := time.Now().Add(actLength); time.Now().Before(end) && ctx.Err() == nil; <-ticker.C {
		for range hostileRate * tick / time.Second {
			say()
		}
	}
	return w.probe.Flush()
}

// logLines is how much each process has logged.
func (w *world) logLines() map[string]int {
	lines := map[string]int{}
	for name, p := range w.all {
		data, err := os.ReadFile(p.log)
		if err == nil {
			lines[name] = strings.Count(string(data), "\n")
		}
	}
	return lines
}

// The acceptor of whose disk copies are made, and where they run.
const (
	copied = "a2"
	copyAt = "x2"
)

// makeRoom makes a place for the copy, where nothing runs yet.
func (w *world) makeRoom() error {
	if err := errFirst(w.net.addNode(copyAt), w.startClock(copyAt)); err != nil {
		return err
	}
	args, err := w.command(copied)
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, w.data(copied), w.data(copyAt))
	}
	w.all[copyAt] = &process{
		name: copyAt, args: args, env: []string{"SYNOD_TORTURE_SKEW=" + w.clock(copyAt)},
		log: filepath.Join(w.dir, "logs", copyAt+".log"),
	}
	return err
}

// copyDisk takes a copy of the acceptor's disk while it does not run.
func (w *world) copyDisk() error {
	if err := errFirst(w.all[copied].kill(), os.RemoveAll(w.data(copyAt))); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", w.data(copied), w.data(copyAt)).CombinedOutput(); err != nil {
		return fmt.Errorf("copy a disk: %w: %s", err, out)
	}
	return nil
}

// startDoubtful begins a life that may end by itself.
func (w *world) startDoubtful(name string) error {
	err := w.start(name)
	w.all[name].mayEnd()
	return err
}

// twin runs an acceptor and a copy of its disk at once: at least one of them must
// notice, and stop.
func (w *world) twin(ctx context.Context) error {
	if err := errFirst(w.copyDisk(), w.startDoubtful(copied), w.startDoubtful(copyAt)); err != nil {
		return err
	}
	first, second := w.all[copied], w.all[copyAt]
	select {
	case <-first.done:
	case <-second.done:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(twinWithin):
		return errors.New("two processes run on one acceptor's disk and its copy, and neither stops")
	}
	pause(ctx, time.Second)
	said := ""
	for _, p := range []*process{first, second} {
		if !p.runs() {
			said += p.words()
			w.note("%s stops: %s", p.name, tail(p.words(), 1))
		}
	}
	if !strings.Contains(said, "another process runs acceptor "+copied) {
		return fmt.Errorf("a twin stops without saying why:\n%s", said)
	}
	return errors.Join(w.endCopy(), w.again(copied))
}

// oldCopy runs an old copy of an acceptor's disk alone, as a restored backup does:
// those who knew the original do not count it.
func (w *world) oldCopy(ctx context.Context) error {
	if err := errFirst(w.copyDisk(), w.start(copied)); err != nil {
		return err
	}
	if err := w.health.await(ctx, ready(copied, readyWithin)); err != nil {
		return err
	}
	pause(ctx, time.Second)
	// One more start of the original, which the copy does not know of.
	if err := errFirst(w.all[copied].kill(), w.start(copied), w.health.await(ctx, ready(copied, readyWithin))); err != nil {
		return err
	}
	pause(ctx, time.Second)
	before := w.ignored("old_disk")
	if err := errFirst(w.all[copied].kill(), w.startDoubtful(copyAt)); err != nil {
		return err
	}
	pause(ctx, 3*time.Second)
	if after := w.ignored("old_disk"); after <= before {
		return fmt.Errorf("an old copy's messages are taken: %d were dropped before it came, %d now", before, after)
	}
	return errors.Join(w.endCopy(), w.start(copied))
}

// endCopy ends the copy's process, if it has not ended.
func (w *world) endCopy() error {
	if w.all[copyAt].runs() {
		return w.all[copyAt].kill()
	}
	return nil
}

// again makes sure that a node runs whose life may have ended.
func (w *world) again(name string) error {
	if w.all[name].runs() {
		if err := w.all[name].signal(syscall.SIGKILL); err != nil {
			return err
		}
	}
	if _, err := w.all[name].ended(10 * time.Second); err != nil {
		return err
	}
	return w.start(name)
}

// ignored is how many messages all roles together did not take for this reason.
func (w *world) ignored(reason string) (n uint64) {
	for _, name := range w.roles() {
		n += w.counter(name, `synod_messages_ignored_total{`, `reason="`+reason+`"`)
	}
	return n
}

// dropped is how many messages each role has not taken, for whatever reason.
func (w *world) dropped() map[string]uint64 {
	n := map[string]uint64{}
	for _, name := range w.roles() {
		n[name] = w.counter(name, "synod_messages_ignored_total{", "") + w.counter(name, "synod_bus_dropped_messages_total{", "")
	}
	return n
}

// counter is the sum of the metrics of a role that begin and contain these words.
func (w *world) counter(name, begin, contain string) (sum uint64) {
	_, text := w.health.get(name, "metrics")
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, begin) || !strings.Contains(line, contain) {
			continue
		}
		var value float64
		if n, _ := fmt.Sscanf(line[strings.LastIndexByte(line, ' ')+1:], "%g", &value); n == 1 {
			sum += uint64(value)
		}
	}
	return sum
}

// concludeHostile says what the run has met, and fails one that met too little.
func (w *world) concludeHostile(users *clients, l *liar, rounds int, dropped map[string]uint64) {
	changes, chosen := w.leader.seen()
	counted := uint64(0) // a role that was killed last may have met nothing since
	for _, name := range w.roles() {
		counted += dropped[name]
	}
	if counted == 0 {
		w.fail("no role counted a message that it dropped, of %d that hostile peers sent", l.told)
	}
	for _, kind := range bus.KindNames() {
		if l.lies[kind] == 0 {
			w.fail("no message of the kind %s was forged", kind)
		}
	}
	if users.beyond > users.groups/10 {
		w.fail("%d of %d histories could not be judged", users.beyond, users.groups)
	}
	w.summary(w.summarize(users, rounds*len(w.counts), changes, chosen) +
		fmt.Sprintf("%d messages of hostile peers. Forged, by kind: %v. Dropped by roles since their last start: %v\n", l.told, l.lies, dropped))
}
