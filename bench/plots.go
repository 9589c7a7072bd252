package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/synod-paxos/synod/internal/chart"
	"github.com/synod-paxos/synod/internal/load"
)

// draw writes the pictures into the directory of --plots: latency over throughput
// with a point for each number of callers, and the percentiles of each cell.
func (p *plan) draw() error {
	if err := os.MkdirAll(p.options.plots, 0o755); err != nil {
		return err
	}
	errs := []error{save(filepath.Join(p.options.plots, "throughput.svg"), p.throughput())}
	for _, c := range p.cells {
		l := chart.Latencies{Title: c.String()}
		for _, s := range p.systems {
			if h := p.results.merged(s.name, c); h.TotalCount() > 0 {
				l.Of = append(l.Of, chart.Named{Name: s.name, Latency: h})
			}
		}
		path := fmt.Sprintf("latency-%s-%d-%d.svg", c.Kind, c.Callers, c.Size)
		errs = append(errs, save(filepath.Join(p.options.plots, path), chart.LatencyChart(&l)))
	}
	return errors.Join(errs...)
}

func save(path string, c *chart.Chart) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(c.SVG(f), f.Close())
}

// throughput is medians: of the median latency over the rate.
func (p *plan) throughput() *chart.Chart {
	c := &chart.Chart{
		Title: "propose, 128 bytes: more callers to the right",
		X:     chart.Axis{Title: "operations per second"},
		Y:     chart.Axis{Title: "median latency", Label: load.Micros},
	}
	for _, s := range p.systems {
		series := chart.Series{Name: s.name}
		cells := slices.Clone(p.cells)
		slices.SortFunc(cells, func(a, b cell) int { return a.Callers - b.Callers })
		for _, at := range cells {
			if at.Kind != propose || at.Size != 128 {
				continue
			}
			x, y := p.results.figure(s.name, at, rate).Median, p.results.figure(s.name, at, p50).Median
			series.Points = append(series.Points, chart.Point{X: x, Y: y, Label: fmt.Sprintf("%d callers: %.0f/s, %s", at.Callers, x, load.Micros(y))})
		}
		c.Series = append(c.Series, series)
	}
	return c
}

// merged is the latencies of all rounds.
func (r results) merged(system string, c cell) *hdrhistogram.Histogram {
	all := hdrhistogram.New(1, int64(60e6), 3)
	for i := range r {
		if m := &r[i]; m.System == system && m.Cell == c && m.latency != nil {
			all.Merge(m.latency)
		}
	}
	return all
}
