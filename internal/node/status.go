package node

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// answerStatus answers whoever asks how the role does: all roles at once on
// operator.status, and this one as a NATS micro service.
func (n *common) answerStatus(report func() Report) error {
	l, err := n.bus.ServeClients("", []string{n.bus.Subjects().Status()}, func(m *nats.Msg) {
		if _, ours := n.bus.Subjects().Relative(m.Reply); ours || m.Reply == "" {
			return // nobody waits for it, or the answer would speak as this role
		}
		if err := m.Respond(reportJSON(report())); err != nil {
			n.log.Warn("status not sent", "err", err)
		}
	})
	if err != nil {
		return err
	}
	n.stack.push("status", l.Stop)
	return n.addService(report)
}

// addService makes the role show up in `nats micro ls`.
func (n *common) addService(report func() Report) error {
	role := n.self.Role.String()
	s, err := micro.AddService(n.bus.Conn(), micro.Config{
		Name: "synod-" + role, Version: Version(), Description: "Synod " + role,
		Metadata:           map[string]string{"id": string(n.self.ID), "cluster": n.cluster, "version": Version()},
		QueueGroupDisabled: true,
		Endpoint: &micro.EndpointConfig{
			Subject: fmt.Sprintf("%s.%s.%s", n.bus.Subjects().Status(), role, n.self.ID),
			Handler: micro.HandlerFunc(func(r micro.Request) {
				if _, ours := n.bus.Subjects().Relative(r.Reply()); ours {
					return
				}
				if err := r.Respond(reportJSON(report())); err != nil {
					n.log.Warn("status not sent", "err", err)
				}
			}),
		},
	})
	if err != nil {
		return fmt.Errorf("NATS micro service: %w", err)
	}
	n.stack.push("micro service", s.Stop)
	return nil
}

func reportJSON(r Report) []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic("node: a report has no JSON: " + err.Error()) // strings, numbers and times always have
	}
	return data
}
