package main

import "fmt"

// A goal is a ratio that Synod should reach.
type goal struct {
	Cell    cell
	A, B    string // systems; B empty: a figure of A alone
	Measure string // rate, p50, or tail: p99 over p50
	AtLeast float64
	AtMost  float64 // 0: AtLeast counts
}

// verdict says whether a spread of ratios reaches a goal. The middle half of the
// ratios must lie on one side of it.
type verdict string

const (
	met      verdict = "met"
	missed   verdict = "missed"
	notShown verdict = "not shown"
	notRun   verdict = "not run"
)

func (g goal) measure(r results) spread {
	figure := map[string]func(*measurement) float64{"rate": rate, "p50": p50, "tail": tail}[g.Measure]
	if g.B == "" {
		return r.figure(g.A, g.Cell, figure)
	}
	return r.ratio(g.A, g.B, g.Cell, figure)
}

// enoughRounds is how many ratios show something.
const enoughRounds = 7

func (g goal) judge(s spread) verdict {
	switch {
	case s.N == 0:
		return notRun
	case s.N < enoughRounds:
		return notShown
	case g.AtMost > 0 && s.High <= g.AtMost, g.AtMost == 0 && s.Low >= g.AtLeast:
		return met
	case g.AtMost > 0 && s.Low > g.AtMost, g.AtMost == 0 && s.High < g.AtLeast:
		return missed
	default:
		return notShown
	}
}

func (g goal) String() string {
	what := fmt.Sprintf("%s %s / %s", g.Measure, g.A, g.B)
	if g.B == "" {
		what = "p99 / p50 of " + g.A
	}
	bound := fmt.Sprintf("at least %g", g.AtLeast)
	if g.AtMost > 0 {
		bound = fmt.Sprintf("at most %g", g.AtMost)
	}
	return fmt.Sprintf("%s: %s %s", g.Cell, what, bound)
}

func goals() []goal {
	var list []goal
	atLeast := func(c cell, a string, bounds ...any) {
		for i := 0; i < len(bounds); i += 2 {
			list = append(list, goal{Cell: c, A: a, B: bounds[i].(string), Measure: "rate", AtLeast: bounds[i+1].(float64)})
		}
	}
	one, many, most := cell{propose, 1, 128}, cell{propose, 64, 128}, cell{propose, 512, 128}
	atLeast(most, "synod", "echo", 0.45, "jetstream-sync", 2.5, "jetstream", 1.0, "etcd", 5.0, "raft", 1.8)
	atLeast(many, "synod", "echo", 0.3, "jetstream-sync", 2.0, "etcd", 4.0)
	atLeast(cell{propose, 64, 4096}, "synod", "echo", 0.22, "etcd", 3.5)
	atLeast(most, "synod-client", "echo", 1.0, "dragonboat", 1.0)
	list = append(list,
		goal{Cell: one, A: "synod", B: "etcd", Measure: "p50", AtMost: 1},
		goal{Cell: one, A: "synod", B: "jetstream-sync", Measure: "p50", AtMost: 1},
		goal{Cell: one, A: "synod", B: "pattern", Measure: "p50", AtMost: 1.15},
		goal{Cell: many, A: "synod", Measure: "tail", AtMost: 3},
	)
	for _, callers := range []int{64, 512} {
		atLeast(cell{put, callers, 128}, "synod", "jetstream-sync", 2.0)
		for _, caller := range []string{"synod", "synod-client"} { // requests of any NATS client; callers of the Go client
			atLeast(cell{get, callers, 128}, caller, "echo", 0.6, "etcd", 3.0, "jetstream", 1.5)
		}
	}
	return list
}
