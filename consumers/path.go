package consumers

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long the test of the path may take, and how soon it is repeated.
const (
	pathTimeout = 5 * time.Second
	pathAgain   = 2 * time.Second
)

// checkPath tries, with every connection, whether a pushed message arrives as JetStream
// would deliver it: the form in which it is sent is nats-server's own, and permissions
// and accounts may be in the way.
func (v *Service) checkPath() {
	for {
		select {
		case <-v.link.Up():
		case <-v.ctx.Done():
			return
		default:
			_, err := v.link.Connected()
			v.block(fmt.Errorf("its leaf-node connection is not up: %w", err))
			select {
			case <-v.link.Up():
			case <-time.After(pathAgain): // the reason may be another one by now
				continue
			case <-v.ctx.Done():
				return
			}
		}
		err := v.tryPath()
		v.tell(err)
		v.block(err)
		select {
		case <-v.ctx.Done():
			return
		case <-v.link.Lost():
		case <-after(err):
		}
	}
}

// after is when a failed test is repeated.
func after(err error) <-chan time.Time {
	if err == nil {
		return nil
	}
	return time.After(pathAgain)
}

// tell says in the log what has changed.
func (v *Service) tell(err error) {
	switch before := v.Path(); {
	case err == nil && before != nil:
		v.options.Log.Info("key-value watchers and ordered consumers can be served")
	case err != nil && (before == nil || before.Error() != err.Error()):
		v.options.Log.Error("key-value watchers and ordered consumers cannot be served", "err", err)
	}
}

// tryPath pushes to itself.
func (v *Service) tryPath() error {
	ctx, cancel := context.WithTimeout(v.ctx, pathTimeout)
	defer cancel()
	nc := v.bus.Conn()
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("the test of its leaf-node connection: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection is gone otherwise
	if err := v.awaitListener(ctx, inbox); err != nil {
		return err
	}
	const subject, ack = "$KV.synod.path", "$JS.ACK.KV_synod.path.1.1.1.1.0"
	if err := v.link.Push(inbox, ack+"@"+subject, nil, []byte("path")); err != nil {
		return fmt.Errorf("its leaf-node connection takes no message: %w", err)
	}
	m, err := sub.NextMsgWithContext(ctx)
	switch {
	case err != nil:
		return errors.New("a message that it pushed to itself over its leaf-node connection did not arrive: the user of --leaf must be allowed to publish to _INBOX.>")
	case m.Subject != subject || m.Reply != ack:
		return fmt.Errorf("this NATS server does not deliver what comes from a leaf node as JetStream's: it made %q %q of it", m.Subject, m.Reply)
	}
	return nil
}

// awaitListener waits until the server has told of a subscription of our own.
func (v *Service) awaitListener(ctx context.Context, inbox string) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !v.link.Listens(inbox) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.New("the NATS server does not tell its leaf-node connection who listens to inboxes: the user of --leaf must be in the account of the learners, and be allowed to publish to _INBOX.>")
		}
	}
	return nil
}
