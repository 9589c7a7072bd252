//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
)

// network is namespaces around this process's own, which is their router: every
// packet between two of them passes it, so it can drop what goes from one to another.
type network struct {
	mu    sync.Mutex
	nodes map[string]int // by name, its number in addresses
	cuts  map[cut]int    // how many faults want it
}

// A cut is a direction in which nothing passes.
type cut struct{ from, to string }

const (
	beforeAll = "50"  // preference of the rules that drop
	thenLocal = "100" // and of the rule that leads to this process, otherwise the first of all
)

func newNetwork() (*network, error) {
	n := &network{nodes: map[string]int{}, cuts: map[cut]int{}}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return nil, err
	}
	return n, errFirst(
		ip("link", "set", "lo", "up"),
		ip("rule", "add", "pref", thenLocal, "lookup", "local"),
		ip("rule", "del", "pref", "0"),
	)
}

// ip runs the command of that name, of iproute2.
func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// errFirst is the first of errs that is one.
func errFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// addNode makes the namespace name, joined to this one by a link of its own.
func (n *network) addNode(name string) error {
	n.nodes[name] = len(n.nodes) + 1
	router := fmt.Sprintf("10.77.%d.1", n.nodes[name])
	link, at := "to-"+name, []string{"-n", name}
	in := func(args ...string) error { return ip(append(slices.Clone(at), args...)...) }
	return errFirst(
		ip("netns", "add", name),
		ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name),
		ip("addr", "add", router+"/24", "dev", link),
		ip("link", "set", link, "up"),
		in("addr", "add", n.address(name)+"/24", "dev", "eth0"),
		in("link", "set", "eth0", "up"),
		in("link", "set", "lo", "up"),
		in("route", "add", "default", "via", router),
	)
}

// addClient makes an address in this namespace, for clients that are cut off as one.
func (n *network) addClient(name string) error {
	n.nodes[name] = len(n.nodes) + 1
	return ip("addr", "add", n.address(name)+"/32", "dev", "lo")
}

// address is where name is.
func (n *network) address(name string) string { return fmt.Sprintf("10.77.%d.2", n.nodes[name]) }

// cut drops all that goes from one node to another, without a word to either. It
// may be called again, and then holds until healed as often.
func (n *network) cut(c cut) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cuts[c]++; n.cuts[c] > 1 {
		return nil
	}
	return ip("rule", "add", "pref", beforeAll, "from", n.address(c.from), "to", n.address(c.to), "blackhole")
}

func (n *network) heal(c cut) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cuts[c]--; n.cuts[c] > 0 {
		return nil
	}
	return ip("rule", "del", "pref", beforeAll, "from", n.address(c.from), "to", n.address(c.to), "blackhole")
}

// unplug takes a node's link down, and plug up again.
func (n *network) unplug(name string) error { return ip("link", "set", "to-"+name, "down") }

func (n *network) plug(name string) error { return ip("link", "set", "to-"+name, "up") }
