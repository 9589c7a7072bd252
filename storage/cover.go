package storage

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
)

// A cover file is two pages, written in turn, each the newest when it is written.
// A page that does not check out was torn by a crash, and the other one counts.
const (
	coverPage    = 4096
	coverVersion = 1
	coverHeader  = 1 + 7 + 16 + 8 + 8 + 2 // version, zeros, disk, turn, appends, entries
	coverEntry   = 1 + 8 + 8 + 4          // kind, number, length, checksum
	coverMax     = (coverPage - coverHeader - 4) / coverEntry
)

// extent is the beginning of a file, up to length bytes, and its checksum.
type extent struct {
	length int64
	crc    uint32
}

// page is what is known to be durable.
type page struct {
	turn    uint64 // counts the pages written
	appends uint64 // number of an Append that is in the votes
	files   map[coveredName]extent
}

// encodePage is p, of at most coverMax files, in coverPage bytes.
func encodePage(disk paxos.UUID, p page) []byte {
	b := append(make([]byte, 0, coverPage), coverVersion, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, disk[:]...)
	b = binary.LittleEndian.AppendUint64(b, p.turn)
	b = binary.LittleEndian.AppendUint64(b, p.appends)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(p.files)))
	for _, name := range slices.SortedFunc(maps.Keys(p.files), compareCovered) {
		e := p.files[name]
		b = append(b, byte(name.kind))
		b = binary.LittleEndian.AppendUint64(b, name.number)
		b = binary.LittleEndian.AppendUint64(b, uint64(e.length))
		b = binary.LittleEndian.AppendUint32(b, e.crc)
	}
	b = b[:coverPage]
	binary.LittleEndian.PutUint32(b[coverPage-4:], crc32.Checksum(b[:coverPage-4], castagnoli))
	return b
}

func compareCovered(a, b coveredName) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number))
}

// decodePage reads what encodePage wrote for the same disk, and reports whether b
// is that.
func decodePage(disk paxos.UUID, b []byte) (page, bool) {
	if len(b) != coverPage || b[0] != coverVersion || paxos.UUID(b[8:24]) != disk ||
		binary.LittleEndian.Uint32(b[coverPage-4:]) != crc32.Checksum(b[:coverPage-4], castagnoli) {
		return page{}, false
	}
	p := page{
		turn:    binary.LittleEndian.Uint64(b[24:]),
		appends: binary.LittleEndian.Uint64(b[32:]),
		files:   map[coveredName]extent{},
	}
	n := int(binary.LittleEndian.Uint16(b[40:]))
	if n > coverMax {
		return page{}, false
	}
	for e := b[coverHeader:]; n > 0; n, e = n-1, e[coverEntry:] {
		name := coveredName{kind: coveredKind(e[0]), number: binary.LittleEndian.Uint64(e[1:])}
		p.files[name] = extent{
			length: int64(binary.LittleEndian.Uint64(e[9:])), crc: binary.LittleEndian.Uint32(e[17:]),
		}
	}
	return p, true
}

// cover is the second durable record of how far the logs and manifests go. Its
// methods are safe for concurrent use; write does not hold up the others.
type cover struct {
	file  vfs.File
	path  string
	disk  paxos.UUID
	watch func(path string) (stop func() bool) // of one writing

	written atomic.Uint64 // pages
	writing sync.Mutex    // held while a page is written; guards closed and failed
	closed  bool
	failed  error      // of the write that failed
	mu      sync.Mutex // guards page
	page    page
}

// createCover makes the cover file of a fresh store, replacing any other.
func createCover(fsys vfs.FS, path string, disk paxos.UUID) error {
	pages := append(encodePage(disk, page{turn: 1}), make([]byte, coverPage)...)
	return wrap("create", path, writeFile(fsys, path, pages))
}

// openCover reads the newer page of a cover file that is there.
func openCover(fsys vfs.FS, path string, disk paxos.UUID) (*cover, error) {
	data, err := readFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt(path, "missing")
	}
	if err != nil {
		return nil, wrap("read", path, err)
	}
	newest, err := newerPage(disk, data)
	if err != nil {
		return nil, corrupt(path, "%w", err)
	}
	f, err := fsys.OpenReadWrite(path, diskWrites)
	if err != nil {
		return nil, wrap("open", path, err)
	}
	unwatched := func(string) func() bool { return func() bool { return true } }
	return &cover{file: f, path: path, disk: disk, watch: unwatched, page: newest}, nil
}

func newerPage(disk paxos.UUID, data []byte) (page, error) {
	if len(data) != 2*coverPage {
		return page{}, fmt.Errorf("%d bytes, want %d", len(data), 2*coverPage)
	}
	even, evenOK := decodePage(disk, data[:coverPage])
	odd, oddOK := decodePage(disk, data[coverPage:])
	switch {
	case !evenOK && !oddOK:
		return page{}, errors.New("neither page has its checksum")
	case !evenOK || oddOK && odd.turn > even.turn:
		return odd, nil
	default:
		return even, nil
	}
}

// note says that the beginning of a file is durable.
func (c *cover) note(name coveredName, e extent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page.files[name] = e
}

// acked says that the Append of this number is durable in a noted log.
func (c *cover) acked(appends uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page.appends = max(c.page.appends, appends)
}

// forget says that the file with this name is obsolete, and reports whether it
// was covered.
func (c *cover) forget(base string) bool {
	name, ok := parseCovered(base)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, was := c.page.files[name]
	delete(c.page.files, name)
	return was
}

// write makes all that was said before the call durable. Once closed it does
// nothing; once it has failed it fails, since the page that it writes next is the only
// good one.
func (c *cover) write() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.closed || c.failed != nil {
		return c.failed
	}
	c.failed = c.writeNext()
	return c.failed
}

// writeNext writes the page that is not the newest.
func (c *cover) writeNext() error {
	defer c.watch(c.path)()
	b, turn, err := c.turnPage()
	if err != nil {
		return wrap("write", c.path, err)
	}
	if _, err := c.file.WriteAt(b, int64((turn+1)%2)*coverPage); err != nil {
		return wrap("write", c.path, err)
	}
	if err := c.file.SyncData(); err != nil {
		return wrap("sync", c.path, err)
	}
	c.written.Add(1)
	return nil
}

// turnPage is the next page, and its turn.
func (c *cover) turnPage() ([]byte, uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.page.files); n > coverMax {
		return nil, 0, fmt.Errorf("%d logs at once, want at most %d", n, coverMax)
	}
	c.page.turn++
	return encodePage(c.disk, c.page), c.page.turn, nil
}

func (c *cover) close() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.closed = true
	return wrap("close", c.path, c.file.Close())
}

// check compares every covered file in dir with what is known of it. manifest is
// the base name of the current manifest. It forgets manifests that are not current.
func (c *cover) check(fsys vfs.FS, dir, manifest string) error {
	current, _ := parseCovered(manifest)
	if _, ok := c.page.files[current]; !ok {
		return corrupt(fsys.PathJoin(dir, manifest), "it is not the manifest that was in use")
	}
	for _, name := range slices.SortedFunc(maps.Keys(c.page.files), compareCovered) {
		if name.kind == manifestFile && name != current {
			delete(c.page.files, name)
			continue
		}
		if err := c.page.files[name].check(fsys, fsys.PathJoin(dir, name.String())); err != nil {
			return err
		}
	}
	return nil
}

// check reports whether the file at path begins with e.
func (e extent) check(fsys vfs.FS, path string) error {
	f, err := fsys.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return corrupt(path, "missing")
	}
	if err != nil {
		return wrap("read", path, err)
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.LimitReader(f, e.length))
	if err = errors.Join(err, f.Close()); err != nil {
		return wrap("read", path, err)
	}
	if n < e.length {
		return corrupt(path, "%d bytes, want at least %d", n, e.length)
	}
	if sum.Sum32() != e.crc {
		return corrupt(path, "the first %d bytes do not have their checksum", e.length)
	}
	return nil
}
