package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/synod-paxos/synod/internal/load"
)

// report prints the table and the verdicts, and writes the files asked for.
func (p *plan) report(out io.Writer, idle float64) error {
	p.table(out)
	judged := p.judge()
	fmt.Fprintf(out, "\nGoals: median of the ratios of one round each [lower, upper quartile]\n")
	for _, j := range judged {
		fmt.Fprintf(out, "%-9s %6.2f [%5.2f, %5.2f]  %s\n", j.Verdict, j.Ratio.Median, j.Ratio.Low, j.Ratio.High, j.Goal)
	}
	fmt.Fprintf(out, "\n%d CPUs, %s. Others used %.0f %% of them (median). All systems idle: %.0f %% of a CPU.\n",
		runtime.NumCPU(), machine(), 100*p.results.others(), 100*idle)
	if p.options.json != "" {
		if err := p.writeJSON(judged, idle); err != nil {
			return err
		}
	}
	if p.options.plots != "" {
		return p.draw()
	}
	return nil
}

// table prints medians, at most 100 columns wide.
func (p *plan) table(out io.Writer) {
	for _, c := range p.cells {
		fmt.Fprintf(out, "\n%s\n%-15s %10s %21s %7s %9s %9s %9s %6s\n", strings.ToUpper(c.String()[:1])+c.String()[1:],
			"", "ops/s", "quartiles", "/echo", "p50", "p99", "p99.9", "CPU µs")
		for _, s := range p.systems {
			r := p.results.figure(s.name, c, rate)
			if r.N == 0 {
				continue
			}
			median := func(f func(*measurement) float64) float64 { return p.results.figure(s.name, c, f).Median }
			fmt.Fprintf(out, "%-15s %10.0f %21s %7s %9s %9s %9s %6.1f%s\n", s.name, r.Median,
				fmt.Sprintf("%.0f..%.0f", r.Low, r.High), p.results.toEcho(s.name, c),
				load.Micros(median(p50)), load.Micros(median(func(m *measurement) float64 { return m.P99 })),
				load.Micros(median(func(m *measurement) float64 { return m.P999 })),
				median(func(m *measurement) float64 { return m.CPU }), p.failures(s.name, c))
		}
	}
}

// toEcho is the ratio of a rate to that of the bare echo, and nothing where there is none.
func (r results) toEcho(name string, c cell) string {
	ratio := r.ratio(name, "echo", c, rate)
	if ratio.N == 0 || name == "echo" {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio.Median)
}

func (p *plan) failures(name string, c cell) string {
	n := int64(0)
	for i := range p.results {
		if m := &p.results[i]; m.System == name && m.Cell == c {
			n += m.Errors
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" %d errors", n)
}

// judgement is a goal and whether it was reached.
type judgement struct {
	Goal    string  `json:"goal"`
	Ratio   spread  `json:"ratio"`
	Verdict verdict `json:"verdict"`
}

// judge judges the goals whose cells were run.
func (p *plan) judge() []judgement {
	var out []judgement
	for _, g := range goals() {
		if s := g.measure(p.results); slices.Contains(p.cells, g.Cell) && s.N > 0 {
			out = append(out, judgement{g.String(), s, g.judge(s)})
		}
	}
	return out
}

// document is the JSON file.
type document struct {
	Time         time.Time         `json:"time"`
	Machine      string            `json:"machine"`
	CPUs         int               `json:"cpus"`
	Go           string            `json:"go"`
	Versions     map[string]string `json:"versions"`
	Command      string            `json:"command"`
	Rounds       int               `json:"rounds"`
	Idle         float64           `json:"idle_cpus"`
	Goals        []judgement       `json:"goals"`
	Measurements results           `json:"measurements"`
}

func (p *plan) writeJSON(judged []judgement, idle float64) error {
	d := document{
		Time: time.Now().UTC(), Machine: machine(), CPUs: runtime.NumCPU(), Go: runtime.Version(), Versions: versions(),
		Command: "go run . " + p.options.command, Rounds: p.options.rounds, Idle: idle, Goals: judged, Measurements: p.results,
	}
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(p.options.json, append(text, '\n'), 0o644)
}

// versions are those of what is measured.
func versions() map[string]string {
	v := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, m := range info.Deps {
		for _, name := range []string{"nats-server/v2", "nats.go", "etcd/server/v3", "hashicorp/raft", "raft-wal", "dragonboat/v4", "protoactor-go", "pebble/v2"} {
			if strings.HasSuffix(m.Path, "/"+name) || strings.HasSuffix(m.Path, name) && strings.Contains(name, "/") {
				v[m.Path] = m.Version
			}
		}
	}
	return v
}
