package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// grammar is a program with a bit of everything.
type grammar struct {
	Role  Role   `embed:""`
	Data  Data   `embed:""`
	Count int    `env:"SYNOD_COUNT" help:"A number."`
	Fail  string `env:"SYNOD_FAIL" help:"How to end."`

	ran bool
}

func (g *grammar) Run(ctx context.Context, s Streams) error {
	g.ran = true
	if _, err := s.Out.Write([]byte("ran\n")); err != nil {
		return err
	}
	switch g.Fail {
	case "":
		return ctx.Err()
	case "stop":
		return ErrStopped
	case "misuse":
		return &MisuseError{"not like this"}
	default:
		return errors.New(g.Fail)
	}
}

var program = Program{Name: "prog", About: "It tests.", Examples: "Examples:\n  prog --id x"}

func run(args ...string) (g *grammar, code int, out, errs string) {
	g = &grammar{}
	var o, e strings.Builder
	code = Run(context.Background(), program, g, args, Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return g, code, o.String(), e.String()
}

func TestExitCodes(t *testing.T) {
	good := []string{"--id", "x1", "--data", "d"}
	for _, test := range []struct {
		name string
		args []string
		code int
		want string // of the output, of both kinds
		ran  bool
	}{
		{"clean", good, Clean, "ran", true},
		{"failed", append(good, "--fail", "no luck"), Failed, "prog: no luck", true},
		{"told to stop", append(good, "--fail", "stop"), Clean, "ran", true},
		{"misused in the end", append(good, "--fail", "misuse"), Misuse, "prog: not like this", true},
		{"misused", []string{"--id", "X"}, Misuse, "prog --help", false},
		{"help", []string{"--help"}, Clean, "Examples:", false},
		{"version", []string{"--version"}, Clean, "prog 0.0.0", false},
	} {
		g, code, out, errs := run(test.args...)
		if code != test.code || !strings.Contains(out+errs, test.want) || g.ran != test.ran {
			t.Errorf("%s: code %d, ran %v, %q %q; want %d, %v and %q", test.name, code, g.ran, out, errs, test.code, test.ran, test.want)
		}
	}
}

// TestEveryProblemIsTold, and each of them once.
func TestEveryProblemIsTold(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"--id", "--data"}},
		{[]string{"--id", "A b", "--drain-timeout", "-1s", "--count", "many"}, []string{"--count", "--id", "--drain-timeout", "--data"}},
		{[]string{"--nope", "3", "--none=4", "--id", "x"}, []string{"--nope", "--none", "--data"}},
		{[]string{"--id", "x", "--data", "d", "--count", "-3", "--log-level", "loud", "--log-format", "xml"}, []string{"--log-level", "--log-format"}},
		{[]string{"--id", "x", "--data", "d", "stray"}, []string{"stray"}},
		{[]string{"--data", "d", "--id"}, []string{"expected string value", "--id: is required"}},
	} {
		g, code, _, errs := run(test.args...)
		lines := strings.Split(strings.TrimSpace(errs), "\n")
		if code != Misuse || g.ran || len(lines) != len(test.want)+1 {
			t.Errorf("%q: code %d, ran %v, %d lines:\n%s", test.args, code, g.ran, len(lines), errs)
		}
		for _, want := range test.want {
			if strings.Count(errs, want) == 0 {
				t.Errorf("%q does not name %s:\n%s", test.args, want, errs)
			}
		}
	}
}

// TestFlagsComeFromTheEnvironment, and arguments win over it.
func TestFlagsComeFromTheEnvironment(t *testing.T) {
	t.Setenv("SYNOD_ID", "from-env")
	t.Setenv("SYNOD_DATA", "dir")
	t.Setenv("SYNOD_NATS", "nats://a:1,nats://b:2")
	t.Setenv("SYNOD_DRAIN_TIMEOUT", "7s")
	g, code, _, errs := run()
	if code != Clean || g.Role.ID != "from-env" || g.Data.Data != "dir" || len(g.Role.Connection.NATS) != 2 || g.Role.Drain != 7*time.Second {
		t.Errorf("code %d, %+v\n%s", code, g, errs)
	}
	if g, _, _, _ := run("--id", "from-args"); g.Role.ID != "from-args" {
		t.Errorf("id %q, want the argument's", g.Role.ID)
	}
}

// TestEveryFlagHasAVariable: containers are configured by their environment.
func TestEveryFlagHasAVariable(t *testing.T) {
	k, err := kong.New(&grammar{}, kong.Vars{"version": "v"}, groups)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range k.Model.AllFlags(false) {
		for _, flag := range f {
			if flag.Name == "help" || flag.Name == "version" {
				continue
			}
			want := "SYNOD_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
			if len(flag.Envs) != 1 || flag.Envs[0] != want {
				t.Errorf("--%s has variables %v, want %s", flag.Name, flag.Envs, want)
			}
			if flag.Help == "" {
				t.Errorf("--%s has no help", flag.Name)
			}
		}
	}
}

// TestHelpIsNamed: who called a subcommand wrongly is told the help of that one, in
// lines that fit.
func TestHelpIsNamed(t *testing.T) {
	type leaf struct {
		Text string `arg:"" help:"What."`
		Kind string `enum:"none,one,two,three,four,five,six,seven,eight,nine,ten,eleven" default:"none" help:"Which."`
	}
	narrow := program
	narrow.Width = 60
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "Run prog --help"},
		{[]string{"nope"}, "Run prog --help"},
		{[]string{"say"}, "Run prog say --help"},
		{[]string{"member"}, "Run prog member --help"},
		{[]string{"member", "add"}, "Run prog member add --help"},
		{[]string{"member", "add", "x", "--nope"}, "Run prog member add --help"},
		{[]string{"say", "x", "--kind", "twelve"}, "Run prog say --help"},
	} {
		var commands struct {
			Say    leaf `cmd:"" help:"Say."`
			Member struct {
				Add leaf `cmd:"" help:"Add."`
			} `cmd:"" help:"Change."`
		}
		var errs strings.Builder
		code := Run(context.Background(), narrow, &commands, test.args, Streams{Out: &errs, Err: &errs})
		if code != Misuse || !strings.Contains(errs.String(), test.want) {
			t.Errorf("%q: code %d\n%s; want %q", test.args, code, errs.String(), test.want)
		}
		for line := range strings.SplitSeq(errs.String(), "\n") {
			if len(line) > narrow.Width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%q: a line of %d columns:\n%s", test.args, len(line), errs.String())
			}
		}
	}
}
