package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/synod-paxos/synod/internal/load"
)

// plan is what is measured, and how often.
type plan struct {
	options *options
	systems []system
	cells   []cell
	running map[string]running
	results results
}

// defaultCells are those that the goals speak of.
var defaultCells = []cell{
	{propose, 1, 128}, {propose, 8, 128}, {propose, 64, 128}, {propose, 512, 128}, {propose, 64, 4096},
	{put, 64, 128}, {put, 512, 128},
	{get, 1, 128}, {get, 64, 128}, {get, 512, 128},
}

func newPlan(o *options) (*plan, error) {
	p := &plan{options: o, cells: defaultCells, running: map[string]running{}}
	var err error
	if p.systems, err = choose(o.systems); err != nil {
		return nil, err
	}
	if o.cells == "" {
		return p, nil
	}
	p.cells, err = parseCells(o.cells)
	return p, err
}

func parseCells(list string) (cells []cell, err error) {
	for text := range strings.SplitSeq(list, ",") {
		c, err := parseCell(text)
		if err != nil {
			return nil, err
		}
		cells = append(cells, c)
	}
	return cells, nil
}

func parseCell(text string) (cell, error) {
	part := strings.Split(text, "/")
	if len(part) == 3 {
		c := cell{Kind: kind(part[0])}
		var err1, err2 error
		c.Callers, err1 = strconv.Atoi(part[1])
		c.Size, err2 = strconv.Atoi(part[2])
		if errors.Join(err1, err2) == nil && c.Callers > 0 && c.Size > 0 && slices.Contains([]kind{propose, put, get}, c.Kind) {
			return c, nil
		}
	}
	return cell{}, fmt.Errorf("--cells %q: want propose, put or get, then callers and bytes: propose/64/128", text)
}

// run measures, and reports to out.
func (p *plan) run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(p.options.dir, "synod-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop(), os.RemoveAll(dir)) }()
	for _, s := range p.systems {
		if s.on != "" {
			continue
		}
		fmt.Fprintf(out, "starting %-15s %s\n", s.name, s.about)
		r, err := launch(s, dir)
		if err != nil {
			return err
		}
		p.running[s.name] = r
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
	}
	if p.options.profiles != "" {
		profiles, err := startProfiles(p.options.profiles)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, profiles.stop()) }()
	}
	idle := p.idle()
	if err := p.measure(ctx, out); err != nil {
		return err
	}
	return p.report(out, idle)
}

// idle is the share of one CPU that all systems use while nobody calls them.
func (p *plan) idle() float64 {
	runtime.GC()
	before := usage()
	time.Sleep(500 * time.Millisecond)
	return (usage().own - before.own).Seconds() / 0.5
}

// measure runs the rounds. In each, the systems take turns under a cell twice, for half of
// the time each, and the second time in the reverse order: a machine that becomes slower
// or faster meanwhile does so for all alike. Each round begins with another system.
func (p *plan) measure(ctx context.Context, out io.Writer) error {
	total, done, begin := p.count(), 0, time.Now()
	for round := range p.options.rounds {
		for _, c := range p.cells {
			systems := p.turns(c, round)
			first := len(p.results)
			for i := range 2 * len(systems) {
				again := i >= len(systems)
				if again {
					i = 2*len(systems) - 1 - i
				}
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
				m, err := p.one(systems[i], c)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", systems[i].name, c, err)
				}
				done++
				if !again {
					m.Round = round + 1
					p.results = append(p.results, m)
					continue
				}
				all := &p.results[first+i]
				if all.add(&m); all.Ops == 0 {
					return fmt.Errorf("%s, %s: nothing was done: %w", all.System, c, all.firstErr)
				}
				left := time.Since(begin) / time.Duration(done) * time.Duration(total-done)
				fmt.Fprintf(out, "round %d/%d  %-29s %-15s %9.0f/s  p50 %-9s %s left\n", round+1, p.options.rounds,
					c, all.System, all.Rate, load.Micros(all.P50), left.Round(time.Second))
			}
		}
	}
	return nil
}

// turns is the systems that c is measured with, in the order of a round.
func (p *plan) turns(c cell, round int) (systems []system) {
	for i := range p.systems {
		if s := p.systems[(i+round)%len(p.systems)]; slices.Contains(s.kinds, c.Kind) {
			systems = append(systems, s)
		}
	}
	return systems
}

// count is how many times a system is measured under a cell.
func (p *plan) count() (n int) {
	for _, c := range p.cells {
		for _, s := range p.systems {
			if slices.Contains(s.kinds, c.Kind) {
				n += 2 * p.options.rounds
			}
		}
	}
	return n
}

// one measures one system under one cell, for half of its time in a round.
func (p *plan) one(s system, c cell) (m measurement, err error) {
	labelled("role", "clients", func() {
		var callers session
		if callers, err = p.open(s, c); err != nil {
			return
		}
		defer callers.close()
		runtime.GC() // the last system's garbage is not this one's
		m = work(callers, c, p.options.duration/8, p.options.duration/2)
	})
	m.System = s.name
	return m, err
}

func (p *plan) open(s system, c cell) (session, error) {
	if s.on != "" {
		return s.open(p.running[s.on], c)
	}
	return p.running[s.name].open(c)
}

func (p *plan) stop() error {
	var errs []error
	for name, r := range p.running {
		if err := r.stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
