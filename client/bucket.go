package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// A Bucket is a key-value bucket, the same that JetStream's clients see through the
// prefix "<prefix>.<cluster>.api". Every change is durable when its call returns, and
// every Get sees all changes whose calls returned before it began, unless it asks
// for less. Its methods may be called from any goroutine. To list keys or watch them, use
// nats.go's jetstream package with that prefix.
//
// A key is one or more letters, digits and any of "-_/=.", with no dot at an end or beside
// another; the error for any other matches [ErrName]. A value may be empty. With its key it
// fits one NATS message: what is larger is not done. Concurrent changes happen in some
// order, the same for everybody.
type Bucket struct {
	client *Client
	name   string
	window time.Duration // for which copies of a change are sent
}

// BucketConfig says what a bucket keeps. The zero BucketConfig keeps the last value
// of every key for ever. What is out of range is not done.
type BucketConfig struct {
	History int           // values kept of each key, 1 to 64; 0: 1
	TTL     time.Duration // of a value, in log time; 0: for ever
	MaxSize int64         // bytes that the bucket may hold; 0: no limit
}

// check reports everything that is out of range.
func (c *BucketConfig) check() error {
	var errs []error
	if c.History < 0 || c.History > 64 {
		errs = append(errs, fmt.Errorf("a history of %d values: want 1 to 64, or 0 for 1", c.History))
	}
	if c.TTL < 0 {
		errs = append(errs, fmt.Errorf("a TTL of %s: want more than 0, or 0 for none", c.TTL))
	}
	if c.MaxSize < 0 {
		errs = append(errs, fmt.Errorf("at most %d bytes: want more than 0, or 0 for no limit", c.MaxSize))
	}
	return errors.Join(errs...)
}

// Entry is a value of a key.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64    // number of the change in the bucket, from 1
	Created  time.Time // log time of the change
	Position Position  // of the state that was read
	subject  string
	deleted  bool
}

// streamConfig is the part of JetStream's stream configuration that a bucket needs.
type streamConfig struct {
	Name        string        `json:"name"`
	Subjects    []string      `json:"subjects"`
	MaxMsgsPer  int64         `json:"max_msgs_per_subject"`
	MaxBytes    int64         `json:"max_bytes,omitempty"`
	MaxAge      time.Duration `json:"max_age,omitempty"`
	Discard     string        `json:"discard"`
	Duplicates  time.Duration `json:"duplicate_window,omitempty"`
	DenyDelete  bool          `json:"deny_delete"`
	AllowRollup bool          `json:"allow_rollup_hdrs"`
	AllowDirect bool          `json:"allow_direct"`
}

type streamAnswer struct {
	Config streamConfig `json:"config"`
}

// CreateBucket makes the bucket name, 1 to 252 of a-z, A-Z, 0-9, '-' and '_', and is
// content when it exists with the same configuration. With another one the error
// matches [ErrConflict].
func (c *Client) CreateBucket(ctx context.Context, name string, config BucketConfig) (*Bucket, error) {
	if err := errors.Join(checkBucket(name), config.check()); err != nil {
		return nil, &Error{Op: "create bucket " + name, Outcome: bus.NotDone, Err: err}
	}
	stream := streamOf(name)
	data, err := json.Marshal(streamConfig{
		Name: stream, Subjects: []string{"$KV." + name + ".>"}, MaxMsgsPer: int64(max(1, config.History)),
		MaxBytes: config.MaxSize, MaxAge: config.TTL, Discard: "new",
		DenyDelete: true, AllowRollup: true, AllowDirect: true,
	})
	if err != nil {
		return nil, &Error{Op: "create bucket " + name, Outcome: bus.NotDone, Err: err}
	}
	// Making a bucket twice is making it once, so a copy does no harm.
	o := &message{
		op: "create bucket " + name, subject: "api.STREAM.CREATE." + stream,
		header: nats.Header{}, data: data, window: forever,
	}
	r, settled, err := c.do(ctx, o)
	if err != nil {
		return nil, err
	}
	var a streamAnswer
	if err := parseAPI(r.data, &a); err != nil {
		return nil, c.refusal(o, r, settled, nameInUse(err))
	}
	return c.bucket(name, a.Config), nil
}

const codeNameInUse = 10058

// nameInUse makes the error of a bucket that exists otherwise a conflict.
func nameInUse(err error) error {
	var e *bus.Error
	if errors.As(err, &e) && e.Code == codeNameInUse {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// Bucket is the existing bucket name. When there is none the error matches
// [ErrNotFound].
func (c *Client) Bucket(ctx context.Context, name string) (*Bucket, error) {
	op := "open bucket " + name
	if err := checkBucket(name); err != nil {
		return nil, &Error{Op: op, Outcome: bus.NotDone, Err: err}
	}
	r, err := c.read(ctx, op, "STREAM.INFO."+streamOf(name), nil, nil)
	if err != nil {
		return nil, err
	}
	var a streamAnswer
	if err := parseAPI(r.data, &a); err != nil {
		return nil, &Error{Op: op, Outcome: bus.NotDone, Err: err}
	}
	return c.bucket(name, a.Config), nil
}

// DeleteBucket removes the bucket name with all that is in it, for ever. When there
// is none the error matches [ErrNotFound].
func (c *Client) DeleteBucket(ctx context.Context, name string) error {
	op := "delete bucket " + name
	if err := checkBucket(name); err != nil {
		return &Error{Op: op, Outcome: bus.NotDone, Err: err}
	}
	o := &message{op: op, subject: "api.STREAM.DELETE." + streamOf(name), header: nats.Header{}, window: forever}
	r, settled, err := c.do(ctx, o)
	if err != nil {
		return err
	}
	if err := parseAPI(r.data, &struct{}{}); err != nil && (settled || !errors.Is(err, ErrNotFound)) {
		return c.refusal(o, r, settled, err)
	}
	return nil // a copy that found none came after the one that removed it, or there was none
}

func (c *Client) bucket(name string, config streamConfig) *Bucket {
	return &Bucket{client: c, name: name, window: config.Duplicates / 2}
}

func streamOf(bucket string) string { return "KV_" + bucket }

// Name is the bucket's name.
func (b *Bucket) Name() string { return b.name }

// Put sets key to value, whatever it had. Where the bucket is full (its MaxSize), it is
// not done.
func (b *Bucket) Put(ctx context.Context, key string, value []byte) (Ack, error) {
	return b.change(ctx, "put", key, value, nats.Header{})
}

// Create sets key to value if the key has none. If it has, the error matches
// [ErrConflict]. A key that was deleted has none.
func (b *Bucket) Create(ctx context.Context, key string, value []byte) (Ack, error) {
	ack, err := b.update(ctx, "create", key, value, 0)
	if !errors.Is(err, ErrConflict) || !errors.Is(err, ErrNotDone) {
		return ack, err
	}
	last, readErr := b.entry(ctx, "create", key, 0, nil)
	if readErr != nil || !last.deleted {
		return ack, err
	}
	return b.update(ctx, "create", key, value, last.Revision)
}

// Update sets key to value if the last change of key has the revision last; 0: if
// there was none, not even a deletion. If it has another, the error matches
// [ErrConflict].
func (b *Bucket) Update(ctx context.Context, key string, value []byte, last uint64) (Ack, error) {
	return b.update(ctx, "update", key, value, last)
}

func (b *Bucket) update(ctx context.Context, op, key string, value []byte, last uint64) (Ack, error) {
	return b.change(ctx, op, key, value, expecting(last))
}

func expecting(last uint64) nats.Header {
	return nats.Header{nats.ExpectedLastSubjSeqHdr: {strconv.FormatUint(last, 10)}}
}

// Delete removes key's value. It is done also when there is none.
func (b *Bucket) Delete(ctx context.Context, key string) (Ack, error) {
	return b.change(ctx, "delete", key, nil, nats.Header{"KV-Operation": {"DEL"}})
}

// DeleteAt removes key's value if the last change of key has the revision last. If
// it has another, the error matches [ErrConflict].
func (b *Bucket) DeleteAt(ctx context.Context, key string, last uint64) (Ack, error) {
	header := expecting(last)
	header.Set("KV-Operation", "DEL")
	return b.change(ctx, "delete", key, nil, header)
}

func (b *Bucket) change(ctx context.Context, op, key string, value []byte, header nats.Header) (Ack, error) {
	o := &message{
		op: op + " " + b.name + "/" + key, stream: streamOf(b.name), subject: "api." + b.subject(key),
		header: header, data: value, window: b.window,
	}
	if err := checkKey(key); err != nil {
		return Ack{}, &Error{Op: o.op, Outcome: bus.NotDone, Err: err}
	}
	return b.client.publish(ctx, o)
}

func (b *Bucket) subject(key string) string { return "$KV." + b.name + "." + key }

// Get is the value of key: linearizable, unless options ask for less. When the key
// has none the error matches [ErrNotFound].
func (b *Bucket) Get(ctx context.Context, key string, options ...ReadOption) (*Entry, error) {
	return b.get(ctx, key, 0, options)
}

// GetRevision is the value that the change of this revision gave key; buckets keep as many
// as their History says. When there is none any more, or it was of another key, the error matches [ErrNotFound].
func (b *Bucket) GetRevision(ctx context.Context, key string, revision uint64, options ...ReadOption) (*Entry, error) {
	if revision == 0 {
		revision = math.MaxUint64 // no change has the revision 0
	}
	return b.get(ctx, key, revision, options)
}

func (b *Bucket) get(ctx context.Context, key string, revision uint64, options []ReadOption) (*Entry, error) {
	e, err := b.entry(ctx, "get", key, revision, options)
	if err == nil && e.deleted {
		err = &Error{Op: b.op("get", key), Outcome: bus.NotDone, Position: e.Position, Err: fmt.Errorf("%w: it was deleted", ErrNotFound)}
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (b *Bucket) op(word, key string) string { return word + " " + b.name + "/" + key }

// entry is the last change of key, or the one of this revision, deletions included.
func (b *Bucket) entry(ctx context.Context, word, key string, revision uint64, options []ReadOption) (*Entry, error) {
	op := b.op(word, key)
	if err := checkKey(key); err != nil {
		return nil, &Error{Op: op, Outcome: bus.NotDone, Err: err}
	}
	o := &message{op: op, subject: "api.DIRECT.GET." + streamOf(b.name), read: &reading{stream: streamOf(b.name)}}
	if revision == 0 {
		o.read.Subject = b.subject(key)
		o.subject += "." + o.read.Subject
	} else {
		o.read.Seq = revision
		o.data = []byte(`{"seq":` + strconv.FormatUint(revision, 10) + `}`)
	}
	r, err := b.client.readOne(ctx, o, options)
	if err != nil {
		return nil, err
	}
	e, err := directFrom(r)
	if err == nil && revision == 0 && e.subject == "" { // it was not said, since it was asked for
		e.subject = b.subject(key)
	}
	if err == nil && e.subject != b.subject(key) {
		err = fmt.Errorf("%w: revision %d is of another key", ErrNotFound, revision)
	}
	if err != nil {
		return nil, &Error{Op: op, Outcome: bus.NotDone, Position: r.position, Err: err}
	}
	e.Key = key
	return e, nil
}

// ErrName is matched by the error of a bucket or key whose name is none.
var ErrName = errors.New("invalid name")

func checkBucket(name string) error {
	if name == "" || len(name) > 252 || strings.ContainsFunc(name, func(r rune) bool { return !isWord(r) }) {
		return fmt.Errorf("%w: bucket %q: want 1 to 252 of a-z, A-Z, 0-9, '-' and '_'", ErrName, name)
	}
	return nil
}

func checkKey(key string) error {
	bad := func(r rune) bool { return !isWord(r) && r != '/' && r != '=' && r != '.' }
	if key == "" || strings.ContainsFunc(key, bad) || strings.Contains("."+key+".", "..") {
		return fmt.Errorf("%w: key %q: want letters, digits and any of -_/=. with no dot at an end or beside another", ErrName, key)
	}
	return nil
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
