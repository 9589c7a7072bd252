package streams

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/synod-paxos/synod/streams/command"
)

func (s *story) typed(d *datadriven.TestData) string {
	c := command.Command{Op: parseOp(d.Input)}
	for _, a := range d.CmdArgs {
		if a.Key == "session" {
			c.Session = command.Session{ID: decimal(a.Vals[0]), Number: decimal(a.Vals[1]), Awaited: decimal(a.Vals[2])}
		}
	}
	reply := s.slot(d, []Message{{Subject: "command." + d.CmdArgs[0].Key, Data: c.Encode()}})[0]
	if reply.Data[0] == '{' {
		return string(reply.Data)
	}
	o, err := command.DecodeOutcome(reply.Data)
	if err != nil {
		d.Fatalf(s.t, "%v", err)
	}
	return showOutcome(o.Value)
}

// parseOp reads one operation in words:
//
//	open NONCE TTL | keep-alive | close | publish SUBJECT DATA
//	acquire NAME OWNER TTL | renew NAME TOKEN TTL | release NAME TOKEN | inspect NAME
//	lookup ID SINCE
//
// or a transaction, whose lines are
//
//	if revision SUBJECT N | if exists SUBJECT | if absent SUBJECT | if value SUBJECT V | if lease NAME TOKEN
//	then put SUBJECT V | then delete SUBJECT | then purge SUBJECT | then get SUBJECT, and so with else
func parseOp(text string) command.Op {
	w := append(strings.Fields(text), "", "", "", "")
	switch w[0] {
	case "open":
		o := command.OpenSession{TTL: duration(w[2])}
		copy(o.Nonce[:], w[1])
		return o
	case "keep-alive":
		return command.KeepAlive{}
	case "close":
		return command.CloseSession{}
	case "publish":
		return command.Publish{Subject: w[1], Data: []byte(w[2])}
	case "acquire":
		return command.Acquire{Name: w[1], Owner: []byte(w[2]), TTL: duration(w[3])}
	case "renew":
		return command.Renew{Name: w[1], Token: decimal(w[2]), TTL: duration(w[3])}
	case "release":
		return command.Release{Name: w[1], Token: decimal(w[2])}
	case "inspect":
		return command.Inspect{Name: w[1]}
	case "lookup":
		return command.Lookup{ID: w[1], Since: int64(duration(w[2]))}
	}
	return parseTransaction(text)
}

func parseTransaction(text string) command.Transaction {
	var t command.Transaction
	for line := range strings.Lines(text) {
		w := append(strings.Fields(line), "")
		switch w[0] {
		case "if":
			t.If = append(t.If, parseCondition(w[1:]))
		case "then":
			t.Then = append(t.Then, parseAction(w[1:]))
		case "else":
			t.Else = append(t.Else, parseAction(w[1:]))
		default:
			panic("no operation: " + line)
		}
	}
	return t
}

func parseCondition(w []string) command.Condition {
	kinds := map[string]command.ConditionKind{"revision": command.RevisionIs, "exists": command.Exists, "absent": command.Absent, "value": command.ValueIs, "lease": command.LeaseIs}
	c := command.Condition{Kind: kinds[w[0]], Subject: w[1]}
	switch c.Kind {
	case command.RevisionIs, command.LeaseIs:
		c.Number = decimal(w[2])
	case command.ValueIs:
		c.Value = []byte(w[2])
	}
	return c
}

func parseAction(w []string) command.Action {
	kinds := map[string]command.ActionKind{"put": command.Put, "delete": command.Delete, "purge": command.Purge, "get": command.Get}
	a := command.Action{Kind: kinds[w[0]], Subject: w[1]}
	if a.Kind == command.Put {
		a.Data = []byte(w[2])
	}
	return a
}

func decimal(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

func showOutcome(v command.Value) string {
	switch v := v.(type) {
	case command.SessionOpened:
		return fmt.Sprintf("session %d until %s", v.ID, time.Duration(v.Expires))
	case command.Renewed:
		return fmt.Sprintf("until %s", time.Duration(v.Expires))
	case command.Published:
		return fmt.Sprintf("seq %d duplicate %v", v.Seq, v.Duplicate)
	case command.Lease:
		return fmt.Sprintf("done %v: token %d until %s owner %q", v.Done, v.Token, time.Duration(v.Expires), v.Owner)
	case command.Looked:
		return fmt.Sprintf("%s seq %d", []string{"", "unknown", "done", "not done"}[v.State], v.Seq)
	case command.TransactionDone:
		text := fmt.Sprintf("held %v\n", v.Held)
		for _, r := range v.Results {
			text += fmt.Sprintf("revision %d found %v omitted %v %q\n", r.Revision, r.Found, r.Omitted, r.Data)
		}
		return text
	}
	return "closed"
}
