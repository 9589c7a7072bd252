package e2e

import "syscall"

// dieWithTest ends a process even if the test's own is killed.
func dieWithTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
