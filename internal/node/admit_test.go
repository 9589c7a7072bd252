package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	typed "github.com/synod-paxos/synod/streams/command"
)

// TestFrontRefusesWhatAsksForTooMuch: what would hold up every learner is refused by
// name, and what just does not is taken.
func TestFrontRefusesWhatAsksForTooMuch(t *testing.T) {
	_, nc, taken := startFront(t)
	steps := func(kind typed.ActionKind, n int) []byte {
		return typed.Command{Op: typed.Transaction{Then: slices.Repeat([]typed.Action{{Kind: kind}}, n)}}.Encode()
	}
	header := func(n int) []byte {
		return typed.Command{Op: typed.Bundle{Messages: []typed.Message{{Subject: "propose", Header: make([]byte, n)}}}}.Encode()
	}
	config := func(subjects, description int) []byte {
		c := map[string]any{"name": "S", "description": strings.Repeat("d", description)}
		var s []string
		for i := range subjects {
			s = append(s, fmt.Sprint("s.", i))
		}
		c["subjects"] = s
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, test := range []struct {
		subject string
		data    []byte
		refused string
		header  nats.Header
	}{
		{"command.KV_b", steps(typed.Get, mostReads), "", nil},
		{"command.KV_b", steps(typed.Get, mostReads+1), "1024 conditions and actions that read", nil},
		{"command.KV_b", steps(typed.Put, 100*mostReads), "", nil},
		{"command.LEDGER", header(mostHeaderBytes), "", nil},
		{"command.LEDGER", header(mostHeaderBytes + 1), "headers of 65536 bytes", nil},
		{"api.STREAM.CREATE.S", config(mostSubjects, 1), "", nil},
		{"api.STREAM.CREATE.S", config(mostSubjects+1, 1), "257 subjects", nil},
		{"api.STREAM.UPDATE.S", config(mostSubjects+1, 1), "257 subjects", nil},
		{"api.STREAM.UPDATE.S", config(1, mostConfigBytes), "above the limit of 32768 bytes", nil},
		{"api.STREAM.CREATE.S", []byte("no JSON"), "", nil}, // the state machine says so
		{"propose", config(1, mostConfigBytes), "", nil},
		{"propose", nil, "headers of ", nats.Header{"x": {strings.Repeat("y", mostHeaderBytes)}}},
		{"publish.s", nil, "headers of ", nats.Header{"x": make([]string, mostHeaderBytes)}},
	} {
		if test.refused == "" {
			if err := nc.PublishRequest("synod.test."+test.subject, "inbox", test.data); err != nil {
				t.Fatal(err)
			}
			if c := <-taken; c.Subject != test.subject {
				t.Errorf("%s became %+v", test.subject, c)
			}
			continue
		}
		m, err := nc.RequestMsg(&nats.Msg{Subject: "synod.test." + test.subject, Header: test.header, Data: test.data}, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		ack, err := bus.ParseAck(m.Data)
		if err != nil || ack.Error == nil || ack.Error.Code != bus.CodeTooLarge || ack.Error.Outcome != bus.NotDone || !strings.Contains(ack.Error.Description, test.refused) {
			t.Errorf("%s is answered %s, want a refusal that says %q", test.subject, m.Data, test.refused)
		}
	}
}
