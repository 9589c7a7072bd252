package node

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/synod-paxos/synod/bus"
)

// The ways to read a metric out of a report.

func of(read func(*Report, func(float64, ...string))) func(*Report, func(float64, ...string)) {
	return read
}

func one(value func(*Report) float64) func(*Report, func(float64, ...string)) {
	return func(r *Report, add func(float64, ...string)) { add(value(r)) }
}

// byLabelOf is byLabel with a sample for each of labels, if values is not nil: what has
// not happened is 0, so that its first time is a rise.
func byLabelOf(labels []string, values func(*Report) map[string]uint64) func(*Report, func(float64, ...string)) {
	return func(r *Report, add func(float64, ...string)) {
		have := values(r)
		if have == nil {
			return
		}
		for _, label := range labels {
			add(float64(have[label]), label)
		}
	}
}

func byLabel(values func(*Report) map[string]uint64) func(*Report, func(float64, ...string)) {
	return func(r *Report, add func(float64, ...string)) {
		for label, n := range values(r) {
			add(float64(n), label)
		}
	}
}

func traffic(flows func(*Report) map[string]bus.Traffic, part func(bus.Traffic) uint64) func(*Report, func(float64, ...string)) {
	return func(r *Report, add func(float64, ...string)) {
		for kind, t := range flows(r) {
			add(float64(part(t)), kind)
		}
	}
}

func byMessages(t bus.Traffic) uint64 { return t.Messages }
func byBytes(t bus.Traffic) uint64    { return t.Bytes }

func acceptor(value func(*AcceptorReport) float64) func(*Report, func(float64, ...string)) {
	return func(r *Report, add func(float64, ...string)) {
		if r.Acceptor != nil {
			add(value(r.Acceptor))
		}
	}
}

func proposer(value func(*ProposerReport) float64) func(*Report, func(float64, ...string)) {
	return func(r *Report, add func(float64, ...string)) {
		if r.Proposer != nil {
			add(value(r.Proposer))
		}
	}
}

func learner(value func(*LearnerReport) float64) func(*Report, func(float64, ...string)) {
	return func(r *Report, add func(float64, ...string)) {
		if r.Learner != nil {
			add(value(r.Learner))
		}
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// desc is the metric's name, help and labels.
func (m *metric) desc() *prometheus.Desc {
	labels := []string{"cluster", "role", "id"}
	if m.label != "" {
		labels = append(labels, m.label)
	}
	return prometheus.NewDesc(m.name, m.help, labels, nil)
}

// collector gives Prometheus the metrics of the roles of a process, as they are
// when it asks.
type collector struct{ roles func() []Role }

// Describe names every metric.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for i := range metrics {
		out <- metrics[i].desc()
	}
	for i := range histograms {
		out <- histograms[i].desc()
	}
}

func (h *histogram) desc() *prometheus.Desc {
	return prometheus.NewDesc(h.name, h.help, []string{"cluster", "role", "id"}, nil)
}

// ballotRound is the round of a ballot's text; 0 for none.
func ballotRound(ballot string) float64 {
	round, _, _ := strings.Cut(ballot, ".")
	n, err := strconv.ParseUint(round, 10, 64)
	if err != nil {
		return 0
	}
	return float64(n)
}

// oldest is how many seconds the first slot in flight has been undecided.
func (p *ProposerReport) oldest() float64 {
	if len(p.OpenSlots) == 0 {
		return 0
	}
	return p.OpenSlots[0].Age / 1e3
}

// Collect reads every metric of every role.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, role := range c.roles() {
		r := role.Report()
		for i := range metrics {
			m := &metrics[i]
			desc := m.desc()
			m.read(&r, func(value float64, label ...string) {
				labels := append([]string{r.Cluster, r.Role, string(r.ID)}, label...)
				out <- prometheus.MustNewConstMetric(desc, m.kind, value, labels...)
			})
		}
		for i := range histograms {
			if l := histograms[i].read(&r); l != nil {
				out <- prometheus.MustNewConstHistogram(histograms[i].desc(), l.count(), l.Sum, l.cumulative(), r.Cluster, r.Role, string(r.ID))
			}
		}
	}
}
