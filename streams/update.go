package streams

import (
	"bytes"
	"slices"
	"time"
)

// ledgerWindow is the shortest duplicate window of LEDGER.
const ledgerWindow = time.Hour

// ledgerConfig is LEDGER as it is made: a log that nobody can shorten or rewrite.
func ledgerConfig() *Config {
	r := configRequest{Config: Config{
		Name:        Ledger,
		Description: "commands published to propose",
		Subjects:    []string{subjectPropose},
		Discard:     discardNew,
		Duplicates:  ledgerWindow,
		AllowDirect: true,
		DenyDelete:  true,
		DenyPurge:   true,
	}}
	c, e := r.complete()
	if e != nil {
		panic("streams: invariant broken: LEDGER has a valid configuration: " + e.Description)
	}
	return c
}

func (w *work) updateStream(name string, data []byte) Reply {
	var r configRequest
	if e := decode(data, &r); e != nil {
		return refuse(typeUpdate, e)
	}
	c, e := r.complete()
	if e != nil {
		return refuse(typeUpdate, e)
	}
	s := w.m.byName[name]
	switch {
	case c.Name != name:
		return refuse(typeUpdate, errMismatch)
	case s == nil:
		return refuse(typeUpdate, ErrStreamNotFound)
	}
	if text := c.checkChange(s.config); text != "" {
		return refuse(typeUpdate, invalidConfig(text))
	}
	if w.overlaps(c, s) {
		return refuse(typeUpdate, errOverlap)
	}
	w.changeStream(s, c)
	return w.describe(typeUpdate, s)
}

// checkChange says why a stream can not go from old to c, and completes what
// follows from being sealed.
func (c *Config) checkChange(old *Config) string {
	switch {
	case c.Storage != old.Storage:
		return "stream configuration update can not change storage type"
	case !c.Sealed && old.Sealed:
		return "stream configuration update can not unseal a sealed stream"
	case !c.DenyDelete && old.DenyDelete:
		return "stream configuration update can not cancel deny message deletes"
	case !c.DenyPurge && old.DenyPurge:
		return "stream configuration update can not cancel deny purge"
	case !c.AllowMsgTTL && old.AllowMsgTTL:
		return "message TTL status can not be disabled"
	}
	if old.Name == Ledger {
		if text := c.checkLedger(old); text != "" {
			return text
		}
	}
	if c.Sealed {
		c.MaxAge, c.Discard = 0, discardNew
		c.DenyDelete, c.DenyPurge, c.AllowRollup = true, true, false
	}
	return ""
}

// checkLedger keeps LEDGER what clients rely on.
func (c *Config) checkLedger(old *Config) string {
	switch {
	case !slices.Equal(c.Subjects, old.Subjects):
		return Ledger + " can not change its subjects"
	case c.Duplicates < ledgerWindow:
		return Ledger + " can not have a duplicate window below one hour"
	case c.MaxMsgsPer > 0:
		return Ledger + " can not limit messages per subject: it has one subject"
	case c.Sealed:
		return Ledger + " can not be sealed"
	case c.AllowRollup:
		return Ledger + " can not allow roll-ups"
	}
	return ""
}

// changeStream gives s a checked configuration and does what follows from it.
func (w *work) changeStream(s *stream, c *Config) {
	lowered := c.MaxMsgsPer > 0 && (s.config.MaxMsgsPer <= 0 || c.MaxMsgsPer < s.config.MaxMsgsPer)
	if old := int64(s.config.Duplicates); w.exactIDs() && int64(c.Duplicates) > old {
		w.touch(s)
		s.state.idFloor = max(s.state.idFloor, w.now-old) // what has ended does not begin again
	}
	w.m.routes.remove(s)
	s.setConfig(c)
	w.m.routes.add(s)
	w.writeConfig(s)
	w.inParts(job{kind: jobTrim, stream: s.id}, func() { w.trim(s, lowered) })
	if s.state.msgs > 0 || s.state.ids > 0 {
		w.due(s, max(w.now, 1)) // shorter times may be over already: the next slot looks
	}
}

// trim removes what the limits of s do not allow, also those of its subjects when
// perSubject is set.
func (w *work) trim(s *stream, perSubject bool) {
	w.trimStream(s)
	if perSubject {
		w.eachSubject(s, []byte(">"), func(name []byte) { w.trimSubject(s, name) })
	}
}

// subjectsAtOnce is how many subjects eachSubject holds in memory.
const subjectsAtOnce = 256

// eachSubject calls do for every subject of s that matches filter, in order. do
// may change the stream, but must not give it a new subject.
func (w *work) eachSubject(s *stream, filter []byte, do func(name []byte)) {
	w.flushSubject(s)
	from := appendSubjectKey(nil, s.id, literalPrefix(filter))
	end := appendPrefixEnd(nil, from)
	for {
		var names [][]byte
		it := w.between(from, end)
		ok := it.First()
		for ; ok && len(names) < subjectsAtOnce; ok = it.Next() {
			if name := it.Key()[prefixBytes:]; matches(filter, name) {
				names = append(names, bytes.Clone(name))
			}
			from = append(append(from[:0], it.Key()...), 0)
		}
		check(it)
		for _, name := range names {
			do(name)
		}
		if !ok {
			return
		}
		w.flushSubject(s)
	}
}
