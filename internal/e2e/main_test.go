package e2e

import (
	"flag"
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
	if err := waitTogether(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// waitTogether lets more parallel tests run at once than there are cores: they wait for
// processes most of the time. A -parallel of the user's counts.
func waitTogether() error {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if asked {
		return nil
	}
	return flag.Set("test.parallel", "4")
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
