//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// journal is the timeline of a run. It is written as it happens, so that a run that
// is broken off leaves one too.
type journal struct {
	begun  time.Time
	screen io.Writer
	dir    string

	mu       sync.Mutex
	file     *os.File
	failures []string
}

func newJournal(dir string, screen io.Writer) (*journal, error) {
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "report.txt"))
	if err != nil {
		return nil, err
	}
	return &journal{begun: time.Now(), screen: screen, dir: dir, file: f}, nil
}

// note writes a line into the report.
func (j *journal) note(format string, args ...any) { j.write(false, format, args...) }

// say is note that also shows it on the screen.
func (j *journal) say(format string, args ...any) { j.write(true, format, args...) }

// fail is say for what must not be: the run has failed.
func (j *journal) fail(format string, args ...any) {
	j.mu.Lock()
	j.failures = append(j.failures, fmt.Sprintf(format, args...))
	j.mu.Unlock()
	j.say("FAILURE: "+format, args...)
}

func (j *journal) write(loud bool, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	line := fmt.Sprintf("%9.3fs  %s\n", time.Since(j.begun).Seconds(), fmt.Sprintf(format, args...))
	_, _ = io.WriteString(j.file, line) // a full disk here shows on the screen
	if loud {
		_, _ = io.WriteString(j.screen, line)
	}
}

// summary ends the report with what is no moment of the run, and shows it.
func (j *journal) summary(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = io.WriteString(io.MultiWriter(j.file, j.screen), text)
}

func (j *journal) failed() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failures
}

func (j *journal) close() error { return j.file.Close() }
