package bustest

import (
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/synod-paxos/synod/bus"
)

// A NATSProxy is a link between clients and a server that can be cut, and that can
// be frozen: then it is open, and carries nothing, like a network that drops every
// packet or a process that was stopped.
type NATSProxy struct {
	listener net.Listener
	target   string
	done     sync.WaitGroup

	mu     sync.Mutex
	thawed *sync.Cond
	frozen bool
	closed bool
	conns  map[net.Conn]struct{}
}

// Proxy opens a link to where s takes clients.
func Proxy(t testing.TB, s *bus.Server) *NATSProxy {
	t.Helper()
	return ProxyTo(t, s.URL())
}

// ProxyTo opens a link to the host and port of a URL.
func ProxyTo(t testing.TB, server string) *NATSProxy {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &NATSProxy{listener: l, target: u.Host, conns: map[net.Conn]struct{}{}}
	p.thawed = sync.NewCond(&p.mu)
	p.done.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// URL is where clients connect. Give them bus.Options.NATS with
// nats.IgnoreDiscoveredServers, or they may find the way past the proxy.
func (p *NATSProxy) URL() string { return "nats://" + p.listener.Addr().String() }

// Freeze lets nothing through any more, in either direction, for present and new
// connections.
func (p *NATSProxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = true
}

// Thaw ends Freeze. What was on the way is carried now.
func (p *NATSProxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = false
	p.thawed.Broadcast()
}

// Cut ends every connection. What was on the way is lost.
func (p *NATSProxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *NATSProxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.listener.Close()
	p.Cut()
	p.Thaw()
	p.done.Wait()
}

func (p *NATSProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		if !p.add(client, server) {
			return
		}
		p.done.Go(func() { p.carry(client, server) })
		p.done.Go(func() { p.carry(server, client) })
	}
}

func (p *NATSProxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			c.Close()
			continue
		}
		p.conns[c] = struct{}{}
	}
	return !p.closed
}

// carry copies from one side to the other until either ends.
func (p *NATSProxy) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		p.await()
		if _, writeErr := to.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// await returns when the link is not frozen.
func (p *NATSProxy) await() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.frozen {
		p.thawed.Wait()
	}
}
