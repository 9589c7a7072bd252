package paxos

import (
	"reflect"
	"testing"
)

func configuration(number uint64, from Slot, ids ...NodeID) Configuration {
	c := Configuration{Number: number, From: from, Copies: 1}
	for _, id := range ids {
		c.Acceptors = append(c.Acceptors, Member{ID: id, Disk: UUID{1: id[1]}})
	}
	return c
}

func reconfigure(c Configuration) Value {
	return Value{Kind: Reconfigure, Body: AppendConfiguration(nil, &c)}
}

// TestChangesAreOrdered: of what is chosen, only that counts which follows the newest
// configuration, from a slot which that one governs, a window ahead.
func TestChangesAreOrdered(t *testing.T) {
	const window = 8
	first, second := configuration(1, 1, "a1", "a2", "a3"), configuration(2, 18, "a1", "a2", "a4")
	cs := Configurations{&first}
	if c := cs.Change(10, window, reconfigure(second)); c == nil || !reflect.DeepEqual(*c, second) {
		t.Fatalf("the change is %+v", c)
	}
	cs = append(cs, &second)
	for name, v := range map[string]struct {
		slot Slot
		next Configuration
	}{
		"number 2 again":                     {30, configuration(2, 38, "a1")},
		"number 4":                           {30, configuration(4, 38, "a1")},
		"from a slot that the first governs": {17, configuration(3, 25, "a1")},
		"with another first slot":            {30, configuration(3, 39, "a1")},
		"without acceptors":                  {30, configuration(3, 38)},
	} {
		if c := cs.Change(v.slot, window, reconfigure(v.next)); c != nil {
			t.Errorf("a change %s counts: %+v", name, c)
		}
	}
	if c := cs.Change(18, window, reconfigure(configuration(3, 26, "a1"))); c == nil {
		t.Error("the third does not count")
	}
	for slot, want := range map[Slot]*Configuration{1: &first, 17: &first, 18: &second, 1 << 40: &second} {
		if have := cs.For(slot); have != want {
			t.Errorf("slot %d is governed by %+v", slot, have)
		}
	}
}

// TestWhatIsToldLeavesNoGap: newer configurations are added, and take the place of all
// when it is not known who governed in between.
func TestWhatIsToldLeavesNoGap(t *testing.T) {
	first := configuration(1, 1, "a1")
	cs := Configurations{&first}
	two, three, four := configuration(2, 10, "a1"), configuration(3, 30, "a1"), configuration(4, 50, "a1")
	if have := cs.With([]Configuration{two, three}); len(have) != 3 || have.Number() != 3 || have[0] != &first {
		t.Errorf("with two more: %v", have)
	}
	if have := cs.With([]Configuration{three, four}); len(have) != 2 || have.For(20) != nil || have.For(30).Number != 3 {
		t.Errorf("after a gap: %v", have)
	}
	for _, bad := range [][]Configuration{nil, {first}, {two, four}, {three, two}, {two, configuration(3, 10, "a1")}, {configuration(2, 10)}} {
		if have := cs.With(bad); len(have) != 1 {
			t.Errorf("told %v: %v", bad, have)
		}
	}
}

func TestConfigurationCodeIsCanonical(t *testing.T) {
	c := configuration(3, 700, "a1", "b2")
	c.Quorums = QuorumSystem{Kind: Sizes, Size1: 1, Size2: 2}
	b := AppendConfiguration(nil, &c)
	if have, err := DecodeConfiguration(b); err != nil || !reflect.DeepEqual(have, c) {
		t.Errorf("%+v, %v", have, err)
	}
	for n := range b {
		if _, err := DecodeConfiguration(b[:n]); err == nil {
			t.Errorf("the first %d bytes are taken", n)
		}
	}
	if _, err := DecodeConfiguration(append(b, 0)); err == nil {
		t.Error("a byte too many is taken")
	}
}

func TestCheckChange(t *testing.T) {
	c := configuration(1, 1, "a1", "a2", "a3")
	apart := configuration(2, 0, "a1", "a2", "a3")
	apart.Quorums = QuorumSystem{Kind: Sizes, Size1: 1, Size2: 2}
	for name, v := range map[string]struct {
		next Configuration
		ok   bool
	}{
		"quorums that do not meet": {apart, false},
		"one more":                 {configuration(2, 0, "a1", "a2", "a3", "a4"), true},
		"one less":                 {configuration(2, 0, "a1", "a2"), true},
		"another one":              {configuration(2, 0, "a1", "a2", "a4"), true},
		"two more":                 {configuration(2, 0, "a1", "a2", "a3", "a4", "a5"), false},
		"two less":                 {configuration(2, 0, "a1"), false},
		"number 3":                 {configuration(3, 0, "a1", "a2"), false},
	} {
		if err := c.CheckChange(v.next); (err == nil) != v.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhoGovernsWhat: each configuration from its first slot to the next one's.
func TestWhoGovernsWhat(t *testing.T) {
	one, two, three := configuration(1, 1, "a1", "a2"), configuration(2, 10, "a2"), configuration(3, 30, "a2", "a3")
	cs := Configurations{&one, &two, &three}
	for slot, want := range map[Slot]int{0: 3, 9: 3, 10: 2, 29: 2, 30: 1, 1 << 40: 1} {
		if have := cs.Since(slot); len(have) != want || have.Number() != 3 {
			t.Errorf("since slot %d: %v", slot, have)
		}
	}
	for c, want := range map[*Configuration]Slot{&one: 10, &two: 30, &three: 0} {
		if end := cs.End(c); end != want {
			t.Errorf("configuration %d ends at slot %d, want %d", c.Number, end, want)
		}
	}
	for c, want := range map[*Configuration]*Configuration{&one: nil, &two: &one, &three: &two} {
		if before := cs.Before(c); before != want {
			t.Errorf("before configuration %d: %v", c.Number, before)
		}
	}
	if told := cs.Told(&Genesis{First: one}); !reflect.DeepEqual(told, []Configuration{two, three}) {
		t.Errorf("told beside the genesis: %v", told)
	}
	if c := cs.Change(40, 8, Value{Kind: Batch, Body: reconfigure(configuration(4, 48, "a1")).Body}); c != nil {
		t.Errorf("commands change the configuration: %v", c)
	}
}

// TestSeats: an acceptor is its id and its disk.
func TestSeats(t *testing.T) {
	c := configuration(1, 1, "a1", "a2")
	for _, v := range []struct {
		id   NodeID
		disk UUID
		seat int
	}{
		{"a1", UUID{1: '1'}, 0}, {"a2", UUID{1: '2'}, 1}, {"a1", UUID{1: '2'}, -1}, {"a2", UUID{1: '1'}, -1}, {"a3", UUID{1: '3'}, -1},
	} {
		if seat := c.Seat(v.id, v.disk); seat != v.seat || c.Has(v.id, v.disk) != (v.seat >= 0) {
			t.Errorf("%s with disk %s: seat %d, want %d", v.id, v.disk, seat, v.seat)
		}
	}
	same, copies, sizes, others := c, c, c, configuration(1, 1, "a1", "a3")
	same.Number, same.From = 7, 70
	copies.Copies++
	sizes.Quorums = QuorumSystem{Kind: Sizes, Size1: 1, Size2: 2}
	if !c.Same(&same) || c.Same(&copies) || c.Same(&sizes) || c.Same(&others) {
		t.Error("the same but for number and first slot: found to differ, or others found to be the same")
	}
}

// TestWhatIsToldIsBounded: no more is kept than may govern slots with votes, and the one
// before.
func TestWhatIsToldIsBounded(t *testing.T) {
	first := configuration(1, 1, "a1")
	cs := Configurations{&first}
	for n := uint64(2); n < 50; n++ {
		cs = cs.With([]Configuration{configuration(n, Slot(10*n), "a1")})
		if want := min(int(n), MaxConfigurations+1); len(cs) != want || cs.Number() != n {
			t.Fatalf("after number %d, %d are kept up to number %d, want %d", n, len(cs), cs.Number(), want)
		}
	}
}
