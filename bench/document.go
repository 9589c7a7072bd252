package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/synod-paxos/synod/internal/load"
)

// What lies between these lines of a document is written by writeFigures.
const (
	figuresBegin = "<!-- figures: begin -->\n"
	figuresEnd   = "<!-- figures: end -->\n"
)

// writeFigures writes the tables of a run's JSON file into a document.
func writeFigures(from, into string, out io.Writer) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	old, err := os.ReadFile(into)
	if err != nil {
		return err
	}
	before, rest, ok1 := bytes.Cut(old, []byte(figuresBegin))
	_, after, ok2 := bytes.Cut(rest, []byte(figuresEnd))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: want the lines %q and %q", into, strings.TrimSpace(figuresBegin), strings.TrimSpace(figuresEnd))
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(figuresBegin)
	d.figures(&b)
	b.WriteString(figuresEnd)
	b.Write(after)
	fmt.Fprintf(out, "wrote the figures of %s into %s\n", from, into)
	return os.WriteFile(into, b.Bytes(), 0o644)
}

// figures is all tables, as Markdown.
func (d *document) figures(b *bytes.Buffer) {
	fmt.Fprintf(b, "\nMeasured %s with `%s` on %d CPUs (%s), %s; %d rounds. Others used %.0f %% of the machine (median).\n\nVersions:",
		d.Time.Format("2006-01-02 15:04 UTC"), d.Command, d.CPUs, d.Machine, d.Go, d.Rounds, 100*d.Measurements.others())
	for _, path := range slices.Sorted(maps.Keys(d.Versions)) {
		fmt.Fprintf(b, " `%s` %s;", path, d.Versions[path])
	}
	b.WriteString("\n\n### Goals\n\nRatios of one round each: median, and lower and upper quartile.\n\n| goal | ratio | quartiles | |\n|---|---|---|---|\n")
	for _, j := range d.Goals {
		fmt.Fprintf(b, "| %s | %.2f | %.2f to %.2f | %s |\n", j.Goal, j.Ratio.Median, j.Ratio.Low, j.Ratio.High, j.Verdict)
	}
	for _, c := range d.Measurements.cells() {
		d.Measurements.markdown(b, c)
	}
}

// markdown is the table of one cell.
func (r results) markdown(b *bytes.Buffer, c cell) {
	fmt.Fprintf(b, "\n### %s\n\n| | per second | quartiles | of echo | p50 | p99 | p99.9 | CPU µs |\n|---|---|---|---|---|---|---|---|\n", c)
	for _, s := range systems {
		f := r.figure(s.name, c, rate)
		if f.N == 0 {
			continue
		}
		median := func(of func(*measurement) float64) float64 { return r.figure(s.name, c, of).Median }
		fmt.Fprintf(b, "| %s | %.0f | %.0f to %.0f | %s | %s | %s | %s | %.1f |\n", s.name, f.Median, f.Low, f.High,
			r.toEcho(s.name, c), load.Micros(median(p50)),
			load.Micros(median(func(m *measurement) float64 { return m.P99 })),
			load.Micros(median(func(m *measurement) float64 { return m.P999 })),
			median(func(m *measurement) float64 { return m.CPU }))
	}
}

// cells are those measured, in the order of the run.
func (r results) cells() (cells []cell) {
	for i := range r {
		if !slices.Contains(cells, r[i].Cell) {
			cells = append(cells, r[i].Cell)
		}
	}
	return cells
}

func (r results) others() float64 {
	var all []float64
	for i := range r {
		all = append(all, r[i].Others)
	}
	return spreadOf(all).Median
}
