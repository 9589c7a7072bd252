package bus

import (
	"fmt"
	"log/slog"
	"sync"
)

// serverLog gives an embedded server's warnings and errors to slog, and drops its
// chatter. It keeps the last error, for whoever started the server.
type serverLog struct {
	log *slog.Logger

	mu   sync.Mutex
	last string
}

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats-server", "says", fmt.Sprintf(format, v...))
}
func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}
func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Warn("nats-server", "says", fmt.Sprintf(format, v...))
}

func (l *serverLog) Errorf(format string, v ...any) { l.keep(fmt.Sprintf(format, v...)) }

// Fatalf does not end the process: the server stops by itself, and StartServer
// reports it.
func (l *serverLog) Fatalf(format string, v ...any) { l.keep(fmt.Sprintf(format, v...)) }

func (l *serverLog) keep(text string) {
	l.mu.Lock()
	l.last = text
	l.mu.Unlock()
	l.log.Error("nats-server", "says", text)
}

func (l *serverLog) worst() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}
