package main

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuTime is how much CPU time was used until some moment.
type cpuTime struct {
	own   time.Duration // by this process, user and system
	busy  time.Duration // by the whole machine
	whole time.Duration // that the machine had; 0: not known
}

func usage() (u cpuTime) {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil {
		u.own = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	u.busy, u.whole = machineTime()
	return u
}

// since is the CPU time since before: of this process, of all others, and of the machine.
func (u cpuTime) since(before cpuTime) (own, others, whole time.Duration) {
	own, whole = u.own-before.own, u.whole-before.whole
	return own, max(0, u.busy-before.busy-own), whole
}

// tick is the unit of /proc/stat.
const tick = 10 * time.Millisecond

// machineTime reads the machine's CPU time where Linux tells it.
func machineTime() (busy, whole time.Duration) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	for i, field := range strings.Fields(string(line)) {
		n, err := strconv.ParseInt(field, 10, 64)
		if i == 0 || i > 8 || err != nil {
			continue
		}
		t := time.Duration(n) * tick
		whole += t
		if i != 4 && i != 5 { // idle, waiting for a disk
			busy += t
		}
	}
	return busy, whole
}

// machine describes where this runs.
func machine() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, model, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return ""
}
