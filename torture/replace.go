//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// replace takes an acceptor's disk away for good, and has an empty one take its place,
// as an operator does: while clients go on, and the other faults of the round too.
func (w *world) replace() (*injury, error) {
	name, err := w.anAcceptor()
	if err != nil {
		return nil, err
	}
	if err := w.all[name].kill(); err != nil {
		return nil, err
	}
	if err := errFirst(os.RemoveAll(filepath.Join(w.data(name), "d")), w.start(name)); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- w.takeIn(name) }()
	return &injury{
		what: name + " loses its disk and is replaced", hold: w.between(time.Second, 4*time.Second),
		undo: func() error { return nil }, after: func() error { return <-done },
	}, nil
}

// takeIn makes an acceptor with an empty disk a member. What is asked for while nobody
// leads, or while the change before is not finished, is asked for again.
func (w *world) takeIn(name string) error {
	began := time.Now()
	for {
		out, err := w.synod("member", "replace", name, "--timeout", "20s")
		switch {
		case err == nil:
			w.note("%s is a member again after %s: %s", name, time.Since(began).Round(time.Millisecond), tail(out, 1))
			return nil
		case strings.Contains(err.Error(), "nothing to replace"):
			w.note("%s is a member again after %s, as an earlier attempt asked", name, time.Since(began).Round(time.Millisecond))
			return nil
		case time.Since(began) > recoverWithin+readyWithin:
			return fmt.Errorf("%s is not taken in: %w", name, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
