package storagetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// aloneVariable names the test that runs in this process alone.
const aloneVariable = "SYNOD_TEST_ALONE"

// coverVariable names the directory in which these processes leave their coverage, when
// the tests are run with -cover.
const coverVariable = "SYNOD_TEST_COVERAGE"

// Alone runs the test in a process of its own, in which it returns true; elsewhere it
// returns false once that process has ended. What a disk that fails holds up stays in
// memory until the process ends, which is what such a disk is to end.
func Alone(t *testing.T) bool {
	t.Helper()
	if isAlone() {
		return true
	}
	args := []string{"-test.run=^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$", "-test.v"}
	for _, a := range os.Args[1:] {
		if !strings.HasPrefix(a, "-test.") {
			args = append(args, a)
		}
	}
	if dir := os.Getenv(coverVariable); dir != "" {
		args = append(args, "-test.coverprofile="+filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")))
	}
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), aloneVariable+"="+t.Name())
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v:\n%s", err, out)
	} else if testing.Verbose() {
		t.Logf("%s", out)
	}
	return false
}

// isAlone reports whether this process is one of Alone's.
func isAlone() bool { return os.Getenv(aloneVariable) != "" }

// Main is the TestMain of a package: its tests leave no goroutine, but in Alone's
// processes, where a disk that failed holds some for good.
func Main(m *testing.M) {
	if isAlone() {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}

// Held reports whether do is held for ever, by a halt whose Park ends the goroutine.
func Held(do func()) bool {
	ended, held := make(chan struct{}), true
	go func() {
		defer close(ended)
		do()
		held = false
	}()
	<-ended
	return held
}
