package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

// logCommand prints the log.
type logCommand struct {
	From   uint64 `env:"SYNOD_LOG_FROM" default:"1" placeholder:"N" help:"First sequence to print (${default})."`
	Follow bool   `short:"f" env:"SYNOD_LOG_FOLLOW" help:"Go on with what is appended, until Ctrl-C."`
	JSON   bool   `name:"json" env:"SYNOD_JSON" help:"One JSON object per line: seq, time, id, text or data (base64), headers."`

	Connection node.Connection `embed:""`

	quiet rate.Sometimes
}

// Help shows what to do with it.
func (c *logCommand) Help() string {
	return `Examples:
  synod log
  synod log --from 100 --follow
  synod log --json | jq -r .text`
}

// followPause is how often the end of the log is looked at again.
const followPause = 200 * time.Millisecond

// Run prints what there is, and with --follow what comes.
func (c *logCommand) Run(ctx context.Context, s cli.Streams) error {
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	r := &logReader{nc: b.Conn(), subject: b.Subjects().API("DIRECT.GET.LEDGER"), next: max(c.From, 1)}
	c.quiet = rate.Sometimes{First: 1, Interval: 10 * time.Second}
	printer := printText
	if c.JSON {
		printer = printJSON
	}
	out := func(e *entry) error { return printer(s.Out, e) }
	for {
		more, err := r.read(ctx, out)
		switch {
		case ctx.Err() != nil:
			return cli.ErrStopped
		case err != nil && !(c.Follow && errors.Is(err, errNoAnswer)):
			return err
		case err != nil:
			c.complain(s.Err, err)
		case more:
			continue
		case !c.Follow:
			return nil
		}
		select {
		case <-ctx.Done():
			return cli.ErrStopped
		case <-time.After(followPause):
		}
	}
}

// errNoAnswer is matched by errors that may pass by themselves.
var errNoAnswer = errors.New("see `synod status`")

// complain tells who follows that the log stands still, now and then.
func (c *logCommand) complain(w io.Writer, err error) {
	c.quiet.Do(func() { fmt.Fprintf(w, "synod: %v; waiting\n", err) })
}

// entry is one message of the log.
type entry struct {
	Seq    uint64            `json:"seq"`
	Time   string            `json:"time"`
	ID     string            `json:"id,omitempty"`
	Text   *string           `json:"text,omitempty"`
	Data   []byte            `json:"data,omitempty"`
	Header map[string]string `json:"headers,omitempty"`
}

func printText(w io.Writer, e *entry) error {
	text := string(e.Data)
	if e.Text != nil {
		text = *e.Text
	}
	if !printable(text) {
		text = strconv.Quote(text)
	}
	_, err := fmt.Fprintf(w, "%d\t%s\t%s\n", e.Seq, e.Time, text)
	return err
}

// printable reports whether text is UTF-8 that leaves a terminal as it is, and the line.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && !unicode.IsGraphic(r) })
}

func printJSON(w io.Writer, e *entry) error { return json.NewEncoder(w).Encode(e) }

// logReader reads the log a batch at a time.
type logReader struct {
	nc      *nats.Conn
	subject string
	next    uint64 // sequence
}

const (
	batchMessages = 500
	batchBytes    = 8 << 20
	batchTimeout  = 5 * time.Second
)

// read prints one batch, and reports whether there is more at once. A batch of
// which messages were lost on the way is asked for again from there.
func (r *logReader) read(ctx context.Context, print func(*entry) error) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	inbox := r.nc.NewInbox()
	answers := make(chan *nats.Msg, batchMessages+1)
	sub, err := r.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return false, err
	}
	defer func() { _ = sub.Unsubscribe() }() // the inbox is never used again
	request := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d}`, r.next, batchMessages, batchBytes)
	if err := r.nc.PublishRequest(r.subject, inbox, request); err != nil {
		return false, err
	}
	for {
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("the log is not read to its end, because the learner that was asked does not answer: %w", errNoAnswer)
		case m := <-answers:
			more, end, err := r.take(m, print)
			if end || err != nil {
				return more, err
			}
		}
	}
}

// take handles one message of a batch. end is true at its last.
func (r *logReader) take(m *nats.Msg, print func(*entry) error) (more, end bool, err error) {
	switch status := bus.StatusOf(m.Header); status {
	case "":
	case "204":
		return bus.Said(m.Header, "Nats-Num-Pending") != "0" || r.missing(m), true, nil
	case "404":
		return false, true, nil
	case "503":
		return false, true, fmt.Errorf("no learner serves the log: %w", errNoAnswer)
	default:
		return false, true, fmt.Errorf("the log cannot be read now: %s: %w", m.Header.Get("Description"), errNoAnswer)
	}
	e, err := parseEntry(m)
	if err != nil {
		return false, true, err
	}
	if e.Seq < r.next || r.missing(m) {
		return true, e.Seq >= r.next, nil
	}
	r.next = e.Seq + 1
	return true, false, print(e)
}

// missing reports whether a message before m was lost on the way: m names the
// sequence that was sent before it.
func (r *logReader) missing(m *nats.Msg) bool {
	before, err := strconv.ParseUint(bus.Said(m.Header, "Nats-Last-Sequence"), 10, 64)
	return err == nil && before >= r.next
}

// parseEntry takes the log's own headers from those of the message.
func parseEntry(m *nats.Msg) (*entry, error) {
	seq, err := strconv.ParseUint(bus.Said(m.Header, "Nats-Sequence"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("a message of the log names no sequence: %w", err)
	}
	e := &entry{Seq: seq, Time: bus.Said(m.Header, "Nats-Time-Stamp"), ID: m.Header.Get(nats.MsgIdHdr)}
	if utf8.Valid(m.Data) {
		text := string(m.Data)
		e.Text = &text
	} else {
		e.Data = m.Data
	}
	for _, own := range []string{
		"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence", nats.MsgIdHdr,
		bus.SlotHeader, bus.GenerationHeader, // of the state that answered
	} {
		m.Header.Del(own)
	}
	for key := range m.Header {
		if e.Header == nil {
			e.Header = map[string]string{}
		}
		e.Header[key] = m.Header.Get(key)
	}
	return e, nil
}
