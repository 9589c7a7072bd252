package jsapi

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/consumers"
	"github.com/synod-paxos/synod/streams"
)

// Consumers live in one learner each. What asks for one that lives elsewhere is asked
// of the other learners, and their answer handed on: see peers.go.

var (
	errNoConsumer     = &streams.APIError{Code: 404, ErrCode: 10014, Description: "consumer not found"}
	errStreamMismatch = &streams.APIError{Code: 400, ErrCode: 10056, Description: "stream name in subject does not match request"}
	errEphemeralName  = &streams.APIError{Code: 400, ErrCode: 10020, Description: "consumer expected to be ephemeral but a durable name was set in request"}
	errDurableName    = &streams.APIError{Code: 400, ErrCode: 10017, Description: "durable name in subject does not match durable name in request"}
)

// createConsumer answers CONSUMER.CREATE.<stream>[.<name>[.<filter>]].
func (r *request) createConsumer() error {
	var q consumers.CreateRequest
	if err := r.decode(&q); err != nil {
		return err
	}
	stream, rest, named := strings.Cut(r.tail, ".")
	name, filter, _ := strings.Cut(rest, ".")
	switch {
	case stream != q.Stream:
		return errStreamMismatch
	case !named && q.Config.Durable != "":
		return errEphemeralName
	case named && q.Config.Durable != "" && q.Config.Durable != name:
		return errDurableName
	case named:
		q.Config.Name = name
	}
	if _, err := r.view.Bounds(stream); err != nil {
		return err
	}
	info, err := r.server.options.Consumers.Create(r.view, &q, filter)
	var ours *bus.Error
	if errors.As(err, &ours) && ours.Code == bus.CodeNoPush {
		r.then = func(ctx context.Context) error { return r.createElsewhere(ctx, &q, filter, err) }
		return nil
	}
	if err != nil {
		return err
	}
	return r.respondConsumer(info)
}

// respondConsumer answers with one consumer.
func (r *request) respondConsumer(info *consumers.Info) error {
	return r.respond(struct {
		Type string `json:"type"`
		*consumers.Info
	}{r.typeName(), info})
}

// named is the stream and the consumer of the subject, and an error when there is no
// such stream.
func (r *request) named() (stream, name string, err error) {
	stream, name, _ = strings.Cut(r.tail, ".")
	_, err = r.view.Bounds(stream)
	return stream, name, err
}

// consumerInfo answers CONSUMER.INFO.<stream>.<name>.
func (r *request) consumerInfo() error {
	stream, name, err := r.named()
	if err != nil {
		return err
	}
	info, err := r.server.options.Consumers.Info(r.view, stream, name)
	if err != nil {
		return err
	}
	if info != nil {
		return r.respondConsumer(info)
	}
	r.then = func(ctx context.Context) error {
		answer, err := r.server.askOne(ctx, &question{Op: opInfo, Stream: stream, Name: name})
		if err != nil {
			return err
		}
		if answer == nil || len(answer.Infos) == 0 {
			return errNoConsumer
		}
		return r.respondConsumer(answer.Infos[0])
	}
	return nil
}

// deleteConsumer answers CONSUMER.DELETE.<stream>.<name>.
func (r *request) deleteConsumer() error {
	stream, name, err := r.named()
	if err != nil {
		return err
	}
	success := struct {
		Type    string `json:"type"`
		Success bool   `json:"success"`
	}{r.typeName(), true}
	if r.server.options.Consumers.Delete(stream, name) {
		return r.respond(success)
	}
	r.then = func(ctx context.Context) error {
		answer, err := r.server.askOne(ctx, &question{Op: opDelete, Stream: stream, Name: name})
		if err != nil {
			return err
		}
		if answer == nil {
			return errNoConsumer
		}
		return r.respond(success)
	}
	return nil
}

// gather calls answer with the consumers of a stream in all learners, sorted.
func (r *request) gather(answer func(offset int, all []*consumers.Info) error) error {
	var q struct {
		Offset int `json:"offset"`
	}
	if err := r.decode(&q); err != nil {
		return err
	}
	stream, _, err := r.named()
	if err != nil {
		return err
	}
	all, err := r.server.options.Consumers.List(r.view, stream)
	if err != nil {
		return err
	}
	r.then = func(ctx context.Context) error {
		others, err := r.server.askAll(ctx, &question{Op: opList, Stream: stream})
		if err != nil {
			return err
		}
		for _, a := range others {
			all = append(all, a.Infos...)
		}
		slices.SortFunc(all, func(a, b *consumers.Info) int { return strings.Compare(a.Name, b.Name) })
		return answer(q.Offset, all)
	}
	return nil
}

// consumerNames answers CONSUMER.NAMES.<stream>.
func (r *request) consumerNames() error {
	return r.gather(func(offset int, all []*consumers.Info) error {
		names := make([]string, len(all))
		for i, c := range all {
			names[i] = c.Name
		}
		part, p := cut(names, offset, namesLimit)
		return r.respond(struct {
			Type string `json:"type"`
			page
			Consumers []string `json:"consumers"`
		}{r.typeName(), p, part})
	})
}

// consumerList answers CONSUMER.LIST.<stream>.
func (r *request) consumerList() error {
	return r.gather(func(offset int, all []*consumers.Info) error {
		part, p := cut(all, offset, listLimit)
		return r.respond(struct {
			Type string `json:"type"`
			page
			Consumers []*consumers.Info `json:"consumers"`
		}{r.typeName(), p, append([]*consumers.Info{}, part...)})
	})
}

// createElsewhere lets another learner make the consumer that this one cannot serve.
// why is what its client is told when there is none that can.
func (r *request) createElsewhere(ctx context.Context, q *consumers.CreateRequest, filter string, why error) error {
	able, err := r.server.askOne(ctx, &question{Op: opPush})
	if err != nil || able == nil {
		return errors.Join(why, err)
	}
	answer, err := r.server.askOne(ctx, &question{Op: opCreate, To: able.From, Create: q, Filter: filter})
	switch {
	case err != nil || answer == nil:
		return errors.Join(why, err)
	case answer.Error != nil:
		return answer.Error
	case answer.Refused != nil:
		return answer.Refused
	case len(answer.Infos) == 0:
		return why
	}
	return r.respondConsumer(answer.Infos[0])
}

// mustJSON is v as JSON, where it always has one.
func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("jsapi: no JSON: " + err.Error()) // strings, numbers and times always have
	}
	return data
}
