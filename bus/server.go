package bus

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ServerOptions describe an embedded NATS server. The zero value listens on a
// random port of 127.0.0.1 only.
type ServerOptions struct {
	ConfigFile string       // of nats-server, such as `synod permissions` prints; the fields below win over it
	Name       string       // as clients and monitoring see it; empty: one is made up
	Listen     string       // host:port; port 0 is a random one; empty: 127.0.0.1:0
	LeafNodes  string       // host:port for leaf nodes, the same way; empty: none
	MaxPayload int          // bytes; 0: NATS's default of 1 MiB
	Log        *slog.Logger // the server's warnings and errors; nil: slog.Default
}

// startTimeout bounds how long a server may take to accept connections.
const startTimeout = 10 * time.Second

// Server is an embedded NATS server that handles no signals, and has no JetStream
// unless its ConfigFile says so.
type Server struct {
	server  *server.Server
	options *server.Options // the server puts the ports it got in it before it is ready
}

// StartServer starts a server, and returns once it accepts connections. The
// caller must Stop it.
func StartServer(o ServerOptions) (*Server, error) {
	options, err := o.options()
	if err != nil {
		return nil, fmt.Errorf("bus: embedded NATS: %w", err)
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("bus: embedded NATS: %w", err)
	}
	log := &serverLog{log: cmp.Or(o.Log, slog.Default())}
	s.SetLogger(log, false, false)
	s.Start()
	if err := await(s, log); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("bus: embedded NATS on %s: %w", net.JoinHostPort(options.Host, strconv.Itoa(options.Port)), err)
	}
	return &Server{server: s, options: options}, nil
}

// await returns when s accepts connections, or has said that it cannot.
func await(s *server.Server, log *serverLog) error {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if s.ReadyForConnections(50 * time.Millisecond) {
			return nil
		}
		if fatal := log.fatal(); fatal != "" {
			return errors.New(fatal)
		}
	}
	return fmt.Errorf("does not accept connections within %s", startTimeout)
}

func (o *ServerOptions) options() (*server.Options, error) {
	out, err := o.configured()
	if err != nil {
		return nil, err
	}
	out.NoSigs, out.NoLog = true, true
	out.ServerName = cmp.Or(o.Name, out.ServerName)
	if o.Listen != "" || out.Port == 0 {
		if out.Host, out.Port, err = hostPort(cmp.Or(o.Listen, "127.0.0.1:0")); err != nil {
			return nil, err
		}
	}
	if o.LeafNodes != "" {
		if out.LeafNode.Host, out.LeafNode.Port, err = hostPort(o.LeafNodes); err != nil {
			return nil, err
		}
	}
	if o.MaxPayload < 0 || o.MaxPayload > maxMaxPayload {
		return nil, fmt.Errorf("max_payload of %d bytes, want 0 to %d", o.MaxPayload, maxMaxPayload)
	}
	out.MaxPayload = cmp.Or(int32(o.MaxPayload), out.MaxPayload)
	return out, nil
}

func (o *ServerOptions) configured() (*server.Options, error) {
	if o.ConfigFile == "" {
		return &server.Options{}, nil
	}
	out, err := server.ProcessConfigFile(o.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.ConfigFile, err)
	}
	return out, nil
}

// maxMaxPayload is what nats-server takes at most.
const maxMaxPayload = 64 << 20

// hostPort makes port 0 the server's word for a random port.
func hostPort(address string) (string, int, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: want host:port: %w", address, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: want host:port: %w", address, err)
	}
	if port == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(port), nil
}

// URL is where clients connect.
func (s *Server) URL() string { return s.server.ClientURL() }

// LeafURL is where leaf nodes connect; empty when the server has no port for them.
func (s *Server) LeafURL() string {
	leaf := &s.options.LeafNode
	if leaf.Port == 0 {
		return ""
	}
	return "nats-leaf://" + net.JoinHostPort(leaf.Host, strconv.Itoa(leaf.Port))
}

// NATS is the server itself, for tests that look inside.
func (s *Server) NATS() *server.Server { return s.server }

// Stop ends the server and every connection to it, and returns when both are gone.
func (s *Server) Stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}
