package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

var echoSystem = system{
	name: "echo", about: "NATS request-reply, nothing stored: the floor", kinds: []kind{propose, get},
	start: func(string) (running, error) { return startEcho("") },
}

var fsyncEchoSystem = system{
	name: "echo-fsync", about: "the same, after one shared fsync on one node", kinds: []kind{propose},
	start: startEcho,
}

// echo answers requests on one server: what NATS itself costs.
type echo struct {
	server *bus.Server
	conn   *nats.Conn
	log    *groupLog // nil: nothing is stored

	mu     sync.Mutex
	values map[string][]byte // by length, as text
}

const echoSubject = "echo"

// startEcho starts an echo that stores requests in dir before it answers; "" is
// for none.
func startEcho(dir string) (running, error) {
	e := &echo{values: map[string][]byte{}}
	var err error
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if e.log, err = openGroupLog(filepath.Join(dir, "log")); err != nil {
			return nil, err
		}
	}
	if e.server, err = bus.StartServer(bus.ServerOptions{Log: quiet}); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	if e.conn, err = nats.Connect(e.server.URL()); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	_, err = e.conn.Subscribe(echoSubject, e.answer)
	if err == nil {
		_, err = e.conn.Subscribe(echoSubject+".*", e.answerRead)
	}
	if err = errors.Join(err, e.conn.Flush()); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

func (e *echo) answer(m *nats.Msg) {
	if e.log == nil {
		_ = m.Respond(m.Data) // the caller sees a lost answer as an error
		return
	}
	e.log.append(m.Data, func() { _ = m.Respond(m.Data) })
}

// answerRead replies with as many bytes as the last token of the subject says.
func (e *echo) answerRead(m *nats.Msg) {
	size := m.Subject[len(echoSubject)+1:]
	e.mu.Lock()
	v, ok := e.values[size]
	if !ok {
		n, _ := strconv.Atoi(size)
		v = bytes.Repeat([]byte("x"), n)
		e.values[size] = v
	}
	e.mu.Unlock()
	_ = m.Respond(v) // as above
}

func (e *echo) open(c cell) (session, error) {
	subject := echoSubject
	if c.Kind == get {
		subject += "." + strconv.Itoa(c.Size)
	}
	return openRequests(e.server.URL(), c, same(subject))
}

func (e *echo) stop() error {
	if e.conn != nil {
		e.conn.Close()
	}
	if e.server != nil {
		e.server.Stop()
	}
	if e.log != nil {
		return e.log.close()
	}
	return nil
}
