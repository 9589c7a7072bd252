package main

import (
	"fmt"
	"os"
	"sync"
)

// groupLogBytes is the size of the file, which is written round and round: like a
// log that is recycled, it never grows, so a sync writes data and no metadata.
const groupLogBytes = 64 << 20

// groupLog is the least that durability costs: what arrived during the last sync
// is written and synced together. It cannot be read back.
type groupLog struct {
	file *os.File
	done chan struct{}

	mu     sync.Mutex
	wait   sync.Cond
	data   []byte
	then   []func() // to call once data is durable
	closed bool
	err    error
}

// openGroupLog makes the file at path, full of zeros.
func openGroupLog(path string) (*groupLog, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < groupLogBytes; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros, at); err != nil {
			return nil, fmt.Errorf("preallocate %s: %w", path, err)
		}
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("preallocate %s: %w", path, err)
	}
	l := &groupLog{file: f, done: make(chan struct{})}
	l.wait.L = &l.mu
	labelled("role", "disk", func() { go l.run() })
	return l, nil
}

// append has then called, in the log's goroutine, once data is durable. It copies
// data and never blocks.
func (l *groupLog) append(data []byte, then func()) {
	l.mu.Lock()
	l.data = append(l.data, data...)
	l.then = append(l.then, then)
	l.mu.Unlock()
	l.wait.Signal()
}

func (l *groupLog) run() {
	defer close(l.done)
	var data []byte
	var then []func()
	for at := int64(0); ; {
		l.mu.Lock()
		for len(l.then) == 0 && !l.closed {
			l.wait.Wait()
		}
		if l.closed {
			l.mu.Unlock()
			return
		}
		data, l.data = l.data, data[:0]
		then, l.then = l.then, then[:0]
		l.mu.Unlock()
		if at+int64(len(data)) > groupLogBytes {
			at = 0
		}
		if err := l.sync(data, at); err != nil {
			l.mu.Lock()
			l.err = err // nobody is answered any more, which the callers report
			l.mu.Unlock()
			return
		}
		at += int64(len(data))
		for _, f := range then {
			f()
		}
	}
}

func (l *groupLog) sync(data []byte, at int64) error {
	if _, err := l.file.WriteAt(data, at); err != nil {
		return err
	}
	return syncData(l.file)
}

func (l *groupLog) close() error {
	l.mu.Lock()
	l.closed = true
	err := l.err
	l.mu.Unlock()
	l.wait.Signal()
	<-l.done
	if cerr := l.file.Close(); err == nil {
		err = cerr
	}
	return err
}
