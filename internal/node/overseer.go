package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// versioned is what a Machine also is when its rules have versions.
type versioned interface {
	// Version is the version of the rules in force, and the highest that it can apply.
	Version() (inForce, supports uint64)
}

// skippedPrefix before the subject of a command tells a versioned machine to answer it
// with an error, and not to apply it. No client's command has such a subject.
const skippedPrefix = "skipped."

// overseer is a learner's state machine as the orders of operators govern it. It writes
// down where the machine panicked, and applies slots without what is to be skipped.
type overseer struct {
	Machine
	versions versioned // the same machine; nil without versions
	keeper   *keeper   // nil: nothing is kept to go back to
	dir      string    // the learner's data directory
	log      *slog.Logger

	skips     []paxos.Skip
	halt      halt       // where not to go on; zero: nowhere
	inherited paxos.Slot // slots up to it were applied by an earlier process, or by a fellow
}

// oversee takes charge of m.
func oversee(m Machine, k *keeper, dir string, log *slog.Logger) (*overseer, error) {
	o := &overseer{Machine: m, keeper: k, dir: dir, log: log, inherited: m.Position().Applied}
	o.versions, _ = m.(versioned)
	err := readJSON(filepath.Join(dir, skipsFile), &o.skips)
	return o, err
}

// Apply applies a slot as the orders of operators say.
func (o *overseer) Apply(slot paxos.Slot, stamp paxos.LogTime, commands []paxos.Command) ([]actors.Result, error) {
	if slot == o.halt.Slot {
		return nil, errors.Join(fmt.Errorf("the state machine fails on slot %d: %s: %w", slot, o.halt.Reason, errStartAgain), o.Machine.Sync(slot))
	}
	given, answers := o.plan(slot, commands)
	results, err := o.apply(slot, stamp, given)
	if err != nil {
		return nil, err
	}
	for i := range commands {
		if s, ok := skipOf(&commands[i]); ok {
			if err := o.note(slot, s); err != nil {
				return nil, err
			}
		}
	}
	return merge(results, answers), nil
}

func skipOf(c *paxos.Command) (paxos.Skip, bool) {
	if c.Subject != paxos.SkipSubject {
		return paxos.Skip{}, false
	}
	o, err := paxos.ParseOrder(*c)
	if err != nil {
		return paxos.Skip{}, false
	}
	return o.(paxos.Skip), true
}

// plan says what the machine is given. answers has an entry for each command that it
// is not given; nil when it is given all as they are.
func (o *overseer) plan(slot paxos.Slot, commands []paxos.Command) (given []paxos.Command, answers map[int]actors.Result) {
	changed := false
	for i := range commands {
		changed = changed || paxos.IsOrder(commands[i]) || o.skipped(slot, i+1)
	}
	if !changed {
		return commands, nil
	}
	answers = map[int]actors.Result{}
	for i, c := range commands {
		switch {
		case o.skipped(slot, i+1) && o.versions != nil:
			c.Subject = skippedPrefix + c.Subject
		case o.skipped(slot, i+1):
			answers[i] = errorResult(bus.CodeFailed, "the state machine failed on this command, and an operator had it skipped")
			continue
		case paxos.IsOrder(c):
			if answer, done := o.order(c); done {
				answers[i] = answer
				continue
			}
		}
		given = append(given, c)
	}
	return given, answers
}

func (o *overseer) skipped(slot paxos.Slot, command int) bool {
	return slices.ContainsFunc(o.skips, func(s paxos.Skip) bool { return s.Of(slot, command) })
}

// order answers an order; done is false when the machine is to carry it out.
func (o *overseer) order(c paxos.Command) (answer actors.Result, done bool) {
	order, err := paxos.ParseOrder(c)
	switch order := order.(type) {
	case paxos.Skip:
		return actors.Result{Data: fmt.Appendf(nil, `{"slot":%d,"command":%d}`, order.Slot, order.Command)}, true
	case paxos.Upgrade:
		if o.versions != nil {
			return answer, false
		}
		return errorResult(bus.CodeNotAllowed, "this state machine has no versions"), true
	default:
		return errorResult(bus.CodeMalformed, err.Error()), true
	}
}

func errorResult(code bus.Code, text string) actors.Result {
	data, err := json.Marshal(bus.Ack{Error: bus.NewError(code, "%s", text)})
	if err != nil {
		panic("node: an error has no JSON: " + err.Error()) // strings and numbers always have
	}
	return actors.Result{Data: data}
}

// merge puts the answers between the machine's results.
func merge(results []actors.Result, answers map[int]actors.Result) []actors.Result {
	if answers == nil {
		return results
	}
	all := make([]actors.Result, 0, len(results)+len(answers))
	for i := range len(results) + len(answers) {
		if answer, ok := answers[i]; ok {
			all = append(all, answer)
			continue
		}
		all, results = append(all, results[0]), results[1:]
	}
	return all
}

// apply gives the machine its commands. Where it panics is written down: the learner
// does not try again what fails on every learner alike.
func (o *overseer) apply(slot paxos.Slot, stamp paxos.LogTime, commands []paxos.Command) (results []actors.Result, err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		text := fmt.Sprint(r)
		reason, _, _ := strings.Cut(text, "\n")
		o.log.Error("panic", "reason", text, "stack", string(debug.Stack()))
		err = errors.Join(fmt.Errorf("the state machine panicked on slot %d: %s", slot, reason),
			writeJSON(filepath.Join(o.dir, haltFile), halt{Slot: slot, Reason: reason, Build: Version()}))
	}()
	results, err = o.Machine.Apply(slot, stamp, commands)
	if err == nil && len(results) != len(commands) {
		panic(fmt.Sprintf("%d results for %d commands", len(results), len(commands)))
	}
	return results, err
}

// note remembers what the order in slot at skips. A learner that has applied that
// nevertheless, because its build can, has another state than the log says.
func (o *overseer) note(at paxos.Slot, s paxos.Skip) error {
	if s.Slot >= at || slices.Contains(o.skips, s) {
		return nil
	}
	o.skips = append(o.skips, s)
	if err := writeJSON(filepath.Join(o.dir, skipsFile), o.skips); err != nil {
		return err
	}
	if s.Slot <= o.inherited {
		return nil // whether it was skipped is not known here; digests tell
	}
	d := actors.Doubt{Slot: s.Slot, Outvoted: true, Reason: fmt.Sprintf("slot %d orders that slot %d is skipped, and this learner has applied it: "+
		"it goes back to before it", at, s.Slot)}
	return errors.Join(errors.New(d.Reason), writeJSON(filepath.Join(o.dir, doubtFile), d))
}

// Position is how far the machine is. What it can go back to counts as durable, since
// acceptors keep what came later.
func (o *overseer) Position() paxos.Position {
	p := o.Machine.Position()
	if o.keeper != nil {
		p.Durable = min(p.Durable, o.keeper.slot())
	}
	if o.versions != nil {
		p.Version, p.Supports = o.versions.Version()
	}
	return p
}

// Sync makes durable what was applied before the call. Where copies are kept they alone
// count as durable, so there is nothing to do but to make one when it is time.
func (o *overseer) Sync(wanted paxos.Slot) error {
	if o.keeper == nil {
		return o.Machine.Sync(wanted)
	}
	return o.keeper.step(uint64(o.Machine.Position().Applied), uint64(wanted))
}

// Install replaces the state by a fellow's.
func (o *overseer) Install(r io.Reader) error {
	err := o.Machine.Install(r)
	o.inherited = max(o.inherited, o.Machine.Position().Applied)
	if o.keeper != nil {
		err = errors.Join(err, o.keeper.replaced())
	}
	return err
}
