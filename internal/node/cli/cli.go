// Package cli is what Synod's programs have in common on the command line: flags
// from arguments and the environment, all problems with them told at once, help,
// version, signals, and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/synod-paxos/synod/internal/node"
)

// Exit codes of every program.
const (
	Clean  = 0
	Failed = 1
	Misuse = 2
)

// A Program is one command.
type Program struct {
	Name     string
	About    string // one sentence
	Examples string // lines to copy, shown by --help
	Width    int    // of the lines that tell why it failed; 0: one line, as a log wants it
}

// Checker is implemented by what has flags that can be wrong in more ways than
// their types tell: a program, a subcommand, or a group of flags in either.
type Checker interface {
	// Check reports everything that is wrong, each problem with its flag.
	Check() []error
}

// Streams are where a program reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Program  string // its name
}

// Main runs the program with the arguments of the process until it ends or is
// told to stop by SIGINT or SIGTERM, and returns the exit code. A second signal
// ends the process at once. grammar is a pointer to a struct as kong takes it;
// what was chosen is run with the method Run(context.Context, Streams) error.
func Main(p Program, grammar any) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, p, grammar, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}

// garbagePercent is how much a process may allocate, as a share of what it holds,
// before it collects garbage. Commands are short-lived garbage: Go's 100 costs twice
// the CPU time for a third less memory. The variable GOGC wins over it.
const garbagePercent = 200

// Run is Main less the process.
func Run(ctx context.Context, p Program, grammar any, args []string, s Streams) (code int) {
	exited := exitCode(-1)
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(exitCode)
			if !ok {
				panic(r)
			}
			code = int(c)
		}
	}()
	k, err := kong.New(grammar, kong.Name(p.Name), kong.Description(p.About+"\n\n"+p.Examples),
		kong.Writers(s.Out, s.Err), kong.Exit(func(code int) { exited = exitCode(code); panic(exited) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80, FlagsLast: true}),
		kong.Vars{"version": p.Name + " " + node.Version()}, groups)
	if err != nil {
		panic("cli: the grammar of " + p.Name + " is wrong: " + err.Error())
	}
	parsed, command, errs := parse(k, args)
	if len(errs) > 0 {
		for _, err := range errs {
			_, _ = io.WriteString(s.Err, p.line(err)) // the exit code tells it too
		}
		fmt.Fprintf(s.Err, "Run %s --help for what it takes.\n", command)
		return Misuse
	}
	s.Program = p.Name
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(s); err != nil {
		return report(p, s.Err, err)
	}
	return Clean
}

type exitCode int

// report tells why the program failed. One that was told to stop did not fail.
func report(p Program, w io.Writer, err error) int {
	if errors.Is(err, ErrStopped) {
		return Clean
	}
	_, _ = io.WriteString(w, p.line(err)) // the exit code tells it too
	var misuse *MisuseError
	if errors.As(err, &misuse) {
		return Misuse
	}
	return Failed
}

// line is what tells of err: one line, or as many as it needs in the program's width.
func (p Program) line(err error) string {
	why := fmt.Sprintf("%s: %v\n", p.Name, err)
	if p.Width > 0 {
		why = Wrap(why, p.Width)
	}
	return why
}

// ErrStopped ends a program that was told to stop: exit code 0, without a word.
var ErrStopped = errors.New("stopped")

// MisuseError is an error in how a program was called that only shows once it runs.
type MisuseError struct{ Problem string }

func (e *MisuseError) Error() string { return e.Problem }

// groups are the headings of flags in --help.
var groups = kong.ExplicitGroups([]kong.Group{
	{Key: "nats", Title: "Connection to NATS:"},
	{Key: "leaf", Title: "Leaf-node connection to NATS, for key-value watchers and ordered consumers:"},
	{Key: "log", Title: "Log:"},
})
