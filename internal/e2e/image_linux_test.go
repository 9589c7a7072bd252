package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStaticBinaryInAnEmptyRoot runs the program as its image does: with nothing
// around it, and as nobody in particular. A whole cluster gets ready there.
func TestStaticBinaryInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.Link(program("synod"), filepath.Join(root, "synod")); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(root, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	const nobody = 65532
	for _, path := range []string{data, root} {
		if os.Geteuid() == 0 {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	inside := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/synod", args...)
		cmd.Dir, cmd.Env = "/", []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Pdeathsig: syscall.SIGKILL}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		} else {
			cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
		}
		return cmd
	}
	version, err := inside("--version").CombinedOutput()
	if err != nil || strings.TrimSpace(string(version)) != "synod 1.2.3-rc.1" {
		t.Errorf("--version says %q, %v", version, err)
	}
	dev := inside("dev", "--listen", "127.0.0.1:0", "--data", "/data")
	out, err := dev.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	ready := false
	timer := time.AfterFunc(patience, func() { _ = dev.Process.Kill() })
	defer timer.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "Ready: ") {
			ready = true
			if err := dev.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	if err := dev.Wait(); err != nil || !ready {
		t.Errorf("ready: %v; ended with %v", ready, err)
	}
}

// targets are what the units order themselves by, and what systemd adds.
var targets = []string{"basic", "multi-user", "network-online", "shutdown", "sysinit"}

// TestUnitsAreSound: systemd knows every line of the units, and calls them confined.
func TestUnitsAreSound(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Log("no systemd here: nothing checks the units")
		return
	}
	root := t.TempDir()
	units := filepath.Join(root, "etc/systemd/system")
	programs := filepath.Join(root, "usr/local/bin")
	for _, dir := range []string{units, programs} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string, mode os.FileMode) {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, target := range targets {
		write(filepath.Join(units, target+".target"), "[Unit]\nDescription=For a test\n", 0o644)
	}
	var names []string
	for role, id := range map[string]string{"acceptor": "a1", "proposer": "p1", "learner": "l1"} {
		unit := "deploy/systemd/synod-" + role + "@.service"
		for _, text := range texts(t, unit) {
			write(filepath.Join(units, filepath.Base(unit)), text, 0o644)
		}
		write(filepath.Join(programs, role), "#!/bin/sh\n", 0o755)
		names = append(names, "synod-"+role+"@"+id+".service")
	}
	for _, args := range [][]string{
		append([]string{"verify", "--man=no", "--root=" + root}, names...),
		{"security", "--offline=yes", "--threshold=20", "--root=" + root, names[0]},
		{"security", "--offline=yes", "--threshold=20", "--root=" + root, names[1]},
		{"security", "--offline=yes", "--threshold=20", "--root=" + root, names[2]},
	} {
		out, err := exec.Command(analyze, args...).CombinedOutput()
		if err != nil || (args[0] == "verify" && len(out) > 0) {
			t.Errorf("systemd-analyze %v: %v\n%s", args, err, out)
		}
	}
}
