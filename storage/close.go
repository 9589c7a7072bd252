package storage

import (
	"cmp"
	"time"
)

// closeWait is how long Close waits for a store that has failed.
const closeWait = time.Second

// Close makes the store durable to its last byte and gives the directory back. It
// is called once, when no other call is under way; later calls get ErrClosed.
//
// After a failure it returns that failure. If that was one of writing, or the disk
// hangs, the directory stays locked until the process ends.
func (a *Acceptor) Close() error {
	if a.closed.Swap(true) {
		return &Error{Op: "close", Path: a.dir.path, Kind: ErrClosed}
	}
	return a.stop()
}

// stop ends everything that goes on and closes what is open.
func (a *Acceptor) stop() error {
	close(a.commits)
	a.stopCoverTimer()
	done := make(chan error, 1)
	go func() { done <- a.windUp() }()
	var wait <-chan time.Time
	for failed := a.halt.Stopped(); ; {
		select {
		case err := <-done:
			return cmp.Or(a.halt.Cause(), err)
		case <-a.halt.Stuck():
			return a.halt.Cause()
		case <-failed: // it may never be done
			failed, wait = nil, time.After(closeWait)
		case <-wait:
			return a.halt.Cause()
		}
	}
}

// windUp closes everything, unless something will never end.
func (a *Acceptor) windUp() error {
	if a.halt.Cause() == nil {
		_ = a.coverNow() // the store is halted by an error
	}
	if a.halt.IsStuck() {
		return nil
	}
	a.reclaim.busy.Lock() // for good
	return a.release()
}

// coverSoon has the cover written once no Append has come for CoverAfter: while they
// come, each is covered by the next. It waits coverPatience times that at most.
func (a *Acceptor) coverSoon() {
	now := time.Now()
	a.timing.Lock()
	defer a.timing.Unlock()
	a.newest = now
	if a.timer == nil && !a.closed.Load() {
		a.oldest = now
		a.timer = time.AfterFunc(a.options.CoverAfter, a.coverLater)
	}
}

// coverPatience is how many times CoverAfter an Append waits for its cover, if
// others follow.
const coverPatience = 10

// coverLater is what the timer does.
func (a *Acceptor) coverLater() {
	if a.coverWaits() || a.halt.Cause() != nil {
		return
	}
	_ = a.coverNow() // the store is halted by an error
}

// coverWaits sets the timer anew if it is too early for the cover.
func (a *Acceptor) coverWaits() bool {
	a.timing.Lock()
	defer a.timing.Unlock()
	after := a.options.CoverAfter
	wait := min(after-time.Since(a.newest), coverPatience*after-time.Since(a.oldest))
	if wait > 0 && !a.closed.Load() {
		a.timer.Reset(wait)
		return true
	}
	a.timer = nil
	return false
}

// coverNow writes the cover, a change like any other.
func (a *Acceptor) coverNow() error {
	a.halt.Gate()
	if err := a.cover.write(); err != nil {
		return a.halt.Jam(err)
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
