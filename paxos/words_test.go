package paxos

import (
	"fmt"
	"reflect"
	"testing"
)

// TestEveryKindHasAName: names are what logs, metrics and status show.
func TestEveryKindHasAName(t *testing.T) {
	for _, c := range []struct {
		what fmt.Stringer
		want string
	}{
		{ProposerRole, "proposer"}, {AcceptorRole, "acceptor"}, {LearnerRole, "learner"}, {OperatorRole, "operator"}, {Role(0), "role0"}, {Role(9), "role9"},
		{Noop, "noop"}, {Batch, "batch"}, {Reconfigure, "reconfigure"}, {ValueKind(9), "kind9"},
		{Overloaded, "overloaded"}, {NotLeader, "not leader"}, {TooLarge, "too large"}, {NoProgress, "no progress"}, {NotAllowed, "not allowed"}, {RefusalReason(9), "reason9"},
		{Foreign, "foreign"}, {NotMember, "not_member"}, {OldDisk, "old_disk"}, {OtherConfig, "other_config"}, {Extreme, "extreme"},
		{Stale, "stale"}, {Unfounded, "unfounded"}, {Twin, "twin"}, {Inconsistent, "inconsistent"}, {DropReason(0), "drop0"}, {DropReason(99), "drop99"},
	} {
		if got := c.what.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestHeartbeatContradicts: a leader has used all slots that it says are chosen, and may
// have used no more.
func TestHeartbeatContradicts(t *testing.T) {
	for below, want := range map[Slot]bool{6: false, 7: false, 8: true} {
		if m := (Heartbeat{Chosen: Chosen{Below: below}, Next: 7}); m.Contradicts() != want {
			t.Errorf("chosen below %d of those below 7: contradicts %t, want %t", below, !want, want)
		}
	}
}

// TestValueEqual: a recovered value must be the same to the byte, so every field counts.
func TestValueEqual(t *testing.T) {
	v := Value{Kind: Batch, Stamp: 5, Answerer: "l1", Body: []byte("x")}
	if same := v; !v.Equal(same) || !(Value{}).Equal(Value{Body: []byte{}}) {
		t.Error("a value differs from itself")
	}
	for _, o := range []Value{
		{Kind: Noop, Stamp: 5, Answerer: "l1", Body: []byte("x")},
		{Kind: Batch, Stamp: 6, Answerer: "l1", Body: []byte("x")},
		{Kind: Batch, Stamp: 5, Answerer: "l2", Body: []byte("x")},
		{Kind: Batch, Stamp: 5, Answerer: "l1", Body: []byte("y")},
	} {
		if v.Equal(o) {
			t.Errorf("%+v equals %+v", v, o)
		}
	}
	if v.Size() < len(v.Body)+len(v.Answerer)+9 || v.Size() > len(v.Body)+100 {
		t.Errorf("a value of %d bytes says it has %d", len(v.Body), v.Size())
	}
}

// TestEffectsReset leaves nothing behind but the memory. It knows no field by name,
// so a field that Reset forgets is found.
func TestEffectsReset(t *testing.T) {
	var e Effects
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 3, 5))
		case reflect.Bool:
			f.SetBool(true)
		default:
			f.SetString("stop")
		}
	}
	e.Reset()
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if f.Kind() == reflect.Slice && f.Len() != 0 || f.Kind() != reflect.Slice && !f.IsZero() {
			t.Errorf("%s is not empty", name)
		}
		if f.Kind() == reflect.Slice && f.Cap() != 5 {
			t.Errorf("%s lost its memory", name)
		}
	}
}
