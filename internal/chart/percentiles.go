package chart

import (
	"fmt"
	"io"
	"strconv"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies is histograms of microseconds by name, to be drawn as latency over
// percentile: the further right, the rarer.
type Latencies struct {
	Title string
	Of    []Named
}

// Named is one histogram.
type Named struct {
	Name    string
	Latency *hdrhistogram.Histogram
}

// shownQuantiles are the points of a line, in percent.
var shownQuantiles = []float64{0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999}

// SVG writes the chart.
func (l *Latencies) SVG(w io.Writer) error { return LatencyChart(l).SVG(w) }

// LatencyChart is l as lines.
func LatencyChart(l *Latencies) *Chart {
	c := &Chart{
		Title: l.Title,
		X:     Axis{Title: "percentile", Label: func(v float64) string { return percent(100 * (1 - 1/v)) }},
		Y:     Axis{Title: "latency", Label: duration},
	}
	for _, n := range l.Of {
		s := Series{Name: n.Name}
		for _, q := range shownQuantiles {
			rare := 100 / (100 - q) // one operation of so many is above
			if float64(n.Latency.TotalCount()) < rare {
				break
			}
			us := float64(n.Latency.ValueAtQuantile(q))
			s.Points = append(s.Points, Point{X: rare, Y: us, Label: fmt.Sprintf("%s: %g µs", percent(q), us)})
		}
		c.Series = append(c.Series, s)
	}
	return c
}

func percent(q float64) string { return strconv.FormatFloat(q, 'g', 6, 64) + " %" }

// duration is a power of ten of microseconds.
func duration(us float64) string {
	switch {
	case us >= 1e6:
		return fmt.Sprintf("%g s", us/1e6)
	case us >= 1e3:
		return fmt.Sprintf("%g ms", us/1e3)
	default:
		return fmt.Sprintf("%g µs", us)
	}
}
