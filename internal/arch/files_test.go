package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxLines is the length of the longest file that a reader still finds his way in.
const maxLines = 500

func TestFilesAreShort(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.lines > maxLines && !f.generated {
			t.Errorf("%s has %d lines, want at most %d", f.path, f.lines, maxLines)
		}
	}
}

// TestTestsNeitherSleepNorSkip: one that sleeps is slow or flaky, and one that is
// skipped looks green.
func TestTestsNeitherSleepNorSkip(t *testing.T) {
	unwanted := []string{"time.Sleep", "testing.Short"}
	for _, receiver := range []string{"t", "tb", "b", "f"} {
		unwanted = append(unwanted, receiver+".Skip", receiver+".Skipf", receiver+".SkipNow")
	}
	for _, f := range goFiles(t) {
		for _, call := range calls(f.syntax) {
			if f.test && slices.Contains(unwanted, call) {
				t.Errorf("%s calls %s", f.path, call)
			}
		}
	}
}

// unwanted is what no file of the project says. The words are taken apart here, so
// that this file does not say them; a struct tag of the same name is none.
var unwanted = regexp.MustCompile(strings.Join([]string{
	"/wo" + "rk/", `\.\./sha` + "red", "bash" + "_jobs", "sub" + "agent",
	`\bTO` + `DO\b`, `\bFIX` + `ME\b`, `\bXX` + `X\b`, "not (yet )?" + "implemented", "place" + `holder([^:]|$)`, `\bfor` + ` now\b`,
}, "|"))

// TestFilesSayNothingUnwanted looks for what is no part of the project: traces of how
// and where it was written, and promises in the place of work.
func TestFilesSayNothingUnwanted(t *testing.T) {
	for _, p := range files(t) {
		data, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(data) || strings.HasSuffix(p, ".pb.go") || strings.Contains(p, "testdata/fuzz/") || strings.HasSuffix(p, "go.sum") {
			continue
		}
		for n, line := range strings.Split(string(data), "\n") {
			if word := unwanted.FindString(line); word != "" {
				t.Errorf("%s:%d says %q", p, n+1, word)
			}
		}
	}
}
