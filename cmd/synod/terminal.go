package main

import (
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// terminal is what a command may print on.
type terminal struct {
	width, height int  // height 0: none that is known
	color         bool // it shows colours, and its user wants them
	unicode       bool
}

// usualWidth is how wide what is no terminal is taken to be.
const usualWidth = 80

// terminalOf is what w is, as far as it and the environment tell. A file or a pipe
// gets no colours.
func terminalOf(w io.Writer) terminal {
	t := terminal{width: usualWidth, unicode: speaksUnicode()}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		t.width = columns
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return t
	}
	if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		t.width, t.height = width, height
	}
	t.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return t
}

// speaksUnicode follows the locale, as other programs of a terminal do.
func speaksUnicode() bool {
	for _, variable := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := os.Getenv(variable); locale != "" {
			return strings.Contains(strings.ToLower(strings.ReplaceAll(locale, "-", "")), "utf8")
		}
	}
	return false
}
