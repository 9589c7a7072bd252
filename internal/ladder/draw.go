package ladder

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/synod-paxos/synod/paxos"
)

// What a row consists of: the time, the lifelines, and the message in words.
const (
	timeWidth = 13 // with the blank behind it
	textWidth = 31 // at least
	minColumn = 3
	maxColumn = 10
)

// drawing draws rows for a set of nodes.
type drawing struct {
	options *Options
	nodes   []node
	at      map[node]int // the node's column
	names   []string     // of the columns
	legend  []string     // what names stand for, if they are not ids
	byRole  bool         // one column for each role: there are too many nodes
	column  int          // width
	strokes strokes
}

// strokes are the characters of a row.
type strokes struct {
	line, dash, cross, from, left, right rune
	more                                 string // for what is left out
}

var (
	unicodeStrokes = strokes{'│', '─', '┼', '●', '◀', '▶', "…"}
	asciiStrokes   = strokes{'|', '-', '+', 'o', '<', '>', "..."}
)

func newDrawing(o *Options, nodes []node) *drawing {
	d := &drawing{options: o, nodes: nodes, at: map[node]int{}, strokes: unicodeStrokes}
	if o.ASCII {
		d.strokes = asciiStrokes
	}
	room := max(o.Width-timeWidth-textWidth, minColumn)
	if len(nodes)*minColumn > room {
		d.byRole = true
		d.columnsOfRoles(room)
		return d
	}
	d.column = min(maxColumn, room/max(1, len(nodes)))
	longest := 0
	for i, n := range nodes {
		d.at[n] = i
		longest = max(longest, len(n.id))
	}
	if longest < d.column {
		for _, n := range nodes {
			d.names = append(d.names, string(n.id))
		}
		return d
	}
	d.number()
	return d
}

// number gives the columns short names, since the ids do not fit.
func (d *drawing) number() {
	seen := map[paxos.Role]int{}
	for _, n := range d.nodes {
		seen[n.role]++
		name := fmt.Sprintf("%c%d", n.role.String()[0]-'a'+'A', seen[n.role])
		d.names = append(d.names, name)
		d.legend = append(d.legend, fmt.Sprintf("%s is %s %s", name, n.role, n.id))
	}
}

func (d *drawing) columnsOfRoles(room int) {
	var roles []paxos.Role
	for _, n := range d.nodes {
		if !slices.Contains(roles, n.role) {
			roles = append(roles, n.role)
			d.names = append(d.names, n.role.String())
		}
		d.at[n] = len(roles) - 1
	}
	d.column = min(12, room/len(roles))
}

// middle is where a column's lifeline is.
func (d *drawing) middle(column int) int { return column*d.column + d.column/2 }

// head is the names above the lifelines.
func (d *drawing) head() string {
	var b strings.Builder
	for _, line := range d.legend {
		b.WriteString(line + "\n")
	}
	line := []rune(strings.Repeat(" ", d.column*len(d.names)+d.column))
	for i, name := range d.names {
		name = name[:min(len(name), d.column-1)]
		start := max(d.middle(i)-(len(name)-1)/2-(len(name)-1)%2, i*d.column)
		copy(line[start:], []rune(name))
	}
	b.WriteString(d.paint("1", strings.TrimRight(strings.Repeat(" ", timeWidth)+string(line), " ")) + "\n")
	return b.String()
}

// row is one message.
func (d *drawing) row(v *Event) string {
	text := v.text()
	if d.byRole {
		text = string(v.From) + ": " + text
	}
	lifelines := d.arrow(v)
	left := timeWidth + utf8.RuneCountInString(lifelines) + 1
	text = cut(text, d.options.Width-left, d.strokes.more)
	return d.paint("2", v.Time.Format("15:04:05.000")) + " " + lifelines + " " + d.paint(tint(v), text) + "\n"
}

// arrow is the lifelines with an arrow from the sender to each receiver.
func (d *drawing) arrow(v *Event) string {
	line := []rune(strings.Repeat(" ", d.column*len(d.names)))
	for i := range d.names {
		line[d.middle(i)] = d.strokes.line
	}
	from, to := d.ends(v)
	low, high := from, from
	for _, c := range to {
		low, high = min(low, c), max(high, c)
	}
	for x := d.middle(low) + 1; x < d.middle(high); x++ {
		if line[x] = d.strokes.dash; (x-d.column/2)%d.column == 0 {
			line[x] = d.strokes.cross
		}
	}
	for _, c := range to {
		if c < from {
			line[d.middle(c)] = d.strokes.left
		} else {
			line[d.middle(c)] = d.strokes.right
		}
	}
	line[d.middle(from)] = d.strokes.from
	return string(line)
}

// ends are the columns of the sender and of the receivers.
func (d *drawing) ends(v *Event) (from int, to []int) {
	for _, n := range d.nodes {
		c := d.at[n]
		if n.id == v.From && n.role.String() == v.Role {
			from = c
		} else if slices.Contains(v.To, n.id) {
			to = append(to, c)
		}
	}
	return from, to
}

// cut shortens text to width columns, with more for what is left out.
func cut(text string, width int, more string) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width-utf8.RuneCountInString(more))]) + more
}

// paint gives text a colour, by the number that terminals know it by.
func (d *drawing) paint(color, text string) string {
	if !d.options.Color || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// tint is the colour of a message.
func tint(v *Event) string {
	switch {
	case v.isQuiet():
		return "2"
	case len(v.Chosen) > 0:
		return "1;32"
	case v.Kind == "accept" || v.Kind == "accepted":
		return "32"
	case v.Kind == "prepare" || v.Kind == "promise":
		return "33"
	case v.Kind == "nack":
		return "31"
	case v.Kind == "handover" || v.Kind == "query" || v.Kind == "report":
		return "35"
	default:
		return "36"
	}
}
