package node

import (
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
	out <- syncDesc
}

var syncDesc = prometheus.NewDesc(syncMetric, syncHelp, []string{"cluster", "role", "id"}, nil)

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
		if r.Acceptor != nil {
			l := &r.Acceptor.Sync
			out <- prometheus.MustNewConstHistogram(syncDesc, l.count(), l.Sum, l.cumulative(), r.Cluster, r.Role, string(r.ID))
		}
	}
}
