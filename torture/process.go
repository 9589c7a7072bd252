//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that runs in a namespace of its own, one life after the other.
type process struct {
	name string
	args []string // the program first
	env  []string
	log  string // file that gets what all its lives say

	mu     sync.Mutex
	cmd    *exec.Cmd
	done   chan struct{} // closed when this life has ended
	wanted bool          // it was asked to end, or may
	lives  int
	said   int64 // bytes in the log when this life began
}

// start begins a life. onEnd is called when it ends unasked.
func (p *process) start(onEnd func(*process, string)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	if info, err := out.Stat(); err == nil {
		p.said = info.Size()
	}
	// nsenter becomes the program, so the process is the program's.
	p.cmd = exec.Command("nsenter", append([]string{"--net=/run/netns/" + p.name, "--"}, p.args...)...)
	p.cmd.Env = append(cleanEnv(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.done, p.wanted = make(chan struct{}), false
	p.lives++
	go p.wait(p.cmd, p.done, onEnd)
	return nil
}

func (p *process) wait(cmd *exec.Cmd, done chan struct{}, onEnd func(*process, string)) {
	_ = cmd.Wait() // the state says it
	close(done)
	p.mu.Lock()
	unasked := !p.wanted
	p.mu.Unlock()
	if unasked {
		onEnd(p, cmd.ProcessState.String())
	}
}

// cleanEnv is the environment less what would change the programs' flags.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SYNOD_") {
			env = append(env, v)
		}
	}
	return env
}

func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Signal(s)
}

// mayEnd says that the present life may end by itself.
func (p *process) mayEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = true
}

// kill ends the present life as a crash does.
func (p *process) kill() error {
	p.mayEnd()
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// term asks the present life to end, if it has not, and returns its exit code.
func (p *process) term(patience time.Duration) (code int, err error) {
	if !p.runs() {
		return p.ended(patience)
	}
	p.mayEnd()
	if err := p.signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	return p.ended(patience)
}

// ended waits for the end of the present life, and returns its exit code.
func (p *process) ended(patience time.Duration) (code int, err error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("%s does not end within %s", p.name, patience)
	}
}

func (p *process) runs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// words is what the present life has said.
func (p *process) words() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(data[min(p.said, int64(len(data))):])
}

// memory is the bytes that the process holds in memory; 0 when it does not run.
func (p *process) memory() uint64 {
	p.mu.Lock()
	pid := p.cmd.Process.Pid
	p.mu.Unlock()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		var kib uint64
		if n, _ := fmt.Sscanf(string(line), "VmRSS: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
