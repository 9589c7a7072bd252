package cli

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"fits in ten", "fits in\n  ten"},
		{"just as ten\n", "just as\n  ten\n"},
		{"ten in all", "ten in all"},
		{"a  b", "a  b"},
		{"one\n\n  two and three\n", "one\n\n  two and\n    three\n"},
		{"- a list of things", "- a list\n  of\n  things"},
		{"at /a/path/that/is/long there", "at\n  /a/path/that/is/long\n  there"},
		{"äöü äöü äö", "äöü äöü äö"},
	} {
		if have := Wrap(test.text, 10); have != test.want {
			t.Errorf("%q becomes %q, want %q", test.text, have, test.want)
		}
	}
}

// TestFailuresFitTheWidth of a program that has one, and are one line of the others.
func TestFailuresFitTheWidth(t *testing.T) {
	why := strings.TrimSpace(strings.Repeat("a reason ", 30))
	for _, width := range []int{0, 80} {
		p, e := program, &strings.Builder{}
		p.Width = width
		Run(t.Context(), p, &grammar{}, []string{"--id", "x1", "--data", "d", "--fail", why}, Streams{Out: &strings.Builder{}, Err: e})
		if want := 1; width == 0 && strings.Count(e.String(), "\n") != want {
			t.Errorf("a program without a width says %q, want it in a line", e)
		}
		for line := range strings.Lines(e.String()) {
			if width != 0 && len(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("%d columns: %s", len(line), line)
			}
		}
		if have := strings.Join(strings.Fields(e.String()), " "); have != "prog: "+why {
			t.Errorf("it says %q", have)
		}
	}
}
