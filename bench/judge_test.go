package main

import (
	"bytes"
	"strings"
	"testing"
)

// rounds are measurements of two systems, whose rates have these ratios.
func rounds(c cell, ratios ...float64) (r results) {
	for i, ratio := range ratios {
		base := float64(1000 * (i + 1)) // machines differ from round to round, ratios do not
		r = append(r,
			measurement{Round: i + 1, System: "a", Cell: c, Ops: 1, Rate: ratio * base},
			measurement{Round: i + 1, System: "b", Cell: c, Ops: 1, Rate: base})
	}
	return r
}

func TestGoalsAreJudgedByTheMiddleHalf(t *testing.T) {
	c := cell{propose, 64, 128}
	atLeast := goal{Cell: c, A: "a", B: "b", Measure: "rate", AtLeast: 2}
	atMost := goal{Cell: c, A: "a", B: "b", Measure: "rate", AtMost: 2}
	for _, test := range []struct {
		name   string
		ratios []float64
		least  verdict
		most   verdict
	}{
		{"all above", []float64{3, 3, 3, 3, 3, 3, 3}, met, missed},
		{"one round below", []float64{3, 3, 3, 1, 3, 3, 3}, met, missed},
		{"half below", []float64{3, 1, 3, 1, 3, 1, 3}, notShown, notShown},
		{"all below", []float64{1, 1, 1, 1, 1, 1, 1}, missed, met},
		{"at the bound", []float64{2, 2, 2, 2, 2, 2, 2}, met, met},
		{"too few rounds", []float64{3, 3, 3, 3, 3, 3}, notShown, notShown},
		{"not run", nil, notRun, notRun},
	} {
		r := rounds(c, test.ratios...)
		if have := atLeast.judge(atLeast.measure(r)); have != test.least {
			t.Errorf("%s, at least 2: %s, want %s", test.name, have, test.least)
		}
		if have := atMost.judge(atMost.measure(r)); have != test.most {
			t.Errorf("%s, at most 2: %s, want %s", test.name, have, test.most)
		}
	}
}

// TestRatiosAreOfOneRound: a round in which one of the two is missing shows nothing.
func TestRatiosAreOfOneRound(t *testing.T) {
	c := cell{propose, 1, 128}
	r := append(rounds(c, 2, 2), measurement{Round: 3, System: "a", Cell: c, Ops: 1, Rate: 1e9},
		measurement{Round: 4, System: "a", Cell: c, Rate: 1e9}, measurement{Round: 4, System: "b", Cell: c, Ops: 1, Rate: 1})
	if s := r.ratio("a", "b", c, rate); s != (spread{2, 2, 2, 2}) {
		t.Errorf("have %+v, want 2 twice", s)
	}
}

func TestQuartiles(t *testing.T) {
	if s := spreadOf([]float64{5, 1, 3, 2, 4}); s != (spread{Low: 2, Median: 3, High: 4, N: 5}) {
		t.Errorf("of 1 to 5: %+v", s)
	}
	if s := spreadOf([]float64{1, 2}); s != (spread{Low: 1.25, Median: 1.5, High: 1.75, N: 2}) {
		t.Errorf("of 1 and 2: %+v", s)
	}
	if s := spreadOf(nil); s != (spread{}) {
		t.Errorf("of nothing: %+v", s)
	}
}

// TestGoalsAreOfWhatIsMeasured: a goal of a cell or a system that is not there would
// never be judged.
func TestGoalsAreOfWhatIsMeasured(t *testing.T) {
	p, err := newPlan(&options{})
	if err != nil {
		t.Fatal(err)
	}
	does := map[string]map[kind]bool{}
	for _, s := range p.systems {
		does[s.name] = map[kind]bool{}
		for _, k := range s.kinds {
			does[s.name][k] = true
		}
	}
	cells := map[cell]bool{}
	for _, c := range p.cells {
		cells[c] = true
	}
	for _, g := range goals() {
		if !cells[g.Cell] || !does[g.A][g.Cell.Kind] || g.B != "" && !does[g.B][g.Cell.Kind] {
			t.Errorf("nothing measures %q", g)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"--cells propose/64", "want propose, put or get"},
		{"--cells fly/64/128", "want propose, put or get"},
		{"--cells propose/0/128", "want propose, put or get"},
		{"--systems nosuch", "nosuch"},
		{"--systems synod-client", "which must be there too"},
		{"--duration 1ms", "at least 10ms"},
		{"--document x.md", "needs --json or --from"},
		{"more", "unexpected argument"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(test.args), &out, &errs); code != 2 || !strings.Contains(errs.String(), test.want) {
			t.Errorf("%s: exit code %d and %q, want 2 and %q", test.args, code, errs.String(), test.want)
		}
	}
}
