package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// PlayScript plays a story: a text of commands, each followed by a line "----" and
// by what it printed. It returns the text with what the commands print now, so a
// story holds when it comes back unchanged. testdata/README.md has the commands.
func PlayScript(text string) string {
	s := &script{}
	var out strings.Builder
	blocks := strings.Split(strings.TrimRight(text, "\n"), "\n\n")
	for i, block := range blocks {
		if i > 0 {
			out.WriteString("\n\n")
		}
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, "#") {
				out.WriteString(line)
				continue
			}
			command := strings.TrimRight(line, "\n")
			out.WriteString(command + "\n----")
			for _, said := range s.do(command) {
				out.WriteString("\n" + said)
			}
			break
		}
	}
	return out.String() + "\n"
}

// script is a story that is being played.
type script struct {
	w      *World
	events bool // tell what happens, not only what was asked for
	shown  map[string]bool
	said   []happening // during the present command
	rules  []*rule
	client *client
	links  []func() // what heal undoes
}

// happening is one line, and to whom it happened.
type happening struct {
	ids  []string
	text string
}

// rule says what becomes of some messages.
type rule struct {
	kind     string // "Accept"; "" is any
	from, to paxos.NodeID
	slot     paxos.Slot
	hold     bool // keep them; else lose them
	count    int  // so many; 0: all
	held     []heldMessage
}

type heldMessage struct {
	from paxos.NodeID
	to   *process
	e    *paxos.Envelope
}

// do carries out one command, and returns what it prints.
func (s *script) do(line string) []string {
	words := strings.Fields(line)
	verb, args := words[0], parseArgs(words[1:])
	s.said = nil
	f := scriptCommands[verb]
	if f == nil {
		return []string{"unknown command " + verb}
	}
	if s.w == nil && verb != "cluster" {
		return []string{"the first command must be cluster"}
	}
	direct := f(s, args)
	if s.w.failure != nil {
		return append(s.lines(), "BROKEN "+s.w.failure.Check+": "+plain(s.w.failure.What))
	}
	if s.events {
		return append(s.lines(), direct...)
	}
	return direct
}

// lines is what happened during the present command.
func (s *script) lines() []string {
	var lines []string
	for _, h := range s.said {
		slices.Sort(h.ids)
		line := strings.Join(h.ids, " ") + ": " + h.text
		if len(h.ids) == 0 {
			line = h.text
		}
		lines = append(lines, line)
	}
	return lines
}

// args is the arguments of a command: words, and key=value pairs.
type args struct {
	words []string
	named map[string]string
}

func parseArgs(words []string) args {
	a := args{named: map[string]string{}}
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			a.named[k] = v
		} else {
			a.words = append(a.words, w)
		}
	}
	return a
}

func (a args) number(key string, otherwise int) int {
	n := otherwise
	if v, ok := a.named[key]; ok {
		if _, err := fmt.Sscan(v, &n); err != nil {
			return otherwise
		}
	}
	return n
}

func (a args) has(word string) bool {
	for _, w := range a.words {
		if w == word {
			return true
		}
	}
	return false
}

// duration is the first word that is one.
func (a args) duration(otherwise time.Duration) time.Duration {
	for _, w := range a.words {
		if d, err := time.ParseDuration(w); err == nil {
			return d
		}
	}
	return otherwise
}

// ballotText is a ballot as the trace has it, with digits of its incarnation.
var ballotText = regexp.MustCompile(`\b(\d+\.p\d+)\.[0-9a-f]{2}\b`)

// uuidText is the start of a cluster's name in the trace.
var uuidText = regexp.MustCompile(`\b(genesis|sealed|stored|StoreGenesis) [0-9a-f]{4}\b`)

// clusterText is a cluster's whole name in the trace.
var clusterText = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} generation 1`)

// inboxText is where a story's command is answered: its id, and which attempt it is.
var inboxText = regexp.MustCompile(`\bc-(\w+)/\d+`)

// plain leaves out of a line what tells processes of different runs apart.
func plain(s string) string {
	s = uuidText.ReplaceAllString(ballotText.ReplaceAllString(s, "$1"), "$1")
	s = clusterText.ReplaceAllString(s, "the cluster")
	return inboxText.ReplaceAllString(s, "$1")
}

// hear takes a line of the world's trace: what happened, or a message of a kind
// that is shown, as it is sent.
func (s *script) hear(line string) {
	id, text, _ := strings.Cut(strings.TrimLeft(line[min(13, len(line)):], " "), " ")
	text = strings.TrimLeft(plain(text), " ")
	if strings.HasPrefix(line[min(13, len(line)):], " ") {
		id, text = "", strings.TrimLeft(plain(line[min(13, len(line)):]), " ")
	}
	switch {
	case strings.HasPrefix(text, "<- "), strings.HasPrefix(text, "drops "):
		return
	case strings.HasPrefix(text, "-> "):
		kind := strings.TrimPrefix(text, "-> ")
		if i := strings.IndexAny(kind, " ,{"); i > 0 {
			kind = kind[:i]
		}
		if !s.shown[kind] {
			return
		}
		text = "sends " + strings.Replace(strings.TrimPrefix(text, "-> "), " of "+id, "", 1)
	}
	s.add(id, text)
}

// add joins lines that differ only in whom they happened to.
func (s *script) add(id, text string) {
	for i := range s.said {
		if h := &s.said[i]; h.text == text && id != "" {
			for _, known := range h.ids {
				if known == id {
					return
				}
			}
			h.ids = append(h.ids, id)
			return
		}
	}
	h := happening{text: text}
	if id != "" {
		h.ids = []string{id}
	}
	s.said = append(s.said, h)
}

// filter is the world's hook for messages: what the rules say becomes of e.
func (s *script) filter(from paxos.NodeID, to *process, e *paxos.Envelope) bool {
	for _, r := range s.rules {
		if !r.matches(from, to.id, e) || r.count < 0 {
			continue
		}
		if r.count > 0 {
			if r.count--; r.count == 0 {
				r.count = -1
			}
		}
		if r.hold {
			r.held = append(r.held, heldMessage{from, to, e})
		}
		return false
	}
	return true
}

func (r *rule) matches(from, to paxos.NodeID, e *paxos.Envelope) bool {
	return (r.kind == "" || fmt.Sprintf("%T", e.Msg) == "paxos."+r.kind) &&
		(r.from == "" || r.from == from) && (r.to == "" || r.to == to) && (r.slot == 0 || names(e.Msg, r.slot))
}

// names reports whether a message is about a slot.
func names(m paxos.Message, slot paxos.Slot) bool {
	switch m := m.(type) {
	case paxos.Accept:
		return m.Slot == slot
	case paxos.Accepted:
		for _, s := range m.Slots {
			if s == slot {
				return true
			}
		}
	}
	return false
}
