package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
)

// A cover file is two pages, written in turn, each the newest when it is written.
// A page that does not check out was torn by a crash, and the other one counts.
const (
	coverPage    = 4096
	coverVersion = 2
	coverLength  = 1 + 7 + 16 + 16 + 5*8 // version, zeros, disk, salt, turn, boot, appends, first, base
)

// page is what is known to be durable.
type page struct {
	turn    uint64 // counts the pages written
	boot    uint64 // boot number of the opening that wrote it, or that was about to end
	appends uint64 // number of an Append that is in the log
	first   uint64 // number of the log's first segment
	base    uint64 // number of the last Append before that segment
}

// encodePage is p in coverPage bytes.
func encodePage(disk, salt paxos.UUID, p page) []byte {
	b := append(make([]byte, 0, coverPage), coverVersion, 0, 0, 0, 0, 0, 0, 0)
	b = append(append(b, disk[:]...), salt[:]...)
	for _, n := range []uint64{p.turn, p.boot, p.appends, p.first, p.base} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = b[:coverPage]
	binary.LittleEndian.PutUint32(b[coverPage-4:], crc32.Checksum(b[:coverPage-4], castagnoli))
	return b
}

// decodePage reads what encodePage wrote for the same disk, and reports whether b
// is that.
func decodePage(disk paxos.UUID, b []byte) (salt paxos.UUID, p page, ok bool) {
	if len(b) != coverPage || binary.LittleEndian.Uint32(b[coverPage-4:]) != crc32.Checksum(b[:coverPage-4], castagnoli) {
		return paxos.UUID{}, page{}, false
	}
	d := decoder{rest: b[:coverLength]}
	d.version(coverVersion)
	d.bytes(7)
	if d.uuid() != disk {
		d.bad = true
	}
	salt = d.uuid()
	p = page{turn: d.uint64(), boot: d.uint64(), appends: d.uint64(), first: d.uint64(), base: d.uint64()}
	return salt, p, !d.bad
}

// cover is the second durable record of how far the log goes, and where it begins. Its
// methods are safe for concurrent use; write does not hold up the others.
type cover struct {
	file  vfs.File
	path  string
	disk  paxos.UUID
	salt  paxos.UUID                           // made with the directory, and known to nobody else
	watch func(path string) (stop func() bool) // of one writing

	written atomic.Uint64 // pages
	writing sync.Mutex    // held while a page is written; guards closed and failed
	closed  bool
	failed  error      // of the write that failed
	mu      sync.Mutex // guards page
	page    page
}

// createCover makes the cover file of a fresh store, replacing any other.
func createCover(fsys vfs.FS, path string, disk, salt paxos.UUID) error {
	pages := append(encodePage(disk, salt, page{turn: 1, first: 1}), make([]byte, coverPage)...)
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
	salt, newest, err := newerPage(disk, data)
	if err != nil {
		return nil, corrupt(path, "%w", err)
	}
	f, err := fsys.OpenReadWrite(path, diskWrites)
	if err != nil {
		return nil, wrap("open", path, err)
	}
	if err := f.Sync(); err != nil { // the page may have been in the memory of the operating system only
		return nil, errors.Join(wrap("sync", path, err), f.Close())
	}
	unwatched := func(string) func() bool { return func() bool { return true } }
	return &cover{file: f, path: path, disk: disk, salt: salt, watch: unwatched, page: newest}, nil
}

func newerPage(disk paxos.UUID, data []byte) (paxos.UUID, page, error) {
	if len(data) != 2*coverPage {
		return paxos.UUID{}, page{}, fmt.Errorf("%d bytes, want %d", len(data), 2*coverPage)
	}
	evenSalt, even, evenOK := decodePage(disk, data[:coverPage])
	oddSalt, odd, oddOK := decodePage(disk, data[coverPage:])
	switch {
	case !evenOK && !oddOK:
		return paxos.UUID{}, page{}, errors.New("neither page has its checksum")
	case !evenOK || oddOK && odd.turn > even.turn:
		return oddSalt, odd, nil
	default:
		return evenSalt, even, nil
	}
}

// acked says that the Append of this number is durable.
func (c *cover) acked(appends uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page.appends = max(c.page.appends, appends)
}

// opened says that this opening will be of that boot number.
func (c *cover) opened(boot uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page.boot = boot
}

// begins says that the log begins with this segment, after the Append of number base.
func (c *cover) begins(first, base uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page.first, c.page.base = first, base
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
	b, turn := c.turnPage()
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
func (c *cover) turnPage() ([]byte, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page.turn++
	return encodePage(c.disk, c.salt, c.page), c.page.turn
}

func (c *cover) close() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.closed = true
	return wrap("close", c.path, c.file.Close())
}
