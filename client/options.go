package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/synod-paxos/synod/bus"
)

// Options say which cluster, and how to reach it. The zero Options mean the
// cluster "main" at nats://127.0.0.1:4222.
type Options struct {
	Cluster string // empty: "main"
	Prefix  string // that every subject of the cluster starts with; empty: "synod"

	// NATS says how to reach NATS, and as whom. Its Subjects are not used.
	NATS bus.Options

	// Attempt is how long one attempt waits for its answer before the command is
	// sent again. It doubles with every attempt that is not answered. 0: 1 s.
	Attempt time.Duration
	// InFlight is how many messages with commands for one stream may be on their way
	// at once, and how many with reads of one. What comes meanwhile goes together in the
	// next. 0: 2.
	InFlight int
	// Generation is the lowest generation of the cluster whose answers count, such as the one
	// that an earlier client saw. A cluster that is restored from a backup, or forced
	// after a disaster, has a higher one. 0: any.
	Generation uint64
	// Singly sends every command and every read in a message of its own. It is for clients that may
	// publish proposals or a bucket's keys, and no typed commands ("command.<stream>").
	// Sessions, transactions, mutexes, elections and lookups need those. After an attempt of
	// unknown outcome copies are then sent for half the stream's duplicate window only.
	Singly bool
}

const (
	defaultCluster  = "main"
	defaultAttempt  = time.Second
	defaultInFlight = 2
)

func (o Options) withDefaults() Options {
	if o.Cluster == "" {
		o.Cluster = defaultCluster
	}
	if o.Attempt == 0 {
		o.Attempt = defaultAttempt
	}
	if o.InFlight == 0 {
		o.InFlight = defaultInFlight
	}
	if o.NATS.Name == "" {
		o.NATS.Name = "synod client"
	}
	o.NATS.Subjects = bus.Subjects{Prefix: o.Prefix, Cluster: o.Cluster}
	return o
}

// check reports what is wrong with o beside what package bus reports.
func (o *Options) check() error {
	var errs []error
	if o.Attempt < 0 {
		errs = append(errs, fmt.Errorf("client: an attempt of %v: want a time above 0", o.Attempt))
	}
	if o.InFlight < 0 {
		errs = append(errs, fmt.Errorf("client: %d messages in flight: want at least 1", o.InFlight))
	}
	return errors.Join(errs...)
}
