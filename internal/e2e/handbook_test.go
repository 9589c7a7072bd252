package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// section is the commands of a section of the handbook.
func section(t *testing.T, title string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tree, "docs", "OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n## "+title+"\n")
	if !found {
		t.Fatalf("the handbook has no section %q", title)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var commands []string
	for line := range strings.SplitSeq(rest, "\n") {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			commands = append(commands, command)
		}
	}
	if len(commands) == 0 {
		t.Fatalf("the section %q has no commands", title)
	}
	return commands
}

var likewise = regexp.MustCompile(`\b[a-z]\d\b`)

// obey carries out commands as they are written, but for directories, addresses and
// credentials, and returns what was printed.
func (c *cluster) obey(commands []string) (printed string) {
	c.t.Helper()
	var restoring *process
	for _, line := range commands {
		command, comment, _ := strings.Cut(line, "#")
		words := strings.Fields(command)
		switch {
		case words[0] == "synod" && words[1] == "restore":
			restoring = startProcess(c.t, "synod", append(append(c.files(words[1:]), "--nats", c.url), c.as("operator-admin")...)...)
			restoring.await("Founded cluster")
		case words[0] == "synod":
			r := c.synod(c.files(words[1:])...)
			if r.code != 0 {
				c.t.Fatalf("%s: code %d\n%s%s", command, r.code, r.out, r.errors)
			}
			printed += r.out
		case words[1] == "--id":
			others, _, _ := strings.Cut(comment, "likewise")
			for _, id := range append([]string{words[2]}, likewise.FindAllString(others, -1)...) {
				if roleOf[id[0]] != words[0] {
					c.t.Fatalf("%s is no %s: %s", id, words[0], line)
				}
				c.start(id).await(words[0] + " runs")
			}
		default:
			c.t.Fatalf("the handbook says %q", line)
		}
	}
	if restoring != nil {
		if code := restoring.wait(); code != 0 {
			c.t.Fatalf("restore: code %d\n%s", code, restoring.output())
		}
	}
	return printed
}

// files puts the files that a command names where the test is.
func (c *cluster) files(words []string) []string {
	out := append([]string(nil), words...)
	for i, w := range out {
		if strings.HasSuffix(w, ".backup") {
			out[i] = filepath.Join(c.dir, w)
		}
	}
	return out
}

// TestTheHandbook follows its sections as they are written: a secured cluster is started,
// saved, lost with all its disks, and restored.
func TestTheHandbook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secure := section(t, "Secure")
	if len(secure) != 1 || !strings.HasSuffix(secure[0], " > permissions.conf") {
		t.Fatalf("the section about security says %q", secure)
	}
	shell := func(command string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir, cmd.Env = dir, append(cleanEnv(), "PATH="+bin+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	shell(secure[0])
	config := filepath.Join(dir, "server.conf")
	if err := os.WriteFile(config, []byte("include permissions.conf\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startNATS(t, "-c", config)
	c.flags = func(user string) []string { return []string{"--nkey", filepath.Join(dir, "keys", user+".nk")} }

	c.obey(section(t, "Start"))
	c.awaitReady()
	c.synodAs("client-shop", "propose", "worth keeping").must(t)
	backup := section(t, "Back up and restore")
	split := 0
	for split < len(backup) && strings.HasPrefix(backup[split], "synod backup ") {
		split++
	}
	if out := c.obey(backup[:split]); !strings.Contains(out, "Saved") {
		t.Errorf("the commands of a backup say %q", out)
	}
	for _, id := range c.running() {
		if c.kill(id); roleOf[id[0]] != "proposer" {
			if err := os.RemoveAll(c.data(id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// "Run it again with more names to add users."
	shell(strings.NewReplacer("a1,a2,a3", "a1,a2,a3,b1,b2,b3", "l1,l2", "l1,l2,m1,m2").Replace(secure[0]))
	if err := c.nats.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	c.nats.await("Reloaded: authorization users")
	c.obey(backup[split:])
	c.start("p1")
	c.start("p2")
	c.awaitReady()
	if out := c.synodAs("client-shop", "log").must(t); !strings.Contains(out, "worth keeping") {
		t.Errorf("after the restore the log says %q", out)
	}
}
