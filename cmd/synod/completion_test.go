package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/internal/node/cli"
)

// complete is what bash offers for a line whose last word is begun.
func complete(t *testing.T, script string, line ...string) string {
	t.Helper()
	ask := script + `
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _synod; echo "${COMPREPLY[*]}"`
	out, err := exec.Command("bash", append([]string{"-c", ask, "bash", "synod"}, line...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", line, err, out)
	}
	return strings.TrimSpace(string(out))
}

func script(t *testing.T, shell string) string {
	t.Helper()
	var out, errs strings.Builder
	code := cli.Run(context.Background(), program, &commands{}, []string{"completion", shell}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	if code != 0 {
		t.Fatalf("code %d: %s", code, errs.String())
	}
	return out.String()
}

// TestBashCompletes commands, flags and values, each where it belongs.
func TestBashCompletes(t *testing.T) {
	bash := script(t, "bash")
	for _, test := range []struct {
		line []string
		want string
	}{
		{[]string{"tr"}, "trace"},
		{[]string{"trace", "--k"}, "--kind"},
		{[]string{"dev", "--log-f"}, "--log-format"},
		{[]string{"dev", "--log-format", ""}, "text json"},
		{[]string{"status", "--wa"}, "--wait"},
		{[]string{"status", "--ki"}, ""},
		{[]string{"init", "--acceptors", "a1", "--quo"}, "--quorums"},
	} {
		if have := complete(t, bash, test.line...); have != test.want {
			t.Errorf("synod %s: %q, want %q", strings.Join(test.line, " "), have, test.want)
		}
	}
	if have := complete(t, bash, ""); !strings.Contains(" "+have+" ", " status ") || strings.Contains(have, "--kind") {
		t.Errorf("synod: %q, want the commands", have)
	}
}

// TestOtherShellsComplete: their scripts name every command and flag. Nothing in a
// script is quoted by what a help text says.
func TestOtherShellsComplete(t *testing.T) {
	zsh, fish := script(t, "zsh"), script(t, "fish")
	if !strings.HasPrefix(zsh, "#compdef synod\n") {
		t.Errorf("zsh would not take it: %.40q", zsh)
	}
	for _, want := range []string{
		"complete -c synod -n 'not __fish_seen_subcommand_from ", " -a trace -d 'Show the messages of the protocol as they pass'\n",
		"complete -c synod -n '__fish_seen_subcommand_from trace' -l kind ", "-l log-format -d 'Form of a log line, text,json' -x -a 'text json'\n",
	} {
		if !strings.Contains(fish, want) {
			t.Errorf("fish's script lacks %q", want)
		}
	}
	for line := range strings.SplitSeq(fish, "\n") {
		if strings.Count(line, "'")%2 != 0 {
			t.Errorf("an open quote: %s", line)
		}
	}
}
