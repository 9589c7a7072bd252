package bus_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

func TestServerHasWhatItsOptionsSay(t *testing.T) {
	address := freeAddress(t)
	s := bustest.ServerWith(t, bus.ServerOptions{Name: "dev", Listen: address, MaxPayload: 2 << 20})
	b := bustest.Connect(t, s.URL())
	if have := b.Conn().ConnectedServerName(); have != "dev" {
		t.Errorf("called %q", have)
	}
	if have := "nats://" + address; s.URL() != have || b.MaxPayload() != 2<<20 || s.LeafURL() != "" {
		t.Errorf("at %s with max_payload %d and leaf nodes %q", s.URL(), b.MaxPayload(), s.LeafURL())
	}
	if s.NATS().JetStreamEnabled() {
		t.Error("it has JetStream")
	}
}

// TestLeafNodesReachTheServer connects another NATS server, as a user's own would.
func TestLeafNodesReachTheServer(t *testing.T) {
	hub := bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})
	leaf := bustest.Configured(t, `leafnodes { remotes: [ { url: "`+hub.LeafURL()+`" } ] }`)
	client, server := bustest.Connect(t, leaf.URL()), bustest.Connect(t, hub.URL())
	asked := make(chan struct{})
	var once sync.Once
	l, err := client.ServeClients("", []string{"from.the.hub"}, func(*nats.Msg) { once.Do(func() { close(asked) }) })
	if err != nil {
		t.Fatal(err)
	}
	for waiting := true; waiting; { // each round is a round trip; the leaf's interest is on its way
		if err := server.Conn().Publish("from.the.hub", nil); err != nil {
			t.Fatal(err)
		}
		if err := server.Conn().Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-asked:
			waiting = false
		default:
		}
	}
	if err := l.Stop(); err != nil {
		t.Error(err)
	}
}

func TestServersThatCannotStartSayWhy(t *testing.T) {
	taken := strings.TrimPrefix(bustest.Server(t).URL(), "nats://")
	garbage := writeFile(t, "nats.conf", []byte("listen: {"))
	for want, o := range map[string]bus.ServerOptions{
		"address already in use":          {Listen: taken},
		"want host:port":                  {Listen: "127.0.0.1"},
		`address "127.0.0.1:x"`:           {Listen: "127.0.0.1:x"},
		`address "127.0.0.1:70000"`:       {LeafNodes: "127.0.0.1:70000"},
		"max_payload of -1 bytes":         {MaxPayload: -1},
		"max_payload of 1073741824 bytes": {MaxPayload: 1 << 30},
		"nats.conf":                       {ConfigFile: garbage},
		"no such file":                    {ConfigFile: garbage + "x"},
	} {
		o.Log = bustest.Quiet()
		s, err := bus.StartServer(o)
		if err == nil {
			s.Stop()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: have %v, want it to say %q", o, err, want)
		}
	}
}

func TestWhatTheServerSaysIsLogged(t *testing.T) {
	log := newJournal()
	s := bustest.ServerWith(t, bus.ServerOptions{Log: log.logger()})
	log.await(t, "Server is ready")
	s.Stop()
	log.await(t, "nats-server: Server Exiting..")
}
