package storage

import (
	"cmp"
	"slices"
	"sync"

	"github.com/synod-paxos/synod/paxos"
)

// index says where votes are. It is small: what it holds of a segment is its runs and, of
// each run, a place now and then, so that a log of many segments fits into memory. It is safe for
// concurrent use.
type index struct {
	every int64 // bytes between two places of a run

	mu       sync.Mutex
	segments []*segment // ascending, without a gap; the last is the one that is written
	runs     []run      // in the order in which they were written
}

// placesPerSegment is how many places a run of a whole segment has.
const placesPerSegment = 512

// segment is a file of the log.
type segment struct {
	number  uint64
	path    string
	seed    seed
	before  uint64     // number of the last Append before its first
	size    int64      // bytes that the file takes
	high    paxos.Slot // highest slot of its votes; 0: it has none
	readers int        // those who read it, which must stay as it is
}

// run is votes in ascending slots, one after the other in a segment; other entries may lie
// between. A leader's votes are one run until the segment is full; the next leader, who
// proposes some slots again, begins another.
type run struct {
	segment   *segment
	low, high paxos.Slot // of its first and of its last vote
	end       int64      // where the last vote ends
	places    []place    // ascending; the first is where the run begins
}

// place is where the entry of the vote in a slot begins.
type place struct {
	slot paxos.Slot
	at   int64
}

// begin says that the segment s is written from now on, or that it was read. One that is
// written has its first Append: what comes before it may be cut.
func (x *index) begin(s *segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.segments = append(x.segments, s)
}

// add says that votes are durable, at these places of the last segment; the next one begins
// where one ends, or later. end is where the last of them ends at the latest. size is how
// large the file is now.
func (x *index) add(votes []place, end, size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.segments[len(x.segments)-1].size = size
	for i, v := range votes {
		to := end
		if i+1 < len(votes) {
			to = votes[i+1].at
		}
		x.addVote(v, to)
	}
}

func (x *index) addVote(v place, end int64) {
	s := x.segments[len(x.segments)-1]
	s.high = max(s.high, v.slot)
	if n := len(x.runs); n == 0 || x.runs[n-1].segment != s || x.runs[n-1].high >= v.slot {
		x.runs = append(x.runs, run{segment: s, low: v.slot})
	}
	r := &x.runs[len(x.runs)-1]
	r.high, r.end = v.slot, end
	if n := len(r.places); n == 0 || v.at-r.places[n-1].at >= x.every {
		r.places = append(r.places, v)
	}
}

// read returns the runs that may have votes in [from, to), in the order in which they were
// written: of two votes in a slot the later one counts. To 0 is open. Their segments stay
// until release.
func (x *index) read(from, to paxos.Slot) []run {
	x.mu.Lock()
	defer x.mu.Unlock()
	var runs []run
	for _, r := range x.runs {
		if r.high >= from && (to == 0 || r.low < to) {
			r.segment.readers++
			runs = append(runs, r)
		}
	}
	return runs
}

// release gives back what read returned.
func (x *index) release(runs []run) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range runs {
		r.segment.readers--
	}
}

// cut takes the segments out whose votes are all below the slot, as long as there is nothing
// else before them and nobody reads them. The last segment stays. It returns them, and the
// one that is the first now.
func (x *index) cut(below paxos.Slot) (obsolete []*segment, first *segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for n < len(x.segments)-1 && x.segments[n].high < below && x.segments[n].readers == 0 {
		n++
	}
	obsolete = slices.Clone(x.segments[:n])
	x.segments = slices.Delete(x.segments, 0, n)
	gone := 0
	for gone < len(x.runs) && x.runs[gone].segment.number < x.segments[0].number {
		gone++
	}
	x.runs = slices.Delete(x.runs, 0, gone)
	return obsolete, x.segments[0]
}

// bytes is what the segments take on the disk, and how many they are.
func (x *index) bytes() (bytes uint64, segments int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.segments {
		bytes += uint64(s.size)
	}
	return bytes, len(x.segments)
}

// seek is where a scan for votes from the slot on begins.
func (r *run) seek(from paxos.Slot) int64 {
	above, _ := slices.BinarySearchFunc(r.places, from, func(p place, s paxos.Slot) int { return cmp.Compare(p.slot, s) })
	if above == len(r.places) || r.places[above].slot > from {
		above = max(above-1, 0)
	}
	return r.places[above].at
}
