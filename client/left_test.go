package client

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// TestWhatIsLeftGoesFirst: what an answer had no room for is sent again before all that
// waits, unless nobody waits for it any more.
func TestWhatIsLeftGoesFirst(t *testing.T) {
	newItem := func() *item { return &item{message: &message{}, done: make(chan result, 1)} }
	for _, closed := range []bool{false, true} {
		answered, left, gone, waits := newItem(), newItem(), newItem(), newItem()
		l := &lane{waiting: []*item{waits}, flying: 1, closed: closed}
		l.ready.L = &l.mu
		f := &flight{lane: l, items: []*item{answered, gone, left}, timer: time.NewTimer(time.Hour)}
		if r := l.withdraw(gone, errNoAnswer); r.verdict != unsettled {
			t.Errorf("withdrawn on its way: verdict %d, want %d", r.verdict, unsettled)
		}
		f.end(1, func(int) result { return result{position: 5} })
		f.land(result{position: 6}) // too late
		if r := <-answered.done; r.position != 5 || l.flying != 0 {
			t.Errorf("answered at %d with %d in flight, want at 5 with none", r.position, l.flying)
		}
		want := []*item{left, waits}
		if closed {
			want = want[1:]
			if r := <-left.done; !errors.Is(r.err, ErrClosed) {
				t.Errorf("what is left when the client closes: %v", r.err)
			}
		}
		if !slices.Equal(l.waiting, want) {
			t.Errorf("closed %v: %d wait, want %d", closed, len(l.waiting), len(want))
		}
	}
}
