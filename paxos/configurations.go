package paxos

import (
	"errors"
	"fmt"
	"slices"
)

// Configurations are configurations that are chosen, by number and without a gap:
// each governs from its first slot until the next one's. What a role knows is the
// end of the whole sequence. The elements are shared and never changed.
//
// A change that is chosen in slot k governs from slot k + alpha on (PTP §3.3.7, PMS
// §3: "the set of servers that execute instance i+α ... specified by the state after
// execution of the ith command"). A leader knows all that is chosen up to alpha slots
// below the one it proposes in, so it knows who governs that one.
type Configurations []*Configuration

// MaxConfigurations is how many configurations may govern slots that acceptors still
// remember. A change that would make it more waits for trimming.
const MaxConfigurations = 8

// Newest is the last configuration; nil when none is known.
func (cs Configurations) Newest() *Configuration {
	if len(cs) == 0 {
		return nil
	}
	return cs[len(cs)-1]
}

// Number is the newest configuration's number, 0 for none.
func (cs Configurations) Number() uint64 {
	if c := cs.Newest(); c != nil {
		return c.Number
	}
	return 0
}

// For is the configuration that governs slot, as far as cs tells; nil for a slot
// below all that are known.
func (cs Configurations) For(slot Slot) *Configuration {
	for i := len(cs) - 1; i >= 0; i-- {
		if cs[i].From <= slot {
			return cs[i]
		}
	}
	return nil
}

// Since is the configurations that govern any slot from slot on: one, but for the
// window after a change.
func (cs Configurations) Since(slot Slot) Configurations {
	for len(cs) > 1 && cs[1].From <= slot {
		cs = cs[1:]
	}
	return cs
}

// End is the first slot that c does not govern, as far as cs tells; 0 for no end.
func (cs Configurations) End(c *Configuration) Slot {
	for _, o := range cs {
		if o.Number > c.Number {
			return o.From
		}
	}
	return 0
}

// Before is the configuration that c took over from; nil when it is not known.
func (cs Configurations) Before(c *Configuration) *Configuration {
	for _, o := range cs {
		if o.Number+1 == c.Number {
			return o
		}
	}
	return nil
}

// With is cs and those of told that are newer. What was told and leaves a gap takes
// the place of all of cs, since it is not known who governed in between. The result
// is cs itself when told has nothing new, or is not well formed.
func (cs Configurations) With(told []Configuration) Configurations {
	if len(told) == 0 || told[len(told)-1].Number <= cs.Number() || checkSequence(told) != nil {
		return cs
	}
	known := slices.Clone(cs)
	if told[0].Number > cs.Number()+1 {
		known = nil
	}
	for i := range told {
		if told[i].Number > known.Number() {
			c := told[i]
			known = append(known, &c)
		}
	}
	return known[max(0, len(known)-MaxConfigurations-1):]
}

// checkSequence refuses what cannot be part of the sequence of configurations.
func checkSequence(told []Configuration) error {
	for i := range told {
		if err := told[i].Check(); err != nil {
			return err
		}
		if i > 0 && (told[i].Number != told[i-1].Number+1 || told[i].From <= told[i-1].From) {
			return fmt.Errorf("configuration %d from slot %d after %d from slot %d",
				told[i].Number, told[i].From, told[i-1].Number, told[i-1].From)
		}
	}
	return nil
}

// Told is what of cs a message or a record carries beside the genesis g.
func (cs Configurations) Told(g *Genesis) []Configuration {
	var told []Configuration
	for _, c := range cs {
		if c.Number > g.First.Number {
			told = append(told, *c)
		}
	}
	return told
}

// Change is the configuration that v brings about when it is chosen in slot, and
// cs holds all that the slots below brought about; nil when it changes nothing. A
// change is void unless it follows the newest configuration and that one governs
// its slot, so of two that were proposed at once the first counts, and never more
// than two configurations govern the slots of a window.
func (cs Configurations) Change(slot, window Slot, v Value) *Configuration {
	if v.Kind != Reconfigure {
		return nil
	}
	newest := cs.Newest()
	c, err := DecodeConfiguration(v.Body)
	if err != nil || newest == nil || c.Number != newest.Number+1 || slot < newest.From || c.From != slot+window || c.Check() != nil {
		return nil
	}
	return &c
}

// CheckChange reports everything that keeps next from being what follows c: it must
// be sound in itself, have the next number, and take at most one acceptor in and one
// out, so that whoever asks for it sees what each step leaves. Its first slot, which
// only a leader knows, is not judged.
func (c *Configuration) CheckChange(next Configuration) error {
	next.From = max(next.From, 1)
	errs := []error{next.Check()}
	if next.Number != c.Number+1 {
		errs = append(errs, fmt.Errorf("configuration %d does not follow number %d", next.Number, c.Number))
	}
	if in, out := without(next.Acceptors, c.Acceptors), without(c.Acceptors, next.Acceptors); len(in) > 1 || len(out) > 1 {
		errs = append(errs, fmt.Errorf("%d acceptors come and %d go, want at most one each", len(in), len(out)))
	}
	return errors.Join(errs...)
}

// without is the members of ms that are not among others.
func without(ms, others []Member) []Member {
	return slices.DeleteFunc(slices.Clone(ms), func(m Member) bool { return slices.Contains(others, m) })
}

// Same reports whether c and o are the same but for their numbers and first slots.
func (c *Configuration) Same(o *Configuration) bool {
	return c.Quorums == o.Quorums && c.Copies == o.Copies && slices.Equal(c.Acceptors, o.Acceptors)
}

// Has reports whether c names the acceptor id with this disk.
func (c *Configuration) Has(id NodeID, disk UUID) bool { return c.Seat(id, disk) >= 0 }

// Seat is the place in c of the acceptor id with this disk, or -1.
func (c *Configuration) Seat(id NodeID, disk UUID) int {
	for i := range c.Acceptors {
		if c.Acceptors[i].Disk == disk && c.Acceptors[i].ID == id {
			return i
		}
	}
	return -1
}
