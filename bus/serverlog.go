package bus

import (
	"fmt"
	"log/slog"
	"sync"
)

// serverLog gives what an embedded server says to slog, its notices at level debug.
// It keeps the fatal error for whoever started the server: the process lives on.
type serverLog struct {
	log *slog.Logger

	mu   sync.Mutex
	last string
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(said(format, v)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warn(said(format, v)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Error(said(format, v)) }
func (l *serverLog) Debugf(string, ...any)           {}
func (l *serverLog) Tracef(string, ...any)           {}

func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = fmt.Sprintf(format, v...)
}

func (l *serverLog) fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func said(format string, v []any) string { return "nats-server: " + fmt.Sprintf(format, v...) }
