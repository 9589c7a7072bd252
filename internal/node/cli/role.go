package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/alecthomas/kong"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/tracing"
	"github.com/synod-paxos/synod/paxos"
)

// Role is the flags of every program that runs one role.
type Role struct {
	ID    string        `name:"id" env:"SYNOD_ID" help:"Id of this node, 1 to 63 of a-z, 0-9 and '-'. Never given to another node, even after this one is gone."`
	HTTP  string        `name:"http" env:"SYNOD_HTTP" placeholder:"ADDR" help:"Serve /healthz, /readyz and /metrics on this address."`
	Drain time.Duration `name:"drain-timeout" env:"SYNOD_DRAIN_TIMEOUT" default:"5s" help:"How long a stop by SIGTERM may take."`

	Connection connection       `embed:""`
	Logging    node.Logging     `embed:""`
	Version    kong.VersionFlag `help:"Show the version and exit."`
}

type connection = node.Connection

// Check reports everything that is wrong with the flags.
func (r *Role) Check() []error {
	var errs []error
	if r.ID == "" {
		errs = append(errs, fmt.Errorf("--id: is required (or set SYNOD_ID)"))
	} else if !paxos.NodeID(r.ID).Valid() {
		errs = append(errs, fmt.Errorf("--id %q: want 1 to %d of a-z, 0-9 and -", r.ID, paxos.MaxNodeID))
	}
	if r.HTTP != "" {
		errs = append(errs, CheckAddress("--http", r.HTTP)...)
	}
	if r.Drain < 0 {
		errs = append(errs, fmt.Errorf("--drain-timeout %s: want 0 or more", r.Drain))
	}
	return errs
}

// CheckAddress reports what is wrong with an address to listen on.
func CheckAddress(flag, address string) []error {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return []error{fmt.Errorf("%s %q: want host:port", flag, address)}
	}
	return nil
}

// Data is the flag of roles that keep something on disk.
type Data struct {
	Data string `env:"SYNOD_DATA" placeholder:"DIR" help:"Data directory, made when it is missing or empty. Only this node may use it."`
}

// Check reports everything that is wrong with the flag.
func (d *Data) Check() []error {
	if d.Data == "" {
		return []error{fmt.Errorf("--data: is required (or set SYNOD_DATA)")}
	}
	return nil
}

// Serve runs the role until ctx ends or it fails.
func (r *Role) Serve(ctx context.Context, s Streams, data string, start func(context.Context, node.Config) (node.Role, error)) error {
	Private()
	log := r.Logging.Logger(s.Err)
	slog.SetDefault(log)
	o, err := r.Connection.Options()
	if err != nil {
		return err
	}
	traces, err := tracing.FromEnvironment(ctx, "synod-"+s.Program, r.ID, node.Version(), log)
	if err != nil {
		return &MisuseError{err.Error()}
	}
	defer func() {
		if err := traces.Close(); err != nil {
			log.Warn("the last traces are not exported", "err", err)
		}
	}()
	c := node.Config{ID: paxos.NodeID(r.ID), Bus: o, Data: data, Tracers: traces.Tracers(), Log: log}
	return node.Run(ctx, node.RunOptions{HTTP: r.HTTP, Drain: r.Drain, Log: log}, func(ctx context.Context) (node.Role, error) {
		return start(ctx, c)
	})
}
