package jsapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus/bustest"
)

// A session is what a client does and is told, line by line. The same session is held
// with Synod and with a real JetStream.
type session struct {
	t     *testing.T
	js    jetstream.JetStream
	ctx   context.Context
	lines []string
}

// say notes what came of an operation.
func (s *session) say(what string, values ...any) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", what)
	for _, v := range values {
		fmt.Fprintf(&b, " %s", tell(v))
	}
	s.lines = append(s.lines, b.String())
}

// tell is v as a client sees it, less times and random names.
func tell(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case error:
		return "error " + v.Error()
	case jetstream.KeyValueEntry:
		if reflect.ValueOf(v).IsNil() {
			return "none"
		}
		return fmt.Sprintf("[%s %s %d %s %q left %d timed %v]", v.Bucket(), v.Key(), v.Revision(), v.Operation(), v.Value(), v.Delta(), !v.Created().IsZero())
	case []jetstream.KeyValueEntry:
		var all []string
		for _, e := range v {
			all = append(all, tell(e))
		}
		return strings.Join(all, ",")
	default:
		return fmt.Sprintf("%v", v)
	}
}

// bucket makes a bucket.
func (s *session) bucket(config jetstream.KeyValueConfig) jetstream.KeyValue {
	s.t.Helper()
	kv, err := s.js.CreateKeyValue(s.ctx, config)
	if err != nil {
		s.t.Fatal(err)
	}
	return kv
}

// updates takes n updates of a watcher, nil markers included.
func (s *session) updates(w jetstream.KeyWatcher, n int) {
	s.t.Helper()
	for range n {
		select {
		case e := <-w.Updates():
			s.say("  update", e)
		case <-s.ctx.Done():
			s.t.Fatalf("no update; so far\n%s", strings.Join(s.lines, "\n"))
		}
	}
}

// both holds a session with Synod and with JetStream, and compares them.
func both(t *testing.T, hold func(s *session)) {
	w := newWorld(t)
	w.learner(t, "l1", true)
	ours, err := jetstream.NewWithAPIPrefix(w.client(t), prefix)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := jetstream.New(bustest.JetStream(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	a, b := &session{t: t, js: ours, ctx: ctx}, &session{t: t, js: theirs, ctx: ctx}
	hold(b)
	hold(a)
	for i := range max(len(a.lines), len(b.lines)) {
		have, want := "(nothing)", "(nothing)"
		if i < len(a.lines) {
			have = a.lines[i]
		}
		if i < len(b.lines) {
			want = b.lines[i]
		}
		if have != want {
			t.Errorf("line %d\nSynod:     %s\nJetStream: %s", i, have, want)
		}
	}
}

// fill puts a few keys, with changes and deletions among them.
func (s *session) fill(kv jetstream.KeyValue) {
	s.t.Helper()
	for i := range 12 {
		if _, err := kv.Put(s.ctx, fmt.Sprintf("k%d", i%4), fmt.Appendf(nil, "value %d", i)); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, err := range []error{kv.Delete(s.ctx, "k1"), kv.Purge(s.ctx, "k2"), put(s, kv, "a.b.c", "deep"), put(s, kv, "a.b.d", "deeper"), put(s, kv, "a.x", "")} {
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func put(s *session, kv jetstream.KeyValue, key, value string) error {
	_, err := kv.Put(s.ctx, key, []byte(value))
	return err
}

// TestKeyValueOperations: every operation of the client and its errors.
func TestKeyValueOperations(t *testing.T) {
	both(t, func(s *session) {
		ctx := s.ctx
		_, err := s.js.KeyValue(ctx, "b")
		s.say("no bucket", err)
		s.say("delete no bucket", s.js.DeleteKeyValue(ctx, "b"))
		_, err = s.js.UpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "b"})
		s.say("update no bucket", err)
		kv := s.bucket(jetstream.KeyValueConfig{Bucket: "b", History: 5, Description: "of the tests"})
		_, err = s.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "b", History: 5, Description: "of the tests"})
		s.say("again", err)
		_, err = s.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "b", History: 7})
		s.say("again, otherwise", err)
		_, err = s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "b", History: 6})
		s.say("update", err)
		for _, key := range []string{"k", "a.b", ".bad", "bad.", "b d", ""} {
			revision, err := kv.Put(ctx, key, []byte("v1"))
			s.say("put "+key, revision, err)
			entry, err := kv.Get(ctx, key)
			s.say("get "+key, entry, err)
		}
		_, err = kv.Get(ctx, "none")
		s.say("get none", err)
		_, err = kv.GetRevision(ctx, "k", 99)
		s.say("get revision 99", err)
		e, err := kv.GetRevision(ctx, "k", 1)
		s.say("get revision 1", e, err)
		_, err = kv.GetRevision(ctx, "k", 2)
		s.say("get another key's revision", err)
		revision, err := kv.Create(ctx, "k", []byte("v2"))
		s.say("create what exists", revision, err)
		revision, err = kv.Create(ctx, "c", []byte("v1"))
		s.say("create", revision, err)
		revision, err = kv.Update(ctx, "c", []byte("v2"), revision)
		s.say("update", revision, err)
		_, err = kv.Update(ctx, "c", []byte("v3"), 1)
		s.say("update an old revision", err)
		s.say("delete an old revision", kv.Delete(ctx, "c", jetstream.LastRevision(1)))
		s.say("delete", kv.Delete(ctx, "c", jetstream.LastRevision(revision)))
		_, err = kv.Get(ctx, "c")
		s.say("get what is deleted", err)
		revision, err = kv.Create(ctx, "c", []byte("v4"))
		s.say("create what was deleted", revision, err)
		s.say("purge an old revision", kv.Purge(ctx, "c", jetstream.LastRevision(1)))
		s.say("purge", kv.Purge(ctx, "c"))
		_, err = kv.Create(ctx, "ttl", []byte("v"), jetstream.KeyTTL(time.Minute))
		s.say("create with a time to live, without markers", err)
		status, err := kv.Status(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		s.say("status", status.Bucket(), status.Values(), status.History(), status.TTL(), status.BackingStore(), status.IsCompressed(), status.Bytes() > 0)
		s.bucket(jetstream.KeyValueConfig{Bucket: "other", MaxValueSize: 10, MaxBytes: 200})
		for l := s.js.KeyValueStoreNames(ctx); ; {
			name, ok := <-l.Name()
			if !ok {
				s.say("names end", l.Error())
				break
			}
			s.say("name", name)
		}
		for l := s.js.KeyValueStores(ctx); ; {
			status, ok := <-l.Status()
			if !ok {
				s.say("stores end", l.Error())
				break
			}
			s.say("store", status.Bucket(), status.Values())
		}
		other, err := s.js.KeyValue(ctx, "other")
		s.say("bind", err)
		_, err = other.Put(ctx, "k", make([]byte, 11))
		s.say("too large", err)
		for i := range 6 {
			_, err = other.Put(ctx, fmt.Sprintf("k%d", i), make([]byte, 10))
			s.say("until it is full", err)
		}
		s.say("delete the bucket", s.js.DeleteKeyValue(ctx, "other"))
		_, err = other.Get(ctx, "k")
		s.say("get of no bucket", err)
	})
}

// watches is every option of Watch.
func watches() map[string][]jetstream.WatchOpt {
	return map[string][]jetstream.WatchOpt{
		"plain":                   nil,
		"history":                 {jetstream.IncludeHistory()},
		"no deletes":              {jetstream.IgnoreDeletes()},
		"meta only":               {jetstream.MetaOnly()},
		"updates only":            {jetstream.UpdatesOnly()},
		"resume":                  {jetstream.ResumeFromRevision(9)},
		"resume at the end":       {jetstream.ResumeFromRevision(18)},
		"resume beyond":           {jetstream.ResumeFromRevision(100_000)},
		"history and meta":        {jetstream.IncludeHistory(), jetstream.MetaOnly()},
		"no deletes in history":   {jetstream.IncludeHistory(), jetstream.IgnoreDeletes()},
		"updates without deletes": {jetstream.UpdatesOnly(), jetstream.IgnoreDeletes()},
	}
}

// TestKeyValueWatches: every option with every sort of filter, on buckets with and
// without history, before and after changes.
func TestKeyValueWatches(t *testing.T) {
	for _, history := range []uint8{1, 3} {
		for _, keys := range [][]string{{">"}, {"k1"}, {"a.*.c"}, {"none"}, {"k0", "a.>"}} {
			t.Run(fmt.Sprintf("history %d, keys %v", history, keys), func(t *testing.T) {
				both(t, func(s *session) {
					kv := s.bucket(jetstream.KeyValueConfig{Bucket: "b", History: history})
					s.fill(kv)
					for _, name := range slices.Sorted(keysOf(watches())) {
						s.watch(kv, name, keys, watches()[name])
					}
				})
			})
		}
	}
}

// watch watches from before some changes until after them.
func (s *session) watch(kv jetstream.KeyValue, name string, keys []string, options []jetstream.WatchOpt) {
	s.t.Helper()
	w, err := kv.WatchFiltered(s.ctx, slices.Clone(keys), options...) // it writes into what it is given
	s.say("watch "+name, err)
	if err != nil {
		return
	}
	if !strings.Contains(name, "updates") {
		for done := false; !done; {
			select {
			case e := <-w.Updates():
				s.say("  initial", e)
				done = e == nil
			case <-s.ctx.Done():
				s.t.Fatalf("no end of the initial values; so far\n%s", strings.Join(s.lines, "\n"))
			}
		}
	}
	for _, key := range []string{"k0", "k1", "a.b.c", "-k0", "none"} {
		key, deletes := strings.CutPrefix(key, "-")
		err := error(nil)
		if deletes {
			err = kv.Delete(s.ctx, key)
		} else {
			err = put(s, kv, key, name)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		// One at a time: the next change may remove what this one put.
		if matchesAny(keys, key) && name != "resume beyond" && !(deletes && strings.Contains(name, "deletes")) {
			s.updates(w, 1)
		}
	}
	s.say("  stop", w.Stop())
}

func matchesAny(keys []string, key string) bool {
	for _, k := range keys {
		if k == ">" || k == key || k == "a.>" && strings.HasPrefix(key, "a.") || k == "a.*.c" && key == "a.b.c" {
			return true
		}
	}
	return false
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestKeyValueLists: keys, history and the purge of deletes.
func TestKeyValueLists(t *testing.T) {
	for _, history := range []uint8{1, 4} {
		both(t, func(s *session) {
			ctx := s.ctx
			kv := s.bucket(jetstream.KeyValueConfig{Bucket: "b", History: history})
			keys, err := kv.Keys(ctx)
			s.say("keys of nothing", keys, err)
			_, err = kv.History(ctx, "k1")
			s.say("history of nothing", err)
			s.fill(kv)
			keys, err = kv.Keys(ctx)
			s.say("keys", keys, err)
			for _, filters := range [][]string{{"k*"}, {"a.>"}, {"k0", "a.b.*"}, {"none"}, {"k0", "*"}} {
				l, err := kv.ListKeysFiltered(ctx, filters...)
				s.say("list", filters, err)
				if err != nil {
					continue
				}
				for key := range l.Keys() {
					s.say("  key", key)
				}
			}
			for _, key := range []string{"k0", "k1", "k2", "none", "a.*"} {
				entries, err := kv.History(ctx, key)
				s.say("history of "+key, entries, err)
			}
			s.say("purge deletes that are old", kv.PurgeDeletes(ctx))
			s.say("purge deletes", kv.PurgeDeletes(ctx, jetstream.DeleteMarkersOlderThan(-1)))
			entries, err := kv.History(ctx, "k1")
			s.say("history of k1", entries, err)
			status, err := kv.Status(ctx)
			if err != nil {
				s.t.Fatal(err)
			}
			s.say("values", status.Values())
		})
	}
}

// TestConsumerInfo: what a client is told of a watcher's consumer, as JSON.
func TestConsumerInfo(t *testing.T) {
	both(t, func(s *session) {
		kv := s.bucket(jetstream.KeyValueConfig{Bucket: "b", History: 3})
		s.fill(kv)
		stream, err := s.js.Stream(s.ctx, "KV_b")
		if err != nil {
			s.t.Fatal(err)
		}
		for _, c := range []jetstream.ConsumerConfig{
			{Name: "all", FilterSubject: "$KV.b.>"},
			{Name: "last", DeliverPolicy: jetstream.DeliverLastPolicy},
			{Name: "new", DeliverPolicy: jetstream.DeliverNewPolicy, FilterSubject: "$KV.b.k1"},
			{Name: "each", DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, FilterSubject: "$KV.b.>"},
			{Name: "from", DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 8, FilterSubjects: []string{"$KV.b.k0", "$KV.b.k3"}},
		} {
			c.AckPolicy, c.InactiveThreshold = jetstream.AckNonePolicy, time.Minute
			consumer, err := stream.CreateConsumer(s.ctx, c)
			s.say("create "+c.Name, err)
			if err != nil {
				continue
			}
			info, err := consumer.Info(s.ctx)
			if err != nil {
				s.t.Fatal(err)
			}
			text, _ := json.Marshal(withoutVolatile(*info))
			s.say("  info", string(text))
			_, err = stream.CreateConsumer(s.ctx, c)
			s.say("  again", err)
			c.HeadersOnly = true
			_, err = stream.CreateConsumer(s.ctx, c)
			s.say("  again, otherwise", err)
		}
		for l := stream.ConsumerNames(s.ctx); ; {
			name, ok := <-l.Name()
			if !ok {
				s.say("names end", l.Err())
				break
			}
			s.say("name", name)
		}
		s.say("delete", stream.DeleteConsumer(s.ctx, "all"))
		s.say("delete again", stream.DeleteConsumer(s.ctx, "all"))
		_, err = stream.Consumer(s.ctx, "all")
		s.say("find", err)
		_, err = s.js.Consumer(s.ctx, "NONE", "all")
		s.say("find in no stream", err)
	})
}

// withoutVolatile drops times, and what only a server of JetStream adds.
func withoutVolatile(i jetstream.ConsumerInfo) jetstream.ConsumerInfo {
	i.Created, i.TimeStamp, i.Cluster, i.Config.Metadata = time.Time{}, time.Time{}, nil, nil
	i.Delivered.Last, i.AckFloor.Last = nil, nil
	return i
}
