package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// recovery reads a log from its first segment to its last. An Append is begun when the one
// before is durable, so their numbers tell a damaged log from a write that a crash
// interrupted: only the last Append may be torn, and behind it there is none.
type recovery struct {
	a     *Acceptor
	data  []byte   // of the segment read last
	state state    // of the last Append that is whole
	last  *segment // where it is; nil: there is none
	ended []string // why the log does not go on there, nor in the segments after it
}

// tellAfter is how often an operator hears how far the reading is.
const tellAfter = 5 * time.Second

// recoverLog reads the log into the index, and returns the state.
func (a *Acceptor) recoverLog() (state, error) {
	r := recovery{a: a, state: state{appends: a.cover.page.base}}
	numbers, err := a.listSegments()
	if err != nil {
		return state{}, err
	}
	told := time.Now()
	for i, number := range numbers {
		if time.Since(told) > tellAfter {
			told = time.Now()
			a.options.Log.Info("reading the log of votes", "file", i+1, "of", len(numbers))
		}
		if err := r.segment(number, i == len(numbers)-1); err != nil {
			return state{}, err
		}
	}
	if err := r.check(); err != nil {
		return state{}, err
	}
	a.newest = numbers[len(numbers)-1]
	return r.state, nil
}

// listSegments are the numbers of the log's segments. Files of former segments are left to
// be used again.
func (a *Acceptor) listSegments() ([]uint64, error) {
	names, err := a.disk.List(a.votesPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt(a.votesPath(), "the votes are missing")
	}
	if err != nil {
		return nil, wrap("open", a.votesPath(), err)
	}
	var numbers []uint64
	for _, name := range names {
		number, ok := segmentNumber(name)
		switch {
		case !ok:
		case number >= a.cover.page.first:
			numbers = append(numbers, number)
		default:
			if err := a.discard(a.disk.PathJoin(a.votesPath(), name)); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(numbers)
	for i, want := 0, a.cover.page.first; ; i, want = i+1, want+1 {
		if i == len(numbers) && i > 0 {
			return numbers, nil
		}
		if i == len(numbers) || numbers[i] != want {
			return nil, corrupt(a.disk.PathJoin(a.votesPath(), segmentName(want)), "missing")
		}
	}
}

// segment reads the segment of this number.
func (r *recovery) segment(number uint64, newest bool) error {
	s := r.a.newSegment(number)
	s.before = r.state.appends
	data, err := r.read(s.path)
	if err != nil {
		return wrap("read", s.path, err)
	}
	r.a.index.begin(s)
	s.size = int64(len(data))
	var f founding
	torn := 0
	for {
		n, err := r.append(s, data[torn:], int64(torn), &f)
		if err != nil {
			end := fmt.Sprintf("%s ends at byte %d: %v", s.path, torn, err)
			if torn > 0 {
				r.ended = nil
			}
			r.ended = append(r.ended, end)
			break
		}
		torn += n
	}
	if torn > 0 {
		r.last = s
		if r.state.Genesis != nil {
			if f.genesis == nil {
				return corrupt(s.path, "the genesis is missing")
			}
			r.state.Genesis, r.state.Known = f.genesis, f.known
		}
	}
	if n := laterState(data[torn:], s, r.state.appends+1); n > 0 {
		return corrupt(s.path, "Append %d is damaged, number %d is behind it; %s", r.state.appends+1, n, r.whyEnded())
	}
	if newest {
		return r.syncTail(s)
	}
	return nil
}

// read returns the bytes of the file at path, until the next call.
func (r *recovery) read(path string) ([]byte, error) {
	f, err := r.a.disk.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.data = slices.Grow(r.data[:0], int(info.Size()))[:info.Size()]
	_, err = io.ReadFull(f, r.data)
	return r.data, errors.Join(err, f.Close())
}

// append takes over the Append that data begins with, at from in the segment s, and returns
// its length.
func (r *recovery) append(s *segment, data []byte, from int64, f *founding) (int, error) {
	var votes []place
	now := *f
	for at := 0; ; {
		entry, ok := cutEntry(data[at:])
		if !ok {
			return 0, errBroken
		}
		switch entry[0] {
		case voteEntry:
			v, err := decodeVote(entry, s.seed)
			if err != nil {
				return 0, err
			}
			votes = append(votes, place{v.Slot, from + int64(at)})
		case genesisEntry:
			var err error
			if now, err = decodeGenesis(entry, s.seed); err != nil {
				return 0, err
			}
		default:
			next, err := decodeState(entry, s.seed, s.number)
			if err != nil {
				return 0, err
			}
			if next.appends != r.state.appends+1 {
				return 0, fmt.Errorf("Append %d, want %d", next.appends, r.state.appends+1)
			}
			r.state, *f = next, now
			at += len(entry)
			r.a.index.add(votes, from+int64(at), s.size)
			return at, nil
		}
		at += len(entry)
	}
}

// laterState looks for the state of an Append with a higher number than that, and returns its
// number, or 0 if there is none.
func laterState(data []byte, s *segment, number uint64) uint64 {
	mark := binary.LittleEndian.AppendUint64(nil, s.number)
	for at := 0; ; at++ {
		i := bytes.Index(data[at:], mark)
		if i < 0 {
			return 0
		}
		at += i
		if at < entryHeader {
			continue
		}
		entry, ok := cutEntry(data[at-entryHeader:])
		if !ok || len(entry) > stateMax { // a value may be full of what looks like long ones
			continue
		}
		if found, err := decodeState(entry, s.seed, s.number); err == nil && found.appends > number {
			return found.appends
		}
	}
}

// syncTail makes durable what was read at the end of the log, the names of its files included:
// it may have been in the memory of the operating system only.
func (r *recovery) syncTail(s *segment) error {
	return r.a.change("sync", s.path, func() error {
		f, err := r.a.disk.OpenReadWrite(s.path, diskWrites)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close(), syncDir(r.a.disk, r.a.votesPath()))
	})
}

func (r *recovery) whyEnded() string { return strings.Join(r.ended, "; ") }

// check catches what is sound in itself and yet older than it should be.
func (r *recovery) check() error {
	cover, boot := r.a.cover.page, r.a.dir.info.Boot
	path := r.a.votesPath()
	if r.last != nil {
		path = r.last.path
	}
	switch {
	case r.last == nil || r.state.appends < cover.appends:
		return corrupt(path, "the last Append is number %d, number %d was durable; %s", r.state.appends, max(cover.appends, cover.base+1), r.whyEnded())
	case r.state.boot+1 < boot:
		return corrupt(path, "the last Append is of boot number %d, and there was one of %d; %s", r.state.boot, boot-1, r.whyEnded())
	case r.state.boot > boot || cover.boot > boot+1:
		return corrupt(r.a.dir.file(identityName), "boot number %d, the votes have seen %d", boot, max(r.state.boot, cover.boot-1))
	case cover.boot < boot:
		return corrupt(r.a.cover.path, "it is of boot number %d, the directory of %d", cover.boot, boot)
	}
	return nil
}
