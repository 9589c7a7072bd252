package actors

import (
	"log/slog"
	"runtime"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// TestASystemIsSmall: the heap of a role is small, so what a system keeps in it is a
// large part of what every garbage collection looks at.
func TestASystemIsSmall(t *testing.T) {
	objects := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	const systems, most = 8, 1000
	before := objects()
	var kept []*System
	for range systems {
		kept = append(kept, NewSystem(slog.New(slog.DiscardHandler)))
	}
	if after := objects(); after > before+systems*most {
		t.Errorf("a system is %d objects, want at most %d", (after-before)/systems, most)
	}
	runtime.KeepAlive(kept)
}

// TestAShrunkenSystemFindsItsActors: those too that were there before.
func TestAShrunkenSystemFindsItsActors(t *testing.T) {
	s := actor.NewActorSystem()
	defer s.Shutdown()
	var names []string
	for range 100 {
		pid, err := s.Root.SpawnNamed(actor.PropsFromFunc(func(actor.Context) {}), "before-"+s.ProcessRegistry.NextId())
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, pid.Id)
	}
	shrink(s.ProcessRegistry.LocalPIDs)
	pid, err := s.Root.SpawnNamed(actor.PropsFromFunc(func(actor.Context) {}), "after")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, pid.Id) {
		if _, ok := s.ProcessRegistry.GetLocal(name); !ok {
			t.Errorf("%s is not found", name)
		}
	}
}
