package main

import (
	"math"
	"slices"
)

// spread is a median between its quartiles.
type spread struct {
	Low    float64 `json:"lower_quartile"`
	Median float64 `json:"median"`
	High   float64 `json:"upper_quartile"`
	N      int     `json:"n"`
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{Low: quantile(sorted, 0.25), Median: quantile(sorted, 0.5), High: quantile(sorted, 0.75), N: len(values)}
}

// quantile interpolates between the two nearest values.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low, part := math.Modf(at)
	i := int(low)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i]*(1-part) + sorted[i+1]*part
}

// results are the measurements of a run.
type results []measurement

// of yields a figure of a system in a cell, by round.
func (r results) of(system string, c cell, figure func(*measurement) float64) map[int]float64 {
	values := map[int]float64{}
	for i := range r {
		if m := &r[i]; m.System == system && m.Cell == c && m.Ops > 0 {
			values[m.Round] = figure(m)
		}
	}
	return values
}

// figure is the spread of a figure over the rounds.
func (r results) figure(system string, c cell, figure func(*measurement) float64) spread {
	var values []float64
	for _, v := range r.of(system, c, figure) {
		values = append(values, v)
	}
	return spreadOf(values)
}

// ratio is the spread of a/b over the rounds, both of one round: what disturbs the
// machine for a minute disturbs both.
func (r results) ratio(a, b string, c cell, figure func(*measurement) float64) spread {
	under := r.of(b, c, figure)
	var ratios []float64
	for round, v := range r.of(a, c, figure) {
		if u := under[round]; u > 0 {
			ratios = append(ratios, v/u)
		}
	}
	return spreadOf(ratios)
}

func rate(m *measurement) float64 { return m.Rate }
func p50(m *measurement) float64  { return m.P50 }
func tail(m *measurement) float64 { return m.P99 / m.P50 }
