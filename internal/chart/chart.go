// Package chart draws lines over logarithmic axes, as SVG that a browser shows.
package chart

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// A Chart is some lines over two logarithmic axes.
type Chart struct {
	Title  string
	X, Y   Axis
	Series []Series
}

// An Axis is logarithmic: it shows positive values only.
type Axis struct {
	Title string
	Label func(float64) string // of a power of ten; nil: the number
}

// A Series is one line with a mark at each point.
type Series struct {
	Name   string
	Points []Point
}

// Point is one measurement; both values are above 0, or it is left out.
type Point struct {
	X, Y  float64
	Label string // shown when the mouse rests on it
}

// The picture, in pixels.
const (
	width, height          = 860, 520
	left, right            = 80, 210
	top, bottom            = 50, 60
	plotWidth, plotHeight  = width - left - right, height - top - bottom
	legendLine, markRadius = 20, 3
)

// colours tell lines apart for most eyes (Okabe and Ito), and dashes tell those that
// share one.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"}

// SVG writes the chart.
func (c *Chart) SVG(w io.Writer) error {
	x, y := c.bounds()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="28" font-size="16">%s</text>`+"\n", left, html.EscapeString(c.Title))
	c.axes(&b, x, y)
	for i, s := range c.Series {
		s.draw(&b, i, x, y)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// span is the exponents of ten that an axis reaches over.
type span struct{ low, high float64 }

// at is where v is on the axis: 0 at its low end, 1 at its high end.
func (s span) at(v float64) float64 { return (math.Log10(v) - s.low) / (s.high - s.low) }

// bounds are the axes of all points, from one power of ten to another.
func (c *Chart) bounds() (x, y span) {
	x, y = span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	for _, s := range c.Series {
		for _, p := range s.shown() {
			x.take(p.X)
			y.take(p.Y)
		}
	}
	return x.whole(), y.whole()
}

func (s *span) take(v float64) {
	s.low, s.high = min(s.low, math.Log10(v)), max(s.high, math.Log10(v))
}

func (s *span) whole() span {
	if s.low > s.high { // no points
		return span{0, 1}
	}
	low, high := math.Floor(s.low), math.Ceil(s.high)
	if low == high {
		high++
	}
	return span{low, high}
}

func (s *Series) shown() (points []Point) {
	for _, p := range s.Points {
		if p.X > 0 && p.Y > 0 {
			points = append(points, p)
		}
	}
	return points
}

func px(x span, v float64) float64 { return left + plotWidth*x.at(v) }
func py(y span, v float64) float64 { return top + plotHeight*(1-y.at(v)) }

func (c *Chart) axes(b *strings.Builder, x, y span) {
	for e := x.low; e <= x.high; e++ {
		at := px(x, math.Pow(10, e))
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>`, at, top, at, top+plotHeight)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, top+plotHeight+20, c.X.label(math.Pow(10, e)))
	}
	for e := y.low; e <= y.high; e++ {
		at := py(y, math.Pow(10, e))
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>`, left, at, left+plotWidth, at)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left-8, at+4, c.Y.label(math.Pow(10, e)))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", left+plotWidth/2, height-14, html.EscapeString(c.X.Title))
	fmt.Fprintf(b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", top+plotHeight/2, html.EscapeString(c.Y.Title))
}

func (a *Axis) label(v float64) string {
	if a.Label == nil {
		return fmt.Sprintf("%g", v)
	}
	return html.EscapeString(a.Label(v))
}

func (s *Series) draw(b *strings.Builder, i int, x, y span) {
	colour, dash := colours[i%len(colours)], ""
	if i >= len(colours) {
		dash = ` stroke-dasharray="6 4"`
	}
	var path []string
	for _, p := range s.shown() {
		path = append(path, fmt.Sprintf("%.1f,%.1f", px(x, p.X), py(y, p.Y)))
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.Join(path, " "), colour, dash)
	for _, p := range s.shown() {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%d" fill="%s"><title>%s</title></circle>`+"\n",
			px(x, p.X), py(y, p.Y), markRadius, colour, html.EscapeString(s.Name+" "+p.Label))
	}
	at := top + legendLine*i + 10
	fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2"%s/>`, left+plotWidth+20, at, left+plotWidth+50, at, colour, dash)
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", left+plotWidth+58, at+4, html.EscapeString(s.Name))
}
