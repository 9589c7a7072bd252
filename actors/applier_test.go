package actors

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// TestALittleIsAppliedByWhoeverLearnedIt: once the machine is known to be quick, and only
// then, a slot is applied before here returns; never ahead of what waits, and nothing
// after a failure.
func TestALittleIsAppliedByWhoeverLearnedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &tape{}
		var failures []error
		woken := 0
		a := newApplier(m, quiet(), func() { woken++ }, func(err error) { failures = append(failures, err) })
		a.start()
		defer a.close()
		next := paxos.Slot(0)
		decided := func(texts ...string) (ds []paxos.Decision) {
			for _, text := range texts {
				next++
				ds = append(ds, paxos.Decision{Slot: next, Value: paxos.Value{Kind: paxos.Batch, Body: paxos.EncodeBatch(paxos.Command{Data: []byte(text)})}})
			}
			return ds
		}
		step := func(what string, want bool, ds []paxos.Decision) {
			t.Helper()
			before, wakes := a.position().Applied, woken
			if have := a.here(ds); have != want {
				t.Fatalf("%s: applied here %t, want %t", what, have, want)
			}
			if want && (a.position().Applied != before+1 || woken != wakes) {
				t.Fatalf("%s: applied up to %d after %d, and woken %d times", what, a.position().Applied, before, woken-wakes)
			}
			if !want && len(ds) > 0 {
				if a.position().Applied != before {
					t.Fatalf("%s: applied", what)
				}
				a.put(ds)
				synctest.Wait()
				if a.position().Applied != next {
					t.Fatalf("%s: applied up to %d, want %d", what, a.position().Applied, next)
				}
			}
		}
		step("the first", false, decided("a"))
		step("a quick one", true, decided("b"))
		step("nothing", false, nil)
		step("two", false, decided("c", "d"))
		step("much", false, decided(fmt.Sprint(make([]byte, smallSlot))))
		step("a quick one again", true, decided("e"))
		m.hold = make(chan struct{})
		time.AfterFunc(2*quickTime, func() { m.hold <- struct{}{} })
		step("one that turns out to be slow", true, decided("f"))
		time.AfterFunc(time.Nanosecond, func() { close(m.hold) })
		slow := decided("g")
		if a.here(slow) {
			t.Fatal("after a slow one: applied here")
		}
		a.put(slow)
		behind := decided("h")
		if a.here(behind) {
			t.Fatal("applied ahead of what waits")
		}
		a.put(behind)
		pass(time.Millisecond)
		if a.position().Applied != next {
			t.Fatalf("applied up to %d, want %d", a.position().Applied, next)
		}
		job := make(chan struct{})
		a.between(func() error { <-job; return nil })
		if one := decided("i"); a.here(one) {
			t.Fatal("applied during a job")
		} else {
			close(job)
			a.put(one)
			synctest.Wait()
		}
		m.broken = errors.New("the disk is gone")
		if one := decided("j"); !a.here(one) || len(failures) != 1 {
			t.Fatalf("failures %v, want one", failures)
		}
		applied := slices.Clone(m.applied)
		last := decided("k")
		if a.here(last) {
			t.Fatal("applied here after a failure")
		}
		a.put(last)
		synctest.Wait()
		if !slices.Equal(m.applied, applied) || len(failures) != 1 {
			t.Errorf("after a failure: applied %v, failures %v", m.applied[len(applied):], failures)
		}
	})
}
