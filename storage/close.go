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
	return a.stop(func() error {
		if a.halt.Cause() == nil {
			_ = a.coverNow() // the store is halted by an error
		}
		return a.release()
	})
}

// stop ends everything that goes on, and then closes what is open. After a change that failed
// it leaves all as it stands, the lock included: nobody knows what is on the disk until this
// process has ended.
func (a *Acceptor) stop(closeAll func() error) error {
	close(a.commits)
	a.stopCoverTimer()
	done := make(chan error, 1)
	go func() {
		<-a.ended
		a.dropping.Lock() // for good
		done <- closeAll()
	}()
	var wait <-chan time.Time
	for failed := a.halt.Stopped(); ; {
		select {
		case err := <-done:
			return cmp.Or(a.halt.Cause(), err)
		case <-failed: // it may never be done
			failed, wait = nil, time.After(closeWait)
		case <-wait:
			return a.halt.Cause()
		}
	}
}

// coverSoon has the cover written once no Append has come for CoverAfter: while they
// come, each is covered by the next. It waits coverPatience times that at most.
func (a *Acceptor) coverSoon() {
	now := time.Now()
	a.timing.Lock()
	defer a.timing.Unlock()
	a.latest = now
	if a.timer == nil && !a.closed.Load() {
		a.since = now
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
	wait := min(after-time.Since(a.latest), coverPatience*after-time.Since(a.since))
	if wait > 0 && !a.closed.Load() {
		a.timer.Reset(wait)
		return true
	}
	a.timer = nil
	return false
}

// coverNow writes the cover, a change like any other.
func (a *Acceptor) coverNow() error { return a.change("write", a.cover.path, a.cover.write) }

func (a *Acceptor) stopCoverTimer() {
	a.timing.Lock()
	defer a.timing.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
}
