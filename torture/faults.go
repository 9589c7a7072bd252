//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// deck is every kind of fault once.
var deck = []fault{
	{name: "kill the leader", do: func(w *world) (*injury, error) { return w.kill(w.theLeader) }},
	{name: "kill a proposer", do: func(w *world) (*injury, error) { return w.kill(w.aProposer) }},
	{name: "kill an acceptor", do: func(w *world) (*injury, error) { return w.kill(w.anAcceptor) }},
	{name: "kill a learner", do: func(w *world) (*injury, error) { return w.kill(w.aLearner) }},
	{name: "kill a server", do: func(w *world) (*injury, error) { return w.kill(w.aServer) }},
	{name: "pause the leader", do: func(w *world) (*injury, error) { return w.pause(w.theLeader) }},
	{name: "pause an acceptor", do: func(w *world) (*injury, error) { return w.pause(w.anAcceptor) }},
	{name: "pause a learner", do: func(w *world) (*injury, error) { return w.pause(w.aLearner) }},
	{name: "pause a server", do: func(w *world) (*injury, error) { return w.pause(w.aServer) }},
	{name: "isolate the leader", do: func(w *world) (*injury, error) { return w.isolate(w.theLeader, true, true) }},
	{name: "isolate a role", do: func(w *world) (*injury, error) { return w.isolate(w.anyRole, true, true) }},
	{name: "a deaf role", do: func(w *world) (*injury, error) { return w.isolate(w.anyRole, false, true) }},
	{name: "a mute role", do: func(w *world) (*injury, error) { return w.isolate(w.anyRole, true, false) }},
	{name: "unplug a role", do: (*world).unplugOne},
	{name: "cut a role from two servers", do: (*world).cutFromTwo},
	{name: "cut two servers apart", do: func(w *world) (*injury, error) { return w.cutServers(true) }},
	{name: "cut one direction between servers", do: func(w *world) (*injury, error) { return w.cutServers(false) }},
	{name: "cut a server from the others", do: (*world).splitServer},
	{name: "cut clients from a server", do: (*world).cutClients},
	{name: "hand over", do: (*world).handOver},
	{name: "a full disk", do: (*world).fillDisk},
	{name: "clocks jump", do: (*world).jumpClocks},
	{name: "a lost learner disk", do: (*world).wipeLearner},
	{name: "an acceptor is replaced", do: (*world).replace},

	{name: "kill a quorum of acceptors", all: true, do: func(w *world) (*injury, error) { return w.killAll(w.acceptors()[:w.shape.acceptors/2+1]) }},
	{name: "kill all learners", all: true, do: func(w *world) (*injury, error) { return w.killAll(w.learners()) }},
	{name: "kill all proposers", all: true, do: func(w *world) (*injury, error) { return w.killAll(w.proposers()) }},
	{name: "kill all servers", all: true, do: func(w *world) (*injury, error) { return w.killAll(w.servers()) }},
	{name: "kill everything", all: true, do: func(w *world) (*injury, error) { return w.killAll(append(w.servers(), w.roles()...)) }},
	{name: "pause all roles", all: true, do: (*world).pauseAll},
}

// Longer than every timeout on the way: a NATS connection is given up within 6 s.
const (
	longLeast = 7 * time.Second
	longMost  = 9 * time.Second
)

func (w *world) kill(victim func() (string, error)) (*injury, error) {
	name, err := victim()
	if err != nil {
		return nil, err
	}
	return w.killAll([]string{name})
}

// killAll ends processes as a crash of their machines does, but for their disks.
func (w *world) killAll(names []string) (*injury, error) {
	i := &injury{what: "kill -9 " + strings.Join(names, ", "), hold: w.between(time.Second, 4*time.Second)}
	for _, name := range names {
		if err := w.all[name].kill(); err != nil {
			return nil, err
		}
		if name[0] != 'n' {
			i.claims = append(i.claims, silent(name, 3*time.Second))
		}
	}
	i.claims = append(i.claims, w.consequences(names)...)
	if len(i.claims) > len(names) {
		i.hold = longLeast
	}
	i.undo = func() error {
		var errs []error
		for _, name := range names {
			errs = append(errs, w.start(name))
		}
		return errors.Join(errs...)
	}
	return i, nil
}

// consequences are what the roles that are left must say of themselves.
func (w *world) consequences(dead []string) (claims []claim) {
	gone := func(names []string) int {
		n := 0
		for _, name := range names {
			if slices.Contains(dead, name) {
				n++
			}
		}
		return n
	}
	noQuorum, noServer := 2*gone(w.acceptors()) > w.shape.acceptors, gone(w.servers()) == w.shape.servers
	noLeader, noLearner := noQuorum || gone(w.proposers()) == w.shape.proposers, gone(w.learners()) == w.shape.learners
	for _, name := range w.roles() {
		if slices.Contains(dead, name) {
			continue
		}
		if noServer || noLeader && name[0] == 'p' || noQuorum && name[0] == 'l' || noLearner && name == w.leader.leader() {
			claims = append(claims, notReady(name, longMost))
		}
	}
	return claims
}

func (w *world) pause(victim func() (string, error)) (*injury, error) {
	name, err := victim()
	if err != nil {
		return nil, err
	}
	i := &injury{what: "pause " + name, hold: w.between(longLeast, longMost)}
	if name[0] != 'n' {
		i.claims = []claim{silent(name, longLeast)}
	}
	i.undo = func() error { return w.all[name].signal(syscall.SIGCONT) }
	return i, w.all[name].signal(syscall.SIGSTOP)
}

func (w *world) pauseAll() (*injury, error) {
	i := &injury{what: "pause all roles", hold: w.between(longLeast, longMost)}
	each := func(s syscall.Signal) error {
		var errs []error
		for _, name := range w.roles() {
			errs = append(errs, w.all[name].signal(s))
		}
		return errors.Join(errs...)
	}
	i.undo = func() error { return each(syscall.SIGCONT) }
	return i, each(syscall.SIGSTOP)
}

// cutAll makes cuts, which the injury heals.
func (w *world) cutAll(i *injury, cuts []cut) (*injury, error) {
	i.undo = func() error {
		var errs []error
		for _, c := range cuts {
			errs = append(errs, w.net.heal(c))
		}
		return errors.Join(errs...)
	}
	var errs []error
	for _, c := range cuts {
		errs = append(errs, w.net.cut(c))
	}
	return i, errors.Join(errs...)
}

// isolate cuts a role off from all servers, in one direction or in both.
func (w *world) isolate(victim func() (string, error), out, in bool) (*injury, error) {
	name, err := victim()
	if err != nil {
		return nil, err
	}
	i := &injury{what: "isolate " + name, hold: w.between(longLeast, longMost), claims: []claim{notReady(name, longMost+time.Second)}}
	var cuts []cut
	for _, s := range w.servers() {
		if out {
			cuts = append(cuts, cut{name, s})
		}
		if in {
			cuts = append(cuts, cut{s, name})
		}
	}
	switch {
	case !out:
		i.what = "nothing reaches " + name
	case !in:
		i.what = "nothing from " + name + " gets out"
	}
	return w.cutAll(i, cuts)
}

func (w *world) unplugOne() (*injury, error) {
	name, err := w.anyRole()
	if err != nil {
		return nil, err
	}
	i := &injury{what: "unplug " + name, hold: w.between(longLeast, longMost), claims: []claim{silent(name, longLeast)}}
	i.undo = func() error { return w.net.plug(name) }
	return i, w.net.unplug(name)
}

// cutFromTwo leaves a role one server, which it has to find.
func (w *world) cutFromTwo() (*injury, error) {
	name, err := w.anyRole()
	if err != nil {
		return nil, err
	}
	servers := w.servers()
	kept := w.IntN(len(servers))
	var cuts []cut
	for k, s := range servers {
		if k != kept {
			cuts = append(cuts, cut{name, s}, cut{s, name})
		}
	}
	i := &injury{what: fmt.Sprintf("%s reaches only %s", name, servers[kept]), hold: w.between(longLeast, longMost)}
	return w.cutAll(i, cuts)
}

// cutServers cuts the route between two servers: what is at one does not hear what
// is at the other, and both hear the third.
func (w *world) cutServers(both bool) (*injury, error) {
	name, err := w.aServer()
	if err != nil {
		return nil, err
	}
	servers := w.servers()
	other := servers[(slices.Index(servers, name)+1)%len(servers)]
	i := &injury{what: "nothing from " + name + " reaches " + other, hold: w.between(longLeast, longMost)}
	cuts := []cut{{name, other}}
	if both {
		i.what = name + " and " + other + " are cut apart"
		cuts = append(cuts, cut{other, name})
	}
	return w.cutAll(i, cuts)
}

// splitServer cuts a server, and whoever is connected to it, from the other servers.
func (w *world) splitServer() (*injury, error) {
	name, err := w.aServer()
	if err != nil {
		return nil, err
	}
	var cuts []cut
	for _, s := range w.servers() {
		if s != name {
			cuts = append(cuts, cut{name, s}, cut{s, name})
		}
	}
	return w.cutAll(&injury{what: name + " and all who are connected to it are alone", hold: w.between(longLeast, longMost)}, cuts)
}

func (w *world) cutClients() (*injury, error) {
	name, server := teamName(w.IntN(teams)), w.servers()[w.IntN(w.shape.servers)]
	i := &injury{what: "clients " + name + " do not reach " + server, hold: w.between(longLeast, longMost)}
	return w.cutAll(i, []cut{{name, server}, {server, name}})
}

// handOver stops the leader as an operator does.
func (w *world) handOver() (*injury, error) {
	name, err := w.theLeader()
	if err != nil {
		return nil, err
	}
	i := &injury{what: "stop " + name + ", the leader, with SIGTERM", hold: time.Second}
	code, err := w.all[name].term(30 * time.Second)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s ends with code %d:\n%s", name, code, tail(w.all[name].words(), 10))
	}
	i.undo = func() error { return w.start(name) }
	return i, err
}

// smallDisk is the acceptor whose disk can be filled, and the size of that disk in MiB.
const (
	smallDisk     = "a1"
	smallDiskSize = 4096
)

// sizeDisk makes the small disk so large, in MiB; 0: as large as what is on it.
func (c *cluster) sizeDisk(mib uint64, flags uintptr) error {
	size := fmt.Sprintf("size=%dm", mib)
	if mib == 0 {
		var s syscall.Statfs_t
		if err := syscall.Statfs(c.data(smallDisk), &s); err != nil {
			return err
		}
		size = fmt.Sprintf("size=%d", (s.Blocks-s.Bfree+1)*uint64(s.Bsize))
	}
	return syscall.Mount("torture", c.data(smallDisk), "tmpfs", flags, size)
}

// fillDisk lets an acceptor's disk become full: it must say that space is low, and
// once it needs more than its files have already, stop and say why.
func (w *world) fillDisk() (*injury, error) {
	name, err := w.pickAcceptor(smallDisk)
	if err != nil {
		return nil, err
	}
	p := w.all[name]
	p.mayEnd()
	if err := w.sizeDisk(0, syscall.MS_REMOUNT); err != nil {
		return nil, err
	}
	i := &injury{what: "the disk of " + name + " is full", hold: longMost}
	i.undo = func() error {
		return errors.Join(w.judgeFullDisk(p), w.sizeDisk(smallDiskSize, syscall.MS_REMOUNT), w.again(name))
	}
	return i, nil
}

// judgeFullDisk looks at an acceptor whose disk has been full for a while.
func (w *world) judgeFullDisk(p *process) error {
	if p.runs() {
		if w.counter(p.name, "synod_acceptor_space_low", "") != 1 {
			return fmt.Errorf("%s does not say that its disk is full", p.name)
		}
		w.note("%s still writes to what its files have", p.name)
		return nil
	}
	code, err := p.ended(time.Second)
	if err == nil && (code != 1 || !strings.Contains(p.words(), "no space left")) {
		err = fmt.Errorf("%s ends with code %d on a full disk:\n%s", p.name, code, tail(p.words(), 10))
	}
	w.note("%s stops on a full disk: %s", p.name, tail(p.words(), 1))
	return err
}

// jumpClocks changes the wall clocks of some roles by up to two hours, of fewer
// acceptors than a quorum: log time follows the others.
func (w *world) jumpClocks() (*injury, error) {
	victims := []string{w.proposers()[w.IntN(w.shape.proposers)], w.learners()[w.IntN(w.shape.learners)]}
	a := w.IntN(w.shape.acceptors)
	for k := range (w.shape.acceptors - 1) / 2 {
		victims = append(victims, w.acceptors()[(a+k)%w.shape.acceptors])
	}
	i := &injury{hold: w.between(time.Second, 4*time.Second)}
	for _, name := range victims {
		ahead := w.between(-2*time.Hour, 2*time.Hour)
		i.what += fmt.Sprintf("clock of %s off by %s, ", name, ahead.Round(time.Second))
		if err := w.setClock(name, ahead); err != nil {
			return nil, err
		}
	}
	i.what = strings.TrimSuffix(i.what, ", ")
	i.undo = func() error {
		var errs []error
		for _, name := range victims {
			errs = append(errs, w.setClock(name, 0))
		}
		return errors.Join(errs...)
	}
	return i, nil
}

// wipeLearner takes a learner's disk away for good.
func (w *world) wipeLearner() (*injury, error) {
	name, err := w.aLearner()
	if err != nil {
		return nil, err
	}
	if err := w.all[name].kill(); err != nil {
		return nil, err
	}
	i := &injury{what: name + " loses its disk", hold: time.Second, claims: []claim{silent(name, 3*time.Second)}}
	i.undo = func() error { return w.start(name) }
	return i, os.RemoveAll(filepath.Join(w.data(name), "d"))
}
