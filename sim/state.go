package sim

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
	"github.com/synod-paxos/synod/streams"
	"github.com/synod-paxos/synod/streams/command"
)

// state is the built-in state machine, as learners have it, on a disk in memory. It
// goes along with the simulated one where clients have sessions.
type state struct {
	disk    *storagetest.Disk
	machine *streams.Machine
}

const stateDir = "state"

// stateOptions have all that a run writes fit into memory: only Sync makes it durable, so
// a crash loses the same in every run of a plan. There are many syncs and little in each:
// merging the tables soon would take a fifth of all the time.
func stateOptions(d *storagetest.Disk) streams.Options {
	return streams.Options{FS: d.FS(), CacheBytes: 1 << 20, MemTableBytes: 4 << 20, Tables: 20}
}

// must panics where the disk in memory does not what it is asked: a mutant, or a bug.
func must(what string, err error) {
	if err != nil {
		panic(fmt.Sprintf("sim: %s: %v", what, err))
	}
}

func newState() *state {
	s := &state{disk: storagetest.NewDisk()}
	s.open()
	return s
}

func (s *state) open() {
	var err error
	s.machine, err = streams.Open(stateDir, stateOptions(s.disk))
	must("open a state", err)
}

func (s *state) close() { must("close a state", s.machine.Close()) }

// apply takes in the next slot, and returns the replies to its commands. The newest rules
// are in force from the first slot on.
func (s *state) apply(d paxos.Decision) []streams.Reply {
	var messages []streams.Message
	if d.Slot == 1 {
		messages = append(messages, streams.Message{Subject: "operator.upgrade", Data: []byte{streams.MaxVersion}})
	}
	for _, c := range commandsOf(d.Value) {
		messages = append(messages, streams.Message{Subject: c.Subject, Header: c.Header, Data: c.Data})
	}
	replies, err := s.machine.Apply(uint64(d.Slot), int64(d.Value.Stamp), messages)
	must("apply", err)
	return replies[len(messages)-len(commandsOf(d.Value)):]
}

func (s *state) sync() {
	_, err := s.machine.Sync()
	must("sync a state", err)
}

// lose takes the state back to what is durable.
func (s *state) lose() {
	left := s.disk.Crash(0, 0)
	s.close()
	s.disk = left
	s.open()
}

// image is a snapshot of the state.
func (s *state) image() []byte {
	var b bytes.Buffer
	snapshot, err := s.machine.Snapshot()
	must("take a snapshot", err)
	_, err = snapshot.WriteTo(&b)
	must("write a snapshot", err)
	must("close a snapshot", snapshot.Close())
	return b.Bytes()
}

// install replaces the state by a snapshot.
func (s *state) install(image []byte) {
	s.close()
	var err error
	s.machine, err = streams.Restore(stateDir, bytes.NewReader(image), stateOptions(s.disk))
	must("restore a snapshot", err)
}

// ledger is what the log has, in order.
func (s *state) ledger() (log []string) {
	v := s.machine.View()
	for m, err := range v.Messages(streams.Query{Stream: streams.Ledger}) {
		must("read the log", err)
		log = append(log, string(m.Data))
	}
	must("close a view", v.Close())
	return log
}

// verdict is a reply of the built-in state machine, in a few words.
func verdict(reply []byte) string {
	var a struct {
		Seq       uint64 `json:"seq"`
		Duplicate bool   `json:"duplicate"`
		Error     *struct {
			Code int `json:"err_code"`
		} `json:"error"`
	}
	o, err := command.DecodeOutcome(reply)
	if err != nil {
		if err := json.Unmarshal(reply, &a); err != nil {
			return "no reply: " + err.Error()
		}
		if a.Error != nil {
			return refusal(a.Error.Code)
		}
		return published(a.Seq, a.Duplicate)
	}
	switch v := o.Value.(type) {
	case command.SessionOpened:
		return fmt.Sprint("session ", v.ID)
	case command.Renewed:
		return "renewed"
	case command.Closed:
		return "closed"
	case command.Published:
		return published(v.Seq, v.Duplicate)
	case command.Looked:
		return looked(v.State, v.Seq)
	}
	return fmt.Sprintf("%T", o.Value)
}

func refusal(code int) string { return fmt.Sprint("refused ", code) }

func published(seq uint64, duplicate bool) string {
	if duplicate {
		return fmt.Sprint("published before as ", seq)
	}
	return fmt.Sprint("published as ", seq)
}

func looked(s command.LookupState, seq uint64) string {
	switch s {
	case command.Done:
		return fmt.Sprint("was published as ", seq)
	case command.NotDone:
		return "is refused from now on"
	}
	return "nothing is known"
}
