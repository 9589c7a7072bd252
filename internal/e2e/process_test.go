package e2e

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for another process; on a busy machine everything
// takes longer, and nothing waits that long when all is well.
const patience = 30 * time.Second

// process is a running program. Its lines, of both outputs, are kept.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	code int           // then

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

// startProcess starts a program of bin, and ends it with the test.
func startProcess(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return startNamed(t, nil, name, name, args...)
}

// startNamed is startProcess for one of several of the same program, with more of an
// environment.
func startNamed(t *testing.T, env []string, name, what string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(program(what), args...), done: make(chan struct{}), more: make(chan struct{})}
	p.cmd.SysProcAttr = dieWithTest()
	p.cmd.Env = append(cleanEnv(), env...)
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(r)
	}()
	go func() {
		_ = p.cmd.Wait() // the code says it
		_ = w.Close()
		<-read
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("--- %s said:\n%s", p.name, p.output())
		}
	})
	return p
}

// cleanEnv is the environment less what would change the programs' flags.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SYNOD_") || strings.HasPrefix(v, "SYNOD_TORTURE_") {
			env = append(env, v)
		}
	}
	return env
}

func (p *process) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, s.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// said reports whether the process has said text.
func (p *process) said(text string) bool { return strings.Contains(p.output(), text) }

// await returns the first line that has text, once there is one.
func (p *process) await(text string) string {
	p.t.Helper()
	timeout := time.After(patience)
	for from := 0; ; {
		p.mu.Lock()
		for ; from < len(p.lines); from++ {
			if strings.Contains(p.lines[from], text) {
				defer p.mu.Unlock()
				return p.lines[from]
			}
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-p.done:
			p.t.Fatalf("%s ended with code %d before it said %q:\n%s", p.name, p.code, text, p.output())
		case <-timeout:
			p.t.Fatalf("%s did not say %q:\n%s", p.name, text, p.output())
		}
	}
}

// kill ends the process as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// stop asks the process to end, and returns its exit code.
func (p *process) stop(s os.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %s: %v", p.name, err)
	}
	return p.wait()
}

// term is stop as an operator does it.
func (p *process) term() int {
	p.t.Helper()
	return p.stop(syscall.SIGTERM)
}

// wait waits for the end, and returns the exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end:\n%s", p.name, p.output())
	}
	return p.code
}

// result is what a program that ran to its end left.
type result struct {
	code        int
	out, errors string
}

// call runs a program to its end.
func call(t *testing.T, name string, args ...string) result {
	t.Helper()
	return callWith(t, nil, name, args...)
}

// callWith is call with more of an environment.
func callWith(t *testing.T, env []string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(name), args...)
	cmd.SysProcAttr = dieWithTest()
	cmd.Env = append(cleanEnv(), env...)
	var out, errors strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errors
	_ = cmd.Run() // the code says it
	if ctx.Err() != nil {
		t.Fatalf("%s %v does not end:\n%s%s", name, args, out.String(), errors.String())
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errors.String()}
}

// must fails the test unless the program succeeded, and returns its output.
func (r result) must(t *testing.T) string {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit code %d, want 0:\n%s%s", r.code, r.out, r.errors)
	}
	return r.out
}

// poll calls ok until it is true: for what other processes do without telling.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(patience)
	for !ok() {
		select {
		case <-ticker.C:
		case <-timeout:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
