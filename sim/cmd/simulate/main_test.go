package main

import (
	"context"
	"strings"
	"testing"
)

// TestRun runs a few seeds, and refuses what it does not know.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-seeds", "4", "-first", "2", "-every", "1ns"}, 0, "4 seeds"},
		{[]string{"-seeds", "2", "-drill", "everybody reads"}, 0, "reads served"},
		{[]string{"-drill", "nothing"}, 2, "a -drill that exists"},
		{[]string{"-every", "x"}, 2, "invalid value"},
		{[]string{"now"}, 2, "flags alone"},
	} {
		var out strings.Builder
		if code := run(t.Context(), c.args, &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q: exit code %d, want %d and %q in:\n%s", c.args, code, c.code, c.says, out.String())
		}
	}
}

// TestRunEnds ends with its context, as Ctrl-C does.
func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if code := run(ctx, nil, &out, &out); code != 0 || !strings.Contains(out.String(), "0 seeds") {
		t.Errorf("exit code %d, and said:\n%s", code, out.String())
	}
}
