package storage

import (
	"errors"
	"fmt"
	"time"
)

// closeWait is how long Close waits for a store that has failed.
const closeWait = 5 * time.Second

// Close makes the store durable to its last byte and gives the directory back. It
// is called once, when no other call is under way; later calls get ErrClosed.
//
// After a failure it returns that failure. It then gives the directory back only
// if nothing is under way on the disk any more; else the lock stays until the
// process ends, so that no other can get between.
func (a *Acceptor) Close() error {
	if a.closed.Swap(true) {
		return &Error{Op: "close", Path: a.dir.path, Kind: ErrClosed}
	}
	close(a.commits)
	a.stopCoverTimer()
	failure := a.halt.cause()
	if failure == nil {
		failure = wrap("close", a.dir.path, a.cover.write())
	}
	a.halt.enter(closing)
	done := make(chan error, 1)
	go func() {
		a.reclaim.busy.Lock() // for good
		done <- a.release()
	}()
	if failure == nil {
		return errors.Join(<-done, a.halt.cause())
	}
	select {
	case <-done:
		return failure
	case <-time.After(closeWait):
		return fmt.Errorf("%w (and the disk is still busy)", failure)
	}
}

// coverSoon has the cover written within CoverAfter.
func (a *Acceptor) coverSoon() {
	a.timing.Lock()
	defer a.timing.Unlock()
	if a.timer == nil && !a.closed.Load() {
		a.timer = time.AfterFunc(a.options.CoverAfter, a.coverLater)
	}
}

// coverLater is what the timer does.
func (a *Acceptor) coverLater() {
	a.timing.Lock()
	a.timer = nil
	a.timing.Unlock()
	if a.halt.cause() == nil {
		_ = a.coverNow() // the store is halted by an error
	}
}

// coverNow writes the cover.
func (a *Acceptor) coverNow() error {
	if err := a.cover.write(); err != nil {
		return a.halt.fail(err)
	}
	return nil
}

func (a *Acceptor) stopCoverTimer() {
	a.timing.Lock()
	defer a.timing.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
}
