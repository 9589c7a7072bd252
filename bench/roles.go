package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/synod-paxos/synod/internal/load"
)

// A shape is how many of each role a cluster has.
type shape struct{ acceptors, learners int }

// roleCells is what countRoles compares: what grows with the clients, and what with
// the size of a value.
var roleCells = []cell{
	{propose, 1, 128}, {propose, 64, 128}, {propose, 512, 128}, {propose, 64, 4096}, {get, 64, 128}, {get, 512, 128},
}

func parseShapes(list string) (shapes []shape, err error) {
	for text := range strings.SplitSeq(list, ",") {
		var s shape
		if _, err := fmt.Sscanf(text, "%d/%d", &s.acceptors, &s.learners); err != nil || s.acceptors < 1 || s.learners < 1 {
			return nil, fmt.Errorf("--shapes %q: want acceptors/learners, such as 3/2", text)
		}
		shapes = append(shapes, s)
	}
	return shapes, nil
}

// countRoles prints what one operation costs each role: messages and bytes as the
// NATS server counts them, which no other load on the machine changes, and CPU
// time from a profile.
func countRoles(ctx context.Context, o *options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "synod-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cells := roleCells
	if o.cells != "" {
		if cells, err = parseCells(o.cells); err != nil {
			return err
		}
	}
	shapes, err := parseShapes(o.shapes)
	if err != nil {
		return err
	}
	for _, s := range shapes {
		if err := countShape(ctx, s, cells, filepath.Join(dir, fmt.Sprintf("%d-%d", s.acceptors, s.learners)), o, out); err != nil {
			return err
		}
	}
	return nil
}

func countShape(ctx context.Context, sh shape, cells []cell, dir string, o *options, out io.Writer) (err error) {
	r, err := startSynod(dir, sh)
	if err != nil {
		return err
	}
	s := r.(*synod)
	defer func() { err = errors.Join(err, s.stop()) }()
	for _, c := range cells {
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		count, err := s.count(c, o.duration)
		if err != nil {
			return err
		}
		count.print(out, sh)
		if err := count.save(o.profiles, sh); err != nil {
			return err
		}
	}
	return nil
}

// traffic is what one connection carried, as the server sees it.
type traffic struct{ sent, sentBytes, got, gotBytes float64 }

func (t traffic) plus(o traffic) traffic {
	return traffic{t.sent + o.sent, t.sentBytes + o.sentBytes, t.got + o.got, t.gotBytes + o.gotBytes}
}

func (t traffic) minus(o traffic) traffic {
	return traffic{t.sent - o.sent, t.sentBytes - o.sentBytes, t.got - o.got, t.gotBytes - o.gotBytes}
}

// roleCount is what a cell cost each role.
type roleCount struct {
	measurement
	batches, syncs float64 // commands in each
	traffic        map[string]traffic
	cpu            map[string]time.Duration // by role, and "disk" and "runtime"
	profile        []byte                   // that cpu is from
}

// save writes the profile into dir, unless that is empty.
func (r *roleCount) save(dir string, sh shape) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := fmt.Sprintf("cpu-%d-%d-%s-%d-%d", sh.acceptors, sh.learners, r.Cell.Kind, r.Cell.Callers, r.Cell.Size)
	return os.WriteFile(filepath.Join(dir, name), r.profile, 0o644)
}

// count measures c, with the counters read before and after.
func (s *synod) count(c cell, d time.Duration) (*roleCount, error) {
	var callers session
	var err error
	labelled("role", "clients", func() { callers, err = s.open(c) })
	if err != nil {
		return nil, err
	}
	defer callers.close()
	work(callers, c, 0, d/4) // connections, buffers and Pebble's tables are warm then
	before, commands, batches, syncs := s.traffic(), s.commands(), s.batches(), s.syncs()
	var buffer bytes.Buffer
	if err := pprof.StartCPUProfile(&buffer); err != nil {
		return nil, err
	}
	r := &roleCount{}
	labelled("role", "clients", func() { r.measurement = work(callers, c, 0, d) })
	pprof.StopCPUProfile()
	if r.Ops == 0 {
		return nil, fmt.Errorf("nothing was done: %w", r.firstErr)
	}
	r.traffic = s.traffic()
	for name, t := range before {
		r.traffic[name] = r.traffic[name].minus(t)
	}
	n := s.commands() - commands
	r.batches, r.syncs = n/max(1, s.batches()-batches), n/max(1, s.syncs()-syncs)
	r.profile = buffer.Bytes()
	r.cpu, err = cpuByRole(bytes.NewReader(r.profile))
	return r, err
}

// traffic is what each role's connection carried so far.
func (s *synod) traffic() map[string]traffic {
	all := map[string]traffic{}
	connz, err := s.server.NATS().Connz(&server.ConnzOptions{Limit: 1 << 16})
	if err != nil {
		return all // it fails for wrong options only
	}
	for _, c := range connz.Conns {
		if role, id, ok := strings.Cut(c.Name, " "); ok && (role == "acceptor" || role == "proposer" || role == "learner") {
			id, _, _ = strings.Cut(id, " ") // a learner has a second connection, for answers
			all[id] = all[id].plus(traffic{float64(c.InMsgs), float64(c.InBytes), float64(c.OutMsgs), float64(c.OutBytes)})
		}
	}
	return all
}

func (s *synod) commands() (n float64) {
	for _, r := range s.roles {
		if p := r.Report().Proposer; p != nil {
			n += float64(p.Commands)
		}
	}
	return n
}

func (s *synod) batches() (n float64) {
	for _, r := range s.roles {
		if p := r.Report().Proposer; p != nil {
			n += float64(p.Batches)
		}
	}
	return n
}

// syncs is those of the first acceptor.
func (s *synod) syncs() float64 { return float64(s.roles[0].Report().Acceptor.Syncs) }

// cpuByRole adds up a profile by the role that its goroutines are labelled with.
// Pebble labels its own: only the acceptors sync for each batch.
func cpuByRole(r io.Reader) (map[string]time.Duration, error) {
	p, err := profile.Parse(r)
	if err != nil {
		return nil, err
	}
	cpu := map[string]time.Duration{}
	for _, s := range p.Sample {
		name := "runtime" // garbage collection, mostly
		if role := s.Label["role"]; len(role) > 0 {
			name = role[0]
		} else if len(s.Label["pebble"]) > 0 {
			name = "disk"
		}
		cpu[name] += time.Duration(s.Value[1])
	}
	return cpu, nil
}

func (r *roleCount) print(out io.Writer, sh shape) {
	// All that is counted, the last operations in flight too.
	ops := float64(r.Ops)
	fmt.Fprintf(out, "\n%d acceptors, %d learners; %s: %.0f/s, p50 %s", sh.acceptors, sh.learners, r.Cell, r.Rate, load.Micros(r.P50))
	if r.Cell.Kind != get {
		fmt.Fprintf(out, "; %.1f commands a batch, %.1f a sync", r.batches, r.syncs)
	}
	fmt.Fprintf(out, "\n%-10s %12s %12s %12s %12s %10s   (per operation)\n", "", "sent", "bytes", "received", "bytes", "CPU µs")
	names := slices.SortedFunc(maps.Keys(r.cpu), func(a, b string) int {
		_, roleA := r.traffic[a]
		_, roleB := r.traffic[b]
		if roleA != roleB {
			if roleA {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	for _, name := range names {
		cpu := float64(r.cpu[name].Microseconds()) / ops
		if t, ok := r.traffic[name]; ok {
			fmt.Fprintf(out, "%-10s %12.3f %12.1f %12.3f %12.1f %10.2f\n", name, t.sent/ops, t.sentBytes/ops, t.got/ops, t.gotBytes/ops, cpu)
		} else {
			fmt.Fprintf(out, "%-10s %12s %12s %12s %12s %10.2f\n", name, "", "", "", "", cpu)
		}
	}
	fmt.Fprintf(out, "%-10s %51s %10.2f\n", "all", "", r.CPU)
}
