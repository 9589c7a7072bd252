package arch

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the Markdown files of the project, by path, with their text.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, p := range files(t) {
		if path.Ext(p) == ".md" && !strings.Contains(p, "testdata/") {
			texts[p] = read(t, p)
		}
	}
	return texts
}

func read(t *testing.T, p string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, p))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere: what a page of the project links to in the project is there.
func TestLinksLeadSomewhere(t *testing.T) {
	for p, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, path.Join(path.Dir(p), target))); err != nil {
				t.Errorf("%s links to %s: %v", p, m[1], err)
			}
		}
	}
}

var (
	testName   = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`")
	storyName  = regexp.MustCompile("`([a-z0-9_]+\\.txt)`")
	mutantList = regexp.MustCompile(`mutants?\s+("[^"]+"(?:(?:,|\s+and)\s+"[^"]+")*)`)
	quoted     = regexp.MustCompile(`"[^"]+"`)
)

// TestNamedTestsExist: a test, a story or a mutant that a page names is there.
func TestNamedTestsExist(t *testing.T) {
	var tests strings.Builder
	stories := map[string]bool{}
	for _, p := range files(t) {
		switch {
		case strings.HasSuffix(p, "_test.go"):
			tests.WriteString(read(t, p))
		case strings.Contains(p, "testdata/"):
			stories[path.Base(p)] = true
		}
	}
	mutants := read(t, "sim/mutants/list.go") + read(t, "sim/mutants/list_changes.go") + read(t, "sim/mutants/list_sessions.go")
	for p, text := range documents(t) {
		for _, m := range testName.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(tests.String(), "\nfunc "+m[1]+"(") {
				t.Errorf("%s names %s, which is no test", p, m[1])
			}
		}
		for _, m := range storyName.FindAllStringSubmatch(text, -1) {
			if !stories[m[1]] {
				t.Errorf("%s names %s, which is no story", p, m[1])
			}
		}
		for _, m := range mutantList.FindAllStringSubmatch(text, -1) {
			for _, name := range quoted.FindAllString(m[1], -1) {
				if !strings.Contains(mutants, name) {
					t.Errorf("%s names %s, which is no mutant", p, name)
				}
			}
		}
	}
}

// TestRulesAreNumbered: stories and other pages refer to the rules by their numbers.
func TestRulesAreNumbered(t *testing.T) {
	number := regexp.MustCompile(`(?m)^\*\*(\d+)\. `)
	var have []string
	for _, m := range number.FindAllStringSubmatch(read(t, "docs/RULES.md"), -1) {
		have = append(have, m[1])
	}
	want := strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25")
	if !slices.Equal(have, want) {
		t.Errorf("the rules are numbered %v, want %v", have, want)
	}
}
