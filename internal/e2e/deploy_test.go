package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// tree is the root of the project.
const tree = "../.."

// texts are the files below these paths of the tree.
func texts(t *testing.T, paths ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, path := range paths {
		err := filepath.WalkDir(filepath.Join(tree, path), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(p)
			found[p] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestNamedMetricsExist: what dashboard, alerts and pages ask for is what a running
// cluster has.
func TestNamedMetricsExist(t *testing.T) {
	t.Parallel()
	p, _ := startDev(t, "--data", t.TempDir(), "--http", "127.0.0.1:0")
	address := regexp.MustCompile(`http://([0-9.:]+)/metrics`).FindStringSubmatch(p.await("Metrics: "))[1]
	_, text := get(t, address, "metrics")
	have := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		name, _, _ := strings.Cut(line, "{")
		have[name] = true
	}
	metric := regexp.MustCompile(`\bsynod_[a-z0-9_]*[a-z0-9]\b`)
	asked := 0
	for path, text := range texts(t, "deploy/grafana", "deploy/prometheus", "docs/OPERATIONS.md") {
		for _, name := range metric.FindAllString(text, -1) {
			asked++
			if !have[name] && !have[name+"_count"] {
				t.Errorf("%s names %s, which no role has", path, name)
			}
		}
	}
	if asked < 60 {
		t.Errorf("only %d names were looked up", asked)
	}
}

// TestAlertsAreAnswered: the handbook says what to do for each, and for no other.
func TestAlertsAreAnswered(t *testing.T) {
	rules := texts(t, "deploy/prometheus")[filepath.Join(tree, "deploy/prometheus/alerts.yml")]
	book := texts(t, "docs/OPERATIONS.md")[filepath.Join(tree, "docs/OPERATIONS.md")]
	var alerts, answers []string
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1) {
		alerts = append(alerts, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^#+ (Synod[A-Z]\w+)$`).FindAllStringSubmatch(book, -1) {
		answers = append(answers, m[1])
	}
	slices.Sort(alerts)
	slices.Sort(answers)
	if len(alerts) < 10 || !slices.Equal(alerts, answers) {
		t.Errorf("alerts %q\nanswers %q", alerts, answers)
	}
}

// TestStrangeMessagesAreAllWatched: the alert names every reason for which a role ignores
// a message, but for those that are normal.
func TestStrangeMessagesAreAllWatched(t *testing.T) {
	rules := texts(t, "deploy/prometheus")[filepath.Join(tree, "deploy/prometheus/alerts.yml")]
	m := regexp.MustCompile(`synod_messages_ignored_total\{reason=~"([a-z_|]+)"\}`).FindStringSubmatch(rules)
	if m == nil {
		t.Fatal("no alert about messages that are ignored")
	}
	watched := strings.Split(m[1], "|")
	normal := []paxos.DropReason{paxos.OtherConfig, paxos.Stale, paxos.Unfounded}
	var want []string
	for r := paxos.Foreign; r <= paxos.Inconsistent; r++ {
		if !slices.Contains(normal, r) {
			want = append(want, r.String())
		}
	}
	slices.Sort(want)
	slices.Sort(watched)
	if !slices.Equal(want, watched) {
		t.Errorf("watched %q, want %q", watched, want)
	}
}

// commandLine is a call of one of Synod's programs, in a page or in a file of deploy.
var commandLine = regexp.MustCompile(`(?:^|[\s/\["'$])(acceptor|proposer|learner|synod)["',\]]*((?:[\s,"']+[^\s,"'\]#` + "`" + `|]+)*)`)

var flagName = regexp.MustCompile(`(?:^|[\s"'])(--[a-z][a-z-]*)`)

// TestNamedFlagsExist: every flag and every variable that a file of deploy or a page
// gives to a program is one that the program has.
func TestNamedFlagsExist(t *testing.T) {
	grouped := map[string]bool{"member": true, "leader": true} // commands of commands
	help := map[string]string{}
	helpOf := func(words ...string) string {
		key := strings.Join(words, " ")
		if help[key] == "" {
			help[key] = call(t, words[0], append(words[1:], "--help")...).must(t)
		}
		return help[key]
	}
	for _, c := range []string{"dev", "init", "propose", "log", "status", "trace"} {
		helpOf("synod", c)
	}
	for _, role := range []string{"acceptor", "proposer", "learner"} {
		helpOf(role)
	}
	all := ""
	for _, text := range help {
		all += text
	}
	checked := 0
	for path, text := range texts(t, "deploy/docker", "deploy/kubernetes", "deploy/systemd", "docs/OPERATIONS.md", "README.md") {
		for _, v := range regexp.MustCompile(`\bSYNOD_[A-Z_]+\b`).FindAllString(text, -1) {
			if !strings.Contains(all, v) {
				t.Errorf("%s names %s, which no program reads", path, v)
			}
		}
		for line := range strings.SplitSeq(text, "\n") {
			if strings.Contains(line, "docker ") || strings.Contains(line, "kubectl ") || strings.Contains(line, "go build") {
				continue
			}
			for _, m := range commandLine.FindAllStringSubmatch(line, -1) {
				words := strings.FieldsFunc(m[2], func(r rune) bool { return strings.ContainsRune(` ,"'`, r) })
				program := []string{m[1]}
				if m[1] == "synod" {
					if len(words) == 0 || !regexp.MustCompile(`^[a-z]+$`).MatchString(words[0]) || len(flagName.FindAllString(m[2], -1)) == 0 {
						continue
					}
					program = append(program, words[0])
					if grouped[words[0]] && len(words) > 1 {
						program = append(program, words[1])
					}
				}
				for _, f := range flagName.FindAllStringSubmatch(m[2], -1) {
					checked++
					if !strings.Contains(helpOf(program...), f[1]) {
						t.Errorf("%s gives %s to %s, which does not have it:\n%s", path, f[1], strings.Join(program, " "), line)
					}
				}
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d flags were checked", checked)
	}
}
