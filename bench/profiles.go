package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// How much is sampled: enough to name what matters in a second, at a cost that the
// CPU profile does not show.
const (
	everyMutex = 100     // of the contended unlocks
	everyBlock = 100_000 // nanoseconds of waiting
)

// profiles are those of a whole run, for `go tool pprof`.
type profiles struct {
	dir string
	cpu *os.File
}

func startProfiles(dir string) (*profiles, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "cpu"))
	if err != nil {
		return nil, err
	}
	runtime.SetMutexProfileFraction(everyMutex)
	runtime.SetBlockProfileRate(everyBlock)
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &profiles{dir, f}, nil
}

func (p *profiles) stop() error {
	pprof.StopCPUProfile()
	errs := []error{p.cpu.Close()}
	for _, name := range []string{"allocs", "mutex", "block"} {
		errs = append(errs, p.write(name))
	}
	return errors.Join(errs...)
}

func (p *profiles) write(name string) error {
	f, err := os.Create(filepath.Join(p.dir, name))
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup(name).WriteTo(f, 0), f.Close())
}
