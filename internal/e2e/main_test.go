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
	if err := build("-o", dir+string(filepath.Separator), stamp("v1.2.3-rc.1"), module+"/cmd/...", "github.com/nats-io/nats-server/v2"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

const module = "github.com/synod-paxos/synod"

// build runs go build as releases are built: the tests run what users get. Nobody debugs
// these programs; without what that takes they are there sooner.
func build(args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-gcflags=" + module + "/...=-dwarf=false"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// stamp is the flag that gives a program its version.
func stamp(version string) string {
	return "-ldflags=-s -w -X " + module + "/internal/node.version=" + version
}

func program(name string) string { return filepath.Join(bin, name) }
