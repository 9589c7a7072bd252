package e2e

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
)

// raw is a connection to the server with a user's credentials and no library on it.
func (c *cluster) raw(user string) (io.Writer, *bufio.Reader) {
	c.t.Helper()
	flags := c.flags(user)
	must := func(err error) {
		c.t.Helper()
		if err != nil {
			c.t.Fatal(err)
		}
	}
	authority, err := os.ReadFile(flags[1])
	must(err)
	cert, err := tls.LoadX509KeyPair(flags[3], flags[5])
	must(err)
	seed, err := os.ReadFile(flags[7])
	must(err)
	key, err := nkeys.ParseDecoratedNKey(seed)
	must(err)
	public, err := key.PublicKey()
	must(err)
	plain, err := net.Dial("tcp", strings.TrimPrefix(c.url, "tls://"))
	must(err)
	c.t.Cleanup(func() { _ = plain.Close() })
	must(plain.SetDeadline(time.Now().Add(patience)))
	greeting, err := bufio.NewReader(plain).ReadString('\n')
	must(err)
	var info struct{ Nonce string }
	must(json.Unmarshal([]byte(strings.TrimPrefix(greeting, "INFO ")), &info))
	signed, err := key.Sign([]byte(info.Nonce))
	must(err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(authority)
	conn := tls.Client(plain, &tls.Config{RootCAs: authorities, Certificates: []tls.Certificate{cert}, ServerName: "127.0.0.1"})
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"nkey\":%q,\"sig\":%q}\r\n", public, base64.RawURLEncoding.EncodeToString(signed))
	must(err)
	return conn, bufio.NewReader(conn)
}

// pinged waits until the server has taken what was written, and reports whether it still
// speaks to this client.
func pinged(w io.Writer, r *bufio.Reader) bool {
	if _, err := io.WriteString(w, "PING\r\n"); err != nil {
		return false
	}
	for {
		switch line, err := r.ReadString('\n'); {
		case err != nil:
			return false
		case strings.HasPrefix(line, "PONG"):
			return true
		}
	}
}

// garbled: a client sends what no library does. What the server lets through is refused by
// name, done nowhere, and no sign of a fault of the roles.
func (c *cluster) garbled() {
	c.t.Helper()
	nc := c.connectAs("client-app")
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := nc.FlushTimeout(patience); err != nil {
		c.t.Fatal(err)
	}
	problems := len(c.status().Problems)
	w, r := c.raw("client-app")
	send := func(subject, reply, header, data string) {
		if reply != "" {
			subject += " " + reply
		}
		if _, err := fmt.Fprintf(w, "HPUB synod.main.%s %d %d\r\n%s%s\r\n", subject, len(header), len(header)+len(data), header, data); err != nil {
			c.t.Error(err)
		}
	}
	unreadable := []string{
		"NATS/1.0", "NATS/1.0\r\nNats-Expected-Last-Sequence 9\r\n\r\n", "NATS/1.0\r\nNats-Msg-Id: x", "NATS/1.0 4\r\n\r\n", "nats/2.0\r\n\r\n", "\x00\xff",
		strings.Repeat("NATS/1.0\r\n", 50_000),
	}
	changing := []string{"propose", "publish.orders.garbled", "api.$KV.sessions.garbled", "command.KV_sessions", "api.STREAM.CREATE.GARBLED", "api.STREAM.PURGE.KV_sessions"}
	reading := []string{"api.INFO", "api.STREAM.NAMES", "api.STREAM.INFO.LEDGER", "api.DIRECT.GET.LEDGER", "api.CONSUMER.CREATE.LEDGER"}
	for _, header := range unreadable {
		for _, subject := range changing {
			for _, reply := range []string{inbox, "", "nowhere.at.all", "synod.main.acceptor.a1.accepted", "$SYS.REQ.SERVER.PING", "_INBOX.>"} {
				send(subject, reply, header, "garbled")
			}
		}
		for _, subject := range reading {
			for _, reply := range []string{"", "nowhere.at.all", "synod.main.learner.l1.applied"} {
				send(subject, reply, header, "garbled")
			}
		}
	}
	many := "NATS/1.0\r\n" + strings.Repeat("a:b\r\n", 150_000) + "\r\n" // of one name
	send("propose", inbox, many, "garbled")
	send("propose", inbox, "NATS/1.0\r\n"+strings.Repeat("a", 100_000)+": b\r\n\r\n", "garbled")
	if !pinged(w, r) {
		c.t.Fatal("the server cut the client off")
	}
	for i := range len(unreadable)*len(changing) + 2 {
		m, err := answers.NextMsg(patience)
		if err != nil {
			c.t.Fatalf("after %d answers: %v", i, err)
		}
		if answer := string(m.Data); !strings.Contains(answer, "headers cannot be read") && !strings.Contains(answer, "above the limit") || !strings.Contains(answer, "not-done") {
			c.t.Errorf("answered %.200q", answer)
		}
	}
	for _, lie := range []string{"HPUB synod.main.propose 100 50\r\n", "HPUB synod.main.propose 10 99999999999\r\n", "HPUB synod.main.propose -1 5\r\nhello\r\n", "PUB synod.main.propose 18446744073709551615\r\n", "PUB " + strings.Repeat("p", 10_000)} {
		if w, r := c.raw("client-app"); pinged(w, r) {
			if _, err := io.WriteString(w, lie); err == nil && pinged(w, r) {
				c.t.Errorf("the server takes %.50q", lie)
			}
		} else {
			c.t.Fatal("no way in")
		}
	}
	if out := c.synodAs("client-app", "log").must(c.t); strings.Contains(out, "garbled") {
		c.t.Error("what cannot be read was appended")
	}
	if s := c.status(); len(s.Problems) > problems {
		c.t.Errorf("status complains: %q", s.Problems)
	}
	c.synodAs("client-app", "propose", "after garbled bytes").must(c.t)
}
