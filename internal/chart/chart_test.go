package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// wellFormed fails unless text is XML, whatever was in the names.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}

// TestPointsLieWhereTheyBelong: corners of the axes are corners of the picture, and
// the middle of a decade on a logarithmic axis is in the middle.
func TestPointsLieWhereTheyBelong(t *testing.T) {
	c := Chart{Title: "a < b & c", X: Axis{Title: "x"}, Y: Axis{Title: "y"}, Series: []Series{
		{Name: "<one>", Points: []Point{{X: 1, Y: 1}, {X: 100, Y: 100}, {X: 10, Y: 10}}},
		{Name: "none", Points: []Point{{X: 0, Y: 5}, {X: 5, Y: -1}}},
	}}
	var b strings.Builder
	if err := c.SVG(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	wellFormed(t, text)
	for _, want := range []string{
		`points="80.0,460.0 650.0,50.0 365.0,255.0"`, `&lt;one&gt;`, `a &lt; b &amp; c`, `points=""`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture lacks %s:\n%s", want, text)
		}
	}
}

// TestNothingToDraw: a chart without points, or with one, is still a picture.
func TestNothingToDraw(t *testing.T) {
	for _, c := range []Chart{{}, {Series: []Series{{Points: []Point{{X: 10, Y: 10}}}}}} {
		var b strings.Builder
		if err := c.SVG(&b); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, b.String())
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("no numbers in\n%s", b.String())
		}
	}
}

// TestRareLatenciesNeedManyOperations: of a hundred operations nobody knows the
// worst of a thousand.
func TestRareLatenciesNeedManyOperations(t *testing.T) {
	h := hdrhistogram.New(1, 1e6, 3)
	for i := range int64(100) {
		if err := h.RecordValue(i + 1); err != nil {
			t.Fatal(err)
		}
	}
	l := Latencies{Title: "t", Of: []Named{{"a", h}}}
	var b strings.Builder
	if err := l.SVG(&b); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, b.String())
	if text := b.String(); !strings.Contains(text, "a 99 %: 99 µs") || strings.Contains(text, "99.5 %:") {
		t.Errorf("99 %% is missing, or more than that is shown:\n%s", text)
	}
}
