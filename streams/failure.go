package streams

import (
	"fmt"
	"runtime/debug"

	"github.com/cockroachdb/pebble/v2"

	"github.com/synod-paxos/synod/internal/guard"
)

// A failureReport holds the first thing that was wrong with the disk of one database.
// After a change of the directory failed, what is done with the database is done by
// [attempt], which does not wait for whoever is held.
type failureReport struct {
	*guard.Halt
	dir string
}

func newFailure(h *home, name string, o Options) *failureReport {
	tell := func(err error) {
		o.Logger.Error(err.Error())
		if o.Failed != nil {
			o.Failed(err)
		}
	}
	return &failureReport{Halt: guard.NewHalt(tell), dir: o.FS.PathJoin(h.dir, name)}
}

// open opens the database. What it has begun in the background would not survive that
// it gives up because of a read.
func (f *failureReport) open(o *pebble.Options) (db *pebble.DB, err error) {
	err = f.Strictly(func() error {
		db, err = pebble.Open(f.dir, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("streams: open %s: %w", f.dir, err)
	}
	return db, nil
}

// of says whose failure err is.
func (f *failureReport) of(err error) error {
	return fmt.Errorf("streams: database in %s: %w", f.dir, err)
}

func (f *failureReport) wrap(op, path string, err error) error {
	return f.of(fmt.Errorf("%s %s: %w", op, path, err))
}

// events tells what happens inside the database.
func (f *failureReport) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { _ = f.Fail(f.of(err)) },
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			_ = f.Fail(f.of(fmt.Errorf("damaged file %s: %w", i.Path, i.Details)))
		},
	}
}

// attempt does what may be held, and does not wait for it once somebody is. A panic is
// a failure: who knows what the database has locked.
func attempt[T any](f *failureReport, do func() (T, error)) (T, error) {
	return guard.Attempt(f.Halt, func() (value T, err error) {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case error:
				err = f.Jam(f.of(fmt.Errorf("panic: %w\n%s", p, debug.Stack())))
			default:
				err = f.Jam(f.of(fmt.Errorf("panic: %v\n%s", p, debug.Stack())))
			}
		}()
		return do()
	})
}

// do is attempt for what has no result.
func (f *failureReport) do(do func() error) error {
	_, err := attempt(f, func() (struct{}, error) { return struct{}{}, do() })
	return err
}
