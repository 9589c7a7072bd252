//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// inside is set in the environment of the process that is in namespaces of its own.
const inside = "SYNOD_TORTURE_INSIDE"

// errForbidden says that this system lets nobody make network namespaces.
var errForbidden = errors.New("this system forbids network namespaces: run it as root, or allow unprivileged user namespaces")

// enter runs this program again in a network and a mount namespace of its own: all
// links, rules and disks that it makes are gone with it, and nothing outside sees
// them. As another user than root it takes a user namespace too.
func enter() (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	flags := uintptr(syscall.CLONE_NEWNET | syscall.CLONE_NEWNS)
	attempts := []*syscall.SysProcAttr{{Cloneflags: flags}, {
		Cloneflags:  flags | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}}
	var errs []error
	for _, attributes := range attempts {
		attributes.Pdeathsig = syscall.SIGKILL
		cmd := exec.Command(self, os.Args[1:]...)
		cmd.SysProcAttr = attributes
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			errs = append(errs, err)
			continue
		}
		signals := make(chan os.Signal, 1) // they reach the whole group: who is inside cleans up
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
		_ = cmd.Wait() // the code says it
		return cmd.ProcessState.ExitCode(), nil
	}
	return 0, fmt.Errorf("%w (%w)", errForbidden, errors.Join(errs...))
}

// settle makes the mounts of this process its own, and gives it a /run in which ip
// may put its namespaces.
func settle() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("torture", "/run", "tmpfs", 0, "size=16m"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	return nil
}
