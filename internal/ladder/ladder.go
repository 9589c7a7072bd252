package ladder

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// Options say how to show messages. Width has no default.
type Options struct {
	Subjects bus.Subjects
	Filter   Filter
	JSON     bool // one Event a line, instead of a ladder
	Width    int  // columns of the terminal
	Lines    int  // after so many rows the names are printed again; 0: never
	Limit    int  // most messages to print; 0: no limit
	Color    bool
	ASCII    bool // no line-drawing characters
}

// Ladder shows messages as they come. It is for one goroutine.
type Ladder struct {
	options  Options
	out      io.Writer
	observer observer
	gathered []message // until Begin, so that the columns are known
	begun    bool
	drawing  *drawing // of the present nodes; nil: none drawn so far
	rows     int      // since the names
	shown    int
}

// New is a ladder that is printed to w. Nothing is, before Begin.
func New(w io.Writer, o Options) *Ladder {
	return &Ladder{options: o, out: w, observer: observer{subjects: o.Subjects, votes: map[paxos.Slot]map[paxos.Ballot]paxos.Set{}}}
}

// Hear takes one message that was published to subject.
func (l *Ladder) Hear(at time.Time, subject string, e paxos.Envelope) error {
	m := message{l.observer.hear(at, e), subject, e}
	if !l.begun {
		l.gathered = append(l.gathered, m)
		return nil
	}
	return l.show(&m)
}

// message is a message whose receivers are yet to be found.
type message struct {
	event    Event
	subject  string
	envelope paxos.Envelope
}

// Begin prints what was heard until now, and from now on what is heard at once. Who
// calls it a moment after the first message has a column for each node from the start.
func (l *Ladder) Begin() error {
	l.begun = true
	for i := range l.gathered {
		if err := l.show(&l.gathered[i]); err != nil {
			return err
		}
	}
	l.gathered = nil
	return nil
}

// Gap says that messages were not heard.
func (l *Ladder) Gap(messages uint64) error {
	if l.options.JSON {
		return json.NewEncoder(l.out).Encode(map[string]uint64{"missed": messages})
	}
	_, err := fmt.Fprintf(l.out, "... %d messages missed: they come faster than they can be shown\n", messages)
	return err
}

// Shown is how many messages were printed.
func (l *Ladder) Shown() int { return l.shown }

// Heard is how many nodes were heard.
func (l *Ladder) Heard() int { return len(l.observer.nodes) }

func (l *Ladder) show(m *message) error {
	v := &m.event
	v.To = l.observer.receivers(m.subject, m.envelope)
	if (l.options.Limit > 0 && l.shown >= l.options.Limit) || !l.options.Filter.shows(v) {
		return nil
	}
	l.shown++
	if l.options.JSON {
		return json.NewEncoder(l.out).Encode(v)
	}
	text := ""
	if l.drawing == nil || !slices.Equal(l.drawing.nodes, l.observer.nodes) || (l.options.Lines > 0 && l.rows >= l.options.Lines) {
		l.drawing = newDrawing(&l.options, slices.Clone(l.observer.nodes))
		l.rows = 0
		text = l.drawing.head()
	}
	l.rows++
	_, err := io.WriteString(l.out, text+l.drawing.row(v))
	return err
}
