package storage_test

import (
	"flag"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

var again = flag.Int("storage.again", 150, "random disks on which power is lost again and again")

// TestPowerLostAgainAndAgain has one life after the other on a disk, each with other options,
// until power is lost or the process killed somewhere in it, in opening too. Segments are small, trims large, the
// cover comes when it comes, and who drops segments is not waited for.
func TestPowerLostAgainAndAgain(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	opened, lost := 0, 0
	for seed := range uint64(*again) {
		s := &series{t: t, Rand: rand.New(rand.NewPCG(seed, 7)), h: newHistory(seed, 400), seed: seed, disk: storagetest.NewDisk(), acked: &paxos.Ledger{}, next: &paxos.Ledger{}}
		for range 25 {
			s.life()
		}
		opened, lost = opened+s.opened, lost+s.lost
		if t.Failed() {
			return
		}
	}
	t.Logf("power was lost %d times, %d times the acceptor was opened", lost, opened)
	if lost < 10**again || opened < 8**again {
		t.Error("that is too seldom")
	}
}

// series is lives on one disk.
type series struct {
	t *testing.T
	*rand.Rand
	h            *history
	seed         uint64
	disk         *storagetest.Disk
	acked, next  *paxos.Ledger
	opened, lost int

	mu   sync.Mutex
	left *storagetest.Disk // what the power loss left; nil: none yet
}

// life goes on until power is lost, or for some Appends.
func (s *series) life() {
	s.losePowerSomewhere()
	a, err := storage.OpenAcceptor("/a1", "a1", s.options())
	if err == nil {
		s.opened++
		if s.check(a) {
			s.live(a)
		}
		_ = a.Close() // power may be lost
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.left != nil:
		s.disk, s.left = s.left, nil
		s.lost++
	case err != nil:
		s.t.Errorf("seed %d, life %d: %v", s.seed, s.opened, err)
	default:
		s.disk.Before(nil)
	}
}

func (s *series) options() storage.Options {
	o := storage.Options{FS: s.disk.Restarted(), HungAfter: -1}
	o.Segment = []int{1, 100, 500, 4096}[s.IntN(4)]
	o.CoverAfter = []time.Duration{-1, 0, 1, 100 * time.Microsecond}[s.IntN(4)]
	return o
}

// losePowerSomewhere has power lost before some change, after which every call fails; or the
// process killed, which loses nothing.
func (s *series) losePowerSomewhere() {
	n, percent, seed := 1+s.IntN(90), []int{-1, 0, 20, 50, 80, 100}[s.IntN(6)], s.Uint64()
	disk := s.disk
	disk.Before(func(o storagetest.Op) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.left != nil {
			return syscall.EIO
		}
		if o.Changes() {
			if n--; n == 0 {
				if s.left = disk; percent >= 0 {
					s.left = disk.Crash(percent, seed)
				}
				return syscall.EIO
			}
		}
		return nil
	})
}

// check compares what was found with what was answered. It is false if power was lost before
// that is known.
func (s *series) check(a *storage.Acceptor) bool {
	got, err := held(a)
	switch {
	case err != nil && s.isLost():
		return false
	case err == nil && got.equal(expected(s.next)):
		s.acked = s.next
	case err != nil || !got.equal(expected(s.acked)):
		s.t.Errorf("seed %d, life %d: error %v\n got %s\nwant %s\n  or %s", s.seed, s.opened, err, got, expected(s.acked), expected(s.next))
	default:
		s.next = s.acked
	}
	return true
}

func (s *series) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left != nil
}

func (s *series) live(a *storage.Acceptor) {
	for range s.IntN(25) {
		group := s.h.group(5)
		if s.IntN(5) == 0 {
			group = append(group, paxos.Trimmed{Below: s.h.head + paxos.Slot(s.IntN(3))})
		}
		s.next = s.acked.Clone()
		s.next.Append(group...)
		if a.Append(group) != nil {
			return
		}
		s.acked = s.next
		s.fill(a)
	}
}

// fill compares a page with the model's.
func (s *series) fill(a *storage.Acceptor) {
	from := paxos.Slot(s.Uint64N(uint64(s.h.head) + 2))
	got := paxos.Page{From: from, To: []paxos.Slot{0, from + 5}[s.IntN(2)], BallotsOnly: s.IntN(2) == 0}
	want, room := got, s.IntN(3000)
	if err := a.Fill(&got, room); err != nil {
		if !s.isLost() {
			s.t.Errorf("seed %d, life %d: %v", s.seed, s.opened, err)
		}
		return
	}
	s.acked.Fill(&want, room)
	if got.Next != want.Next || !(contents{votes: got.Votes}).equal(contents{votes: want.Votes}) {
		s.t.Errorf("seed %d, life %d: page\n got next %d %v\nwant next %d %v", s.seed, s.opened, got.Next, contents{votes: got.Votes}, want.Next, contents{votes: want.Votes})
	}
}
