package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bin is where the programs under test are.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "synod-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(dir string) error {
	const module = "github.com/synod-paxos/synod"
	for _, pkg := range []string{module + "/cmd/...", "github.com/nats-io/nats-server/v2"} {
		out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+string(filepath.Separator), pkg).CombinedOutput()
		if err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	// The last element of the module's path is its major version.
	return os.Rename(filepath.Join(dir, "nats-server"), program("nats-server"))
}

func program(name string) string { return filepath.Join(bin, name) }
