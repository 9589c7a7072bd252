package node

import (
	"fmt"
	"io"
	"log/slog"
)

// Logging is the flags that say what a program logs.
type Logging struct {
	LogLevel  string `env:"SYNOD_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" group:"log" help:"Least level that is logged: ${enum}."`
	LogFormat string `env:"SYNOD_LOG_FORMAT" enum:"text,json" default:"text" group:"log" help:"Form of a log line: ${enum}."`
}

// Logger logs to w.
func (l Logging) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil {
		panic(fmt.Sprintf("log level %q passed the flag's check: %v", l.LogLevel, err))
	}
	o := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
