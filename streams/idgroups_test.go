package streams

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/streams/command"
)

func runOf(ids ...string) *newRun {
	var run newRun
	for _, id := range ids {
		run.add([]byte(id))
	}
	return &run
}

// proposalsWithIDs are proposals with the ids "id-from" to "id-to".
func proposalsWithIDs(from, to int) (all []Message) {
	for i := from; i <= to; i++ {
		all = append(all, Message{Subject: "propose", Header: fmt.Appendf(nil, "NATS/1.0\r\nNats-Msg-Id: id-%d\r\n\r\n", i)})
	}
	return all
}

// TestSplitID holds that no two ids have the same place in the same group.
func TestSplitID(t *testing.T) {
	seen := map[string]string{}
	for _, id := range []string{"", "7", "07", "77", "777", "a7", "a07", "a77", "a7x", "a", "aa", "a-12", "a-1", "a-123", "12-a", "\xff12", "١٢"} {
		group, place := splitID([]byte(id))
		whole := string(group)
		if place != aloneInGroup {
			whole += fmt.Sprintf("%02d", place)
		}
		if whole != id {
			t.Errorf("%q is place %d of %q", id, place, group)
		}
		at := fmt.Sprintf("%q %d", group, place)
		if other, taken := seen[at]; taken {
			t.Errorf("%q and %q have the same place", id, other)
		}
		seen[at] = id
	}
}

// pairsOf counts the pairs of a table.
func pairsOf(t *testing.T, m *Machine, table byte) (n int) {
	t.Helper()
	v := m.View()
	defer v.Close()
	err := v.scan([]byte{table}, []byte{table + 1}, func(_, _ []byte) (bool, error) { n++; return true, nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNumberedIDsShareTheirPairs, and are expired as they were stored, over slots that may
// expire a part of a run only, restarts between them, and ids of the rules before.
func TestNumberedIDsShareTheirPairs(t *testing.T) {
	const many = 2500
	fs := vfs.NewMem()
	o := Options{FS: fs, Limits: Limits{Expiries: 700}}
	m, err := Open("state", o)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(at time.Duration, commands ...Message) []Reply {
		t.Helper()
		replies, err := m.Apply(m.Applied()+1, int64(at), commands)
		if err != nil {
			t.Fatal(err)
		}
		if d := scrubbedDigest(t, m); d != m.Digest() {
			t.Fatalf("at %v: digest %+v, the pairs have %+v", at, m.Digest(), d)
		}
		return replies
	}
	duplicates := func(replies []Reply) (n int) {
		for _, r := range replies {
			if strings.Contains(string(r.Data), `"duplicate":true`) {
				n++
			}
		}
		return n
	}
	apply(1, append([]Message{upgradeTo(versionOfExactIDs)}, proposalsWithIDs(0, 99)...)...)
	apply(2, append([]Message{upgradeTo(versionOfIDGroups)}, proposalsWithIDs(50, many+49)...)...)
	if single, groups, runs := pairsOf(t, m, tableID), pairsOf(t, m, tableIDGroup), pairsOf(t, m, tableIDRun); single != 100 || groups != 25 || runs != 3 {
		t.Errorf("%d ids have pairs of their own, %d groups, %d runs", single, groups, runs)
	}
	if n := duplicates(apply(3, proposalsWithIDs(0, many+50)...)); n != many+50 {
		t.Errorf("%d of %d ids are known", n, many+50)
	}
	// The first hundred ends, fifty of it are stored again, and all expire by 700.
	for i, at := range []time.Duration{time.Hour + 1, time.Hour + 2, time.Hour + 2, time.Hour + 2, time.Hour + 3} {
		var commands []Message
		if i == 0 {
			commands = proposalsWithIDs(20, 69)
		}
		apply(at, commands...)
		closeMachine(t, m)
		if m, err = Open("state", o); err != nil {
			t.Fatal(err)
		}
		if d := scrubbedDigest(t, m); d != m.Digest() {
			t.Fatalf("after %v: digest %+v, the pairs have %+v", at, m.Digest(), d)
		}
	}
	defer func() { closeMachine(t, m) }()
	s := m.ledger.state
	if left := s.nextID - m.ledger.idStart; s.ids != 50 || left != 50 || pairsOf(t, m, tableID) != 0 {
		t.Errorf("%d ids are left, %d of them queued, %d with pairs of their own; want the 50 that were stored again", s.ids, left, pairsOf(t, m, tableID))
	}
	if n := duplicates(apply(time.Hour+4, proposalsWithIDs(0, 99)...)); n != 50 {
		t.Errorf("%d ids are known, want those 50", n)
	}
	apply(3*time.Hour, Message{Subject: "propose"})
	if pairs := pairsOf(t, m, tableIDGroup) + pairsOf(t, m, tableIDRun); pairs != 0 || m.ledger.state.ids != 0 {
		t.Errorf("%d pairs and %d ids are left after the window of all", pairs, m.ledger.state.ids)
	}
}

// TestIDsOfAFailedTransaction are as before it, whatever of them had been written, also where
// the slot had stored others.
func TestIDsOfAFailedTransaction(t *testing.T) {
	m, twin := openMem(t, vfs.NewMem()), openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	defer closeMachine(t, twin)
	for _, m := range []*Machine{m, twin} {
		if _, err := m.Apply(1, 1, append([]Message{upgradeTo(versionOfIDGroups)}, proposalsWithIDs(100, 110)...)); err != nil {
			t.Fatal(err)
		}
	}
	w := &m.work
	propose := func(from, to int) (answers string) {
		for _, c := range proposalsWithIDs(from, to) {
			answers += string(w.command(&c).Data)
		}
		return answers
	}
	failed := &APIError{}
	w.begin(2)
	propose(111, 112)
	e := w.attempt(m.ledger, func() *APIError { propose(105, 105+2*longestRun); return failed })
	if answers := propose(111, 113); strings.Count(answers, "duplicate") != 2 {
		t.Errorf("after a transaction that failed: %s", answers)
	}
	w.commit(Digest{Slot: 2, LogTime: 2})
	if err := w.close(); err != nil || e != failed {
		t.Fatal(err, e)
	}
	if _, err := twin.Apply(2, 2, proposalsWithIDs(111, 113)); err != nil {
		t.Fatal(err)
	}
	if d := scrubbedDigest(t, m); d != m.Digest() {
		t.Errorf("digest %v, the pairs have %v", m.Digest(), d)
	}
	a, b := m.ledger.state, twin.ledger.state
	if a.ids != b.ids || a.nextID != b.nextID || a.messageSum != b.messageSum {
		t.Errorf("%d ids, the next is number %d; want %d and %d", a.ids, a.nextID, b.ids, b.nextID)
	}
}

// TestGroupsInMemoryAreBounded however many there are.
func TestGroupsInMemoryAreBounded(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	slot := uint64(0)
	apply := func(commands ...Message) {
		slot++
		if _, err := m.Apply(slot, int64(slot), commands); err != nil {
			t.Fatal(err)
		}
	}
	apply(upgradeTo(versionOfIDGroups))
	for i := range 3 {
		var commands []Message
		for n := range cachedIDGroups {
			look := command.Command{Op: command.Lookup{ID: fmt.Sprintf("%d-%d", i, n), Since: 1}}
			commands = append(commands, Message{Subject: "command." + Ledger, Data: look.Encode()})
			commands = append(commands, Message{Subject: "propose", Header: fmt.Appendf(nil, "NATS/1.0\r\nNats-Msg-Id: %d-%d-x\r\n\r\n", i, n)})
		}
		apply(commands...)
		if n := len(m.work.idGroups); n > cachedIDGroups {
			t.Errorf("%d groups are in memory after slot %d", n, slot)
		}
	}
	if d := scrubbedDigest(t, m); d != m.Digest() {
		t.Errorf("digest %v, the pairs have %v", m.Digest(), d)
	}
}

// TestDamagedIDs are refused: groups without ids, out of order or with a place that is none,
// and runs whose ids have more in common with the one before than it has.
func TestDamagedIDs(t *testing.T) {
	for _, b := range [][]byte{nil, {5, 1, 2, 5, 1, 2}, {6, 1, 2, 5, 1, 2}, {aloneInGroup + 1, 1, 2}, {5, 1}} {
		if ids, ok := parseIDGroup(nil, b); ok {
			t.Errorf("group %v has %v", b, ids)
		}
	}
	at := make([]byte, 8)
	for _, list := range [][]byte{nil, {1, 1, 'a'}, {0, 2, 'a'}, {0, 1, 'a', 2, 0}} {
		if run, ok := parseIDRun([]byte{tableIDRun}, append(at, list...)); ok && run.ids.valid() {
			t.Errorf("run %v is taken", list)
		}
	}
}
