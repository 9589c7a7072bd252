package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write docs/FLAGS.md anew")

// TestFlagsPage: docs/FLAGS.md is what the programs say of themselves.
//
//	go test ./internal/e2e -run TestFlagsPage -rewrite
func TestFlagsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Flags\n\nWhat each program says with `--help`. Every flag has a variable, in brackets, for where it is not given.\n")
	add := func(words ...string) string {
		help := call(t, words[0], append(words[1:], "--help")...).must(t)
		if long := regexp.MustCompile(`(?m)^.{81,}$`).FindString(help); long != "" {
			t.Errorf("%v --help is wider than 80 columns: %s", words, long)
		}
		fmt.Fprintf(&b, "\n## %s\n\n```\n%s\n```\n", strings.Join(words, " "), strings.TrimSpace(help))
		return help
	}
	for _, role := range []string{"acceptor", "proposer", "learner"} {
		add(role)
	}
	for _, line := range regexp.MustCompile(`(?m)^  ([a-z-]+(?: [a-z-]+)?) (?: |<|\[)`).FindAllStringSubmatch(commandsOf(add("synod")), -1) {
		add(append([]string{"synod"}, strings.Fields(line[1])...)...)
	}
	path := filepath.Join(tree, "docs/FLAGS.md")
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != b.String() {
		t.Errorf("%s is not what the programs say (%v): run this test with -rewrite", path, err)
	}
}

// commandsOf is the list of commands in a help.
func commandsOf(help string) string {
	_, rest, _ := strings.Cut(help, "Commands:\n")
	list, _, _ := strings.Cut(rest, "\n\n")
	return list + "\n"
}
