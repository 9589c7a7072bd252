package bus_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// TestHeadersThatCannotBeRead: a client that speaks to the server by itself can send what
// no library does. A command is refused then, and never done without its headers. It is no
// error of this process's.
func TestHeadersThatCannotBeRead(t *testing.T) {
	s := bustest.Configured(t, `authorization { users: [ { user: p1, password: x, permissions: { publish: ["_INBOX.>"], subscribe: ">" } }, { user: app, password: x } ] }`)
	log := newJournal()
	b := bustest.ConnectWith(t, bus.Options{URLs: []string{s.URL()}, User: "p1", Password: "x", Log: log.logger()})
	got := make(chan *nats.Msg)
	l, err := b.ServeClients("leader", []string{"synod.test.propose"}, func(m *nats.Msg) { got <- m })
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"user\":\"app\",\"pass\":\"x\"}\r\n"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		header string
		ok     bool
	}{
		{"NATS/1.0\r\nNats-Expected-Last-Sequence: 7\r\n\r\n", true},
		{"NATS/1.0\r\n\r\n", true},
		{"NATS/1.0\r\n: x\r\n\r\n", true},
		{"NATS/1.0\r\nNats-Expected-Last-Sequence 7\r\n\r\n", false},
		{"NATS/1.0\r\nNats-Expected-Last-Sequence: 7", false},
		{"NATS/1.0", false},
		{"NATS/1.0 5\r\n\r\n", false},
		{"HTTP/1.1\r\nx: y\r\n\r\n", false},
		{"\x00", false},
	} {
		if _, err := fmt.Fprintf(conn, "HPUB synod.test.propose %d %d\r\n%sdata\r\n", len(test.header), len(test.header)+4, test.header); err != nil {
			t.Fatal(err)
		}
		m := <-got
		if _, err := b.Subjects().CommandFrom(m); (err == nil) != test.ok {
			t.Errorf("%q: %v", test.header, err)
		}
		if _, err := b.Subjects().PublishFrom(m); (err == nil) != test.ok {
			t.Errorf("%q, to a stream's own subject: %v", test.header, err)
		}
	}
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"app.answers", "synod.test.proposer.p1.own"} { // the first as a client's reply subject
		if err := b.Conn().Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	log.await(t, "NATS denies a subject")
	log.await(t, "a client's message is malformed")
	if n := b.Stats().AsyncErrors; n != 1 {
		t.Errorf("%d errors are counted as this process's, want that of its own subject", n)
	}
}
