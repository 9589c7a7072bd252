package node

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
	"github.com/synod-paxos/synod/streams"
)

// panicky is a state machine that panics on "poison", and notes the rest.
type panicky struct {
	applied  paxos.Slot
	got      []string
	sane     bool // a build without the fault
	versions uint64
}

func (p *panicky) Apply(slot paxos.Slot, _ paxos.LogTime, commands []paxos.Command) (results []actors.Result, err error) {
	for _, c := range commands {
		if string(c.Data) == "poison" && !p.sane && !strings.HasPrefix(c.Subject, skippedPrefix) {
			panic("a fault")
		}
		p.got = append(p.got, c.Subject+" "+string(c.Data))
		results = append(results, actors.Result{Data: c.Data})
	}
	p.applied = slot
	return results, nil
}

func (p *panicky) Position() paxos.Position { return paxos.Position{Applied: p.applied} }
func (p *panicky) Sync(paxos.Slot) error    { return nil }
func (p *panicky) Digest() [16]byte         { return [16]byte{} }
func (p *panicky) Close() error             { return nil }
func (p *panicky) Snapshot(io.Writer) (paxos.Slot, error) {
	return p.applied, nil
}

func (p *panicky) Install(io.Reader) error {
	p.applied = 20
	return nil
}

// panickyWithVersions is a panicky whose rules have versions.
type panickyWithVersions struct{ panicky }

func (p *panickyWithVersions) Version() (inForce, supports uint64) { return p.versions, 2 }

func command(data string) paxos.Command { return paxos.Command{Subject: "propose", Data: []byte(data)} }

// start is what a process does with a machine and the files that the last one left.
func (l *Learner) startMachine(t *testing.T, m Machine) Machine {
	t.Helper()
	o, err := oversee(m, nil, l.dir.Path(), l.log)
	if err != nil {
		t.Fatal(err)
	}
	l.halt = halt{}
	started, err := l.hold(o)
	if err != nil {
		t.Fatal(err)
	}
	return started
}

// TestSkip from the panic to the answer: the learner stops with the slot named, is held
// there when it starts again, finds the order, and goes on without the command.
func TestSkip(t *testing.T) {
	for _, m := range []Machine{&panicky{}, &panickyWithVersions{}} {
		l := inDir(t)
		poisoned := []paxos.Command{command("a"), command("poison"), command("b")}
		run := l.startMachine(t, m)
		_, err := run.Apply(1, 0, poisoned)
		if err == nil || !strings.Contains(err.Error(), "panicked on slot 1: a fault") {
			t.Fatalf("a panic: %v", err)
		}
		reset(m)
		run = l.startMachine(t, m)
		if l.halt.Slot != 1 || l.halt.Reason != "a fault" {
			t.Fatalf("after a panic the learner is held at %+v", l.halt)
		}
		for slot, commands := range map[paxos.Slot][]paxos.Command{
			1: append(poisoned[:3:3], paxos.OrderCommand(paxos.Skip{Slot: 1}, "")), // comes before it is decided
			2: {paxos.OrderCommand(paxos.Skip{Slot: 9}, ""), {Subject: paxos.SkipSubject, Data: []byte("?")}},
		} {
			if _, err := run.Apply(slot, 0, commands); err != nil {
				t.Fatalf("held, it ends at slot %d: %v", slot, err)
			}
		}
		order := []paxos.Command{command("c"), paxos.OrderCommand(paxos.Skip{Slot: 1, Command: 2}, "")}
		if _, err := run.Apply(3, 0, order); !errors.Is(err, errStartAgain) {
			t.Fatalf("held, it reads the order: %v", err)
		}
		run = l.startMachine(t, m)
		if l.halt.Slot != 0 {
			t.Fatal("it is held although there is an order")
		}
		results, err := run.Apply(1, 0, poisoned)
		if err != nil || len(results) != 3 || string(results[0].Data) != "a" || string(results[2].Data) != "b" {
			t.Fatalf("with the command skipped: %q, %v", results, err)
		}
		if _, versioned := m.(versioned); !versioned {
			var ack bus.Ack
			if err := json.Unmarshal(results[1].Data, &ack); err != nil || ack.Error == nil || ack.Error.Code != bus.CodeFailed {
				t.Errorf("the skipped command is answered with %s", results[1].Data)
			}
		} else if got := m.(*panickyWithVersions).got; !slices.Contains(got, "skipped.propose poison") {
			t.Errorf("a machine with versions got %q, and is not told what is skipped", got)
		}
		if results, err = run.Apply(3, 0, order); err != nil || len(results) != 2 || string(results[1].Data) != `{"slot":1,"command":2}` {
			t.Fatalf("the order is answered with %q, %v", results, err)
		}
	}
}

func reset(m Machine) {
	switch m := m.(type) {
	case *panicky:
		*m = panicky{}
	case *panickyWithVersions:
		*m = panickyWithVersions{}
	}
}

// TestAnotherBuildTriesAgain what the last one failed on.
func TestAnotherBuildTriesAgain(t *testing.T) {
	l := inDir(t)
	if err := writeJSON(filepath.Join(l.dir.Path(), haltFile), halt{Slot: 1, Reason: "a fault", Build: "older"}); err != nil {
		t.Fatal(err)
	}
	run := l.startMachine(t, &panicky{sane: true})
	if _, err := run.Apply(1, 0, []paxos.Command{command("poison")}); err != nil {
		t.Fatal(err)
	}
	// It can apply the slot, and has. That others skip it makes its state the wrong one.
	_, err := run.Apply(2, 0, []paxos.Command{paxos.OrderCommand(paxos.Skip{Slot: 1}, "")})
	var d actors.Doubt
	if readErr := readJSON(filepath.Join(l.dir.Path(), doubtFile), &d); err == nil || readErr != nil || d.Slot != 1 || !d.Outvoted {
		t.Fatalf("it goes on with what is skipped: %v; doubt %+v, %v", err, d, readErr)
	}
	// Once rebuilt it knows what to skip.
	run = l.startMachine(t, &panicky{sane: true})
	results, err := run.Apply(1, 0, []paxos.Command{command("poison")})
	if err != nil || !strings.Contains(string(results[0].Data), "skipped") {
		t.Fatalf("rebuilt, it applies what is skipped: %q, %v", results, err)
	}
}

// TestHaltedBeforeItsSlot goes on up to the slot that it had failed on, when a crash has
// lost what came before, and no further.
func TestHaltedBeforeItsSlot(t *testing.T) {
	l := inDir(t)
	if err := writeJSON(filepath.Join(l.dir.Path(), haltFile), halt{Slot: 2, Reason: "a fault", Build: Version()}); err != nil {
		t.Fatal(err)
	}
	m := &panicky{}
	run := l.startMachine(t, m)
	if _, err := run.Apply(1, 0, []paxos.Command{command("a")}); err != nil || l.halt.Slot != 0 {
		t.Fatalf("before its slot: %v, held at %d", err, l.halt.Slot)
	}
	if _, err := run.Apply(2, 0, []paxos.Command{command("b")}); !errors.Is(err, errStartAgain) || m.applied != 1 {
		t.Fatalf("at its slot: %v, applied %d", err, m.applied)
	}
	if l.startMachine(t, m); l.halt.Slot != 2 {
		t.Error("it is not held at its slot")
	}
}

// TestHeldTakesAFellowsState when a fellow applied the slot.
func TestHeldTakesAFellowsState(t *testing.T) {
	l := inDir(t)
	m := &panicky{}
	run := l.startMachine(t, m)
	if _, err := run.Apply(1, 0, []paxos.Command{command("poison")}); err == nil {
		t.Fatal("no panic")
	}
	run = l.startMachine(t, m)
	if err := run.Install(nil); !errors.Is(err, errStartAgain) {
		t.Fatalf("installed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(l.dir.Path(), haltFile)); err == nil {
		t.Error("it is still held")
	}
}

// TestMissingResultsHold as a panic does.
func TestMissingResultsHold(t *testing.T) {
	l := inDir(t)
	run := l.startMachine(t, short{&panicky{}})
	if _, err := run.Apply(1, 0, []paxos.Command{command("a")}); err == nil || !strings.Contains(err.Error(), "0 results for 1 commands") {
		t.Fatalf("a missing result: %v", err)
	}
	if l.startMachine(t, &panicky{}); l.halt.Slot != 1 {
		t.Error("a missing result does not hold the learner")
	}
}

// short gives no results.
type short struct{ *panicky }

func (short) Apply(paxos.Slot, paxos.LogTime, []paxos.Command) ([]actors.Result, error) {
	return nil, nil
}

// TestOrdersAreNotTheMachines own, unless it has versions.
func TestOrdersAreNotTheMachines(t *testing.T) {
	orders := []paxos.Command{paxos.OrderCommand(paxos.Upgrade{Version: 2}, ""), {Subject: "operator.dance"}, paxos.OrderCommand(paxos.Skip{Slot: 7}, "")}
	plain, versioned := &panicky{}, &panickyWithVersions{}
	for _, m := range []Machine{plain, versioned} {
		results, err := inDir(t).startMachine(t, m).Apply(1, 0, orders)
		if err != nil || len(results) != 3 {
			t.Fatalf("%q, %v", results, err)
		}
	}
	if len(plain.got) != 0 || len(versioned.got) != 1 || !strings.HasPrefix(versioned.got[0], paxos.UpgradeSubject) {
		t.Errorf("a machine without versions was given %q, one with %q", plain.got, versioned.got)
	}
}

// TestABrokenDiskIsNoFaultOfTheCommand: the learner stops, without a note that would hold
// the next start at the slot that was being applied.
func TestABrokenDiskIsNoFaultOfTheCommand(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	disk, told := storagetest.NewDisk(), make(chan error, 1)
	m, err := openMachine("state", streams.Options{FS: disk.FS(), Failed: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o, err := oversee(m, nil, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	disk.Before(func(o storagetest.Op) error {
		if o.Kind == storagetest.Write {
			return syscall.EIO
		}
		return nil
	})
	for slot := paxos.Slot(1); err == nil && slot < 100_000; slot++ {
		_, err = o.Apply(slot, paxos.LogTime(slot), []paxos.Command{command(strings.Repeat("x", 1000))})
	}
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("applied with %v, want EIO", err)
	}
	if err := <-told; !errors.Is(err, syscall.EIO) {
		t.Errorf("told %v, want EIO", err)
	}
	if _, err := os.Stat(filepath.Join(dir, haltFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v, want none", haltFile, err)
	}
}
