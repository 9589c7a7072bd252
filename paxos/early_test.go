package paxos

import (
	"reflect"
	"testing"
)

// TestEarlyMessagesClaimNothingNew: a LeaderReport may overtake records that are not
// durable yet, and repeats the claims of what left before them.
func TestEarlyMessagesClaimNothingNew(t *testing.T) {
	old, risen := Ballot{Round: 3, Proposer: "p1"}, Ballot{Round: 4, Proposer: "p2"}
	message := func(config uint64, promised Ballot, m Message) Envelope {
		return Envelope{Config: config, From: Sender{ID: "a1", Promised: promised}, Msg: m}
	}
	send := func() []Envelope {
		return []Envelope{message(2, risen, Promise{}), message(2, risen, LeaderReport{Nonce: 5}), message(2, risen, Nack{})}
	}
	var r Early
	if early, rest := r.Take(send()); early != nil || len(rest) != 3 {
		t.Errorf("before anything left: %v overtake %v", early, rest)
	}
	first := message(1, old, Hello{})
	r.Released(&first)
	early, rest := r.Take(send())
	if want := []Envelope{message(1, old, LeaderReport{Nonce: 5})}; !reflect.DeepEqual(early, want) {
		t.Errorf("%+v overtake, want %+v", early, want)
	}
	if want := []Envelope{message(2, risen, Promise{}), message(2, risen, Nack{})}; !reflect.DeepEqual(rest, want) {
		t.Errorf("%+v wait, want %+v", rest, want)
	}
}
