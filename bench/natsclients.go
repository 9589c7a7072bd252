package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// requestTimeout bounds one operation. One that takes longer counts as an error.
const requestTimeout = 10 * time.Second

// connections is how many connections the callers of one process share: few, since
// callers that share one also share its writes.
func connections(callers int) int { return max(1, min(8, callers/32)) }

// requests is a session whose operations are NATS requests, made the way that
// every Go program makes them.
type requests struct {
	conns   []*nats.Conn
	subject func(key int) string
	data    []byte
}

func openRequests(url string, c cell, subject func(key int) string) (*requests, error) {
	r := &requests{subject: subject, data: value(c)}
	for range connections(c.Callers) {
		nc, err := nats.Connect(url)
		if err != nil {
			r.close()
			return nil, err
		}
		r.conns = append(r.conns, nc)
	}
	return r, nil
}

// value is what an operation sends.
func value(c cell) []byte {
	if c.Kind == get {
		return nil
	}
	return bytes.Repeat([]byte("x"), c.Size)
}

func (r *requests) do(caller, n int) error {
	m, err := r.conns[caller%len(r.conns)].Request(r.subject(key(caller, n)), r.data, requestTimeout)
	if err != nil {
		return err
	}
	return answerError(m)
}

// answerError is the error that an answer of JetStream's kind holds.
func answerError(m *nats.Msg) error {
	if status := m.Header.Get("Status"); status != "" {
		return fmt.Errorf("answered %s %s", status, m.Header.Get("Description"))
	}
	if bytes.HasPrefix(m.Data, []byte("{")) && bytes.Contains(m.Data, []byte(`"error"`)) {
		return errors.New(string(m.Data))
	}
	return nil
}

// insist requests until it is done, or refused many times.
func (r *requests) insist(subject string) (err error) {
	for range 100 {
		var m *nats.Msg
		if m, err = r.conns[0].Request(subject, r.data, requestTimeout); err == nil {
			if err = answerError(m); err == nil {
				return nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func (r *requests) close() {
	for _, nc := range r.conns {
		nc.Close()
	}
}

// same is the subject of systems where every operation has the same one.
func same(subject string) func(int) string { return func(int) string { return subject } }

// perKey makes one subject for each key, beforehand.
func perKey(prefix string) func(int) string {
	subjects := make([]string, keys)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("%sk%d", prefix, i)
	}
	return func(key int) string { return subjects[key] }
}

// fill puts a value under every key, so that each get finds one.
func fill(url string, subject func(int) string, size int) error {
	s, err := openRequests(url, cell{Kind: put, Callers: 64, Size: size}, subject)
	if err != nil {
		return err
	}
	defer s.close()
	return inParallel(64, func(caller int) error {
		for k := caller; k < keys; k += 64 {
			if err := s.insist(subject(k)); err != nil {
				return fmt.Errorf("fill key %d: %w", k, err)
			}
		}
		return nil
	})
}
