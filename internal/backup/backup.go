// Package backup is the file that holds a copy of a cluster's state: a snapshot of a
// learner, what it is of, and a checksum of all. Package node takes one and gives it back.
//
//	magic     "SYNODBK1", 8 bytes
//	snapshot  as a learner sends it to another
//	about     Info as JSON
//	length    of about, 4 bytes, big-endian
//	sum       SHA-256 of everything before it, 32 bytes
package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

const (
	magic    = "SYNODBK1"
	maxAbout = 1 << 20 // bytes
)

// Info says what a backup is of.
type Info struct {
	Cluster    string     `json:"cluster"` // its name
	UUID       string     `json:"uuid"`
	Generation uint64     `json:"generation"`
	Slot       paxos.Slot `json:"slot"`     // the last one in the state
	LogTime    time.Time  `json:"log_time"` // of the state
	Digest     string     `json:"digest"`   // of the state, in hexadecimal
	Bytes      int64      `json:"bytes"`    // of the snapshot
	Taken      time.Time  `json:"taken"`
	Version    string     `json:"version"` // of the program that took it
	Learner    string     `json:"learner"` // where

	// The newest configuration that the learner knew; nothing when it knew none. The number
	// and the first slot are not in backups that earlier programs took, whose configuration
	// may be the one that the cluster was founded with.
	Number    uint64     `json:"configuration,omitempty"`
	From      paxos.Slot `json:"from,omitempty"`
	Acceptors []string   `json:"acceptors,omitempty"`
	Quorums   string     `json:"quorums,omitempty"` // as `synod init` takes them
	Copies    int        `json:"copies,omitempty"`
	Window    uint64     `json:"window,omitempty"`
}

// State is the digest of the state, as a genesis names it.
func (i *Info) State() (sum [16]byte, err error) {
	b, err := hex.DecodeString(i.Digest)
	if err != nil || len(b) != len(sum) {
		return sum, fmt.Errorf("backup: digest %q", i.Digest)
	}
	return [16]byte(b), nil
}

// ErrDamaged is matched by the errors of files that are no backup, or not whole.
var ErrDamaged = errors.New("damaged backup")

// A Writer writes a backup beside its place, and puts it there when it is whole.
type Writer struct {
	path string
	file *os.File
	sum  hash.Hash
	size int64
}

// Create begins a backup that will be the file path, readable by its owner only. The
// caller must Finish or Abandon it.
func Create(path string) (*Writer, error) {
	f, err := os.OpenFile(path+".partial", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, file: f, sum: sha256.New()}
	return w, w.Restart()
}

// Restart forgets all that was written.
func (w *Writer) Restart() error {
	w.sum.Reset()
	w.size = 0
	_, err := w.file.Seek(0, io.SeekStart)
	return errors.Join(err, w.file.Truncate(0), w.put([]byte(magic)))
}

func (w *Writer) put(b []byte) error {
	w.sum.Write(b) // never fails
	_, err := w.file.Write(b)
	return err
}

// Write adds a part of the snapshot.
func (w *Writer) Write(b []byte) (int, error) {
	if err := w.put(b); err != nil {
		return 0, err
	}
	w.size += int64(len(b))
	return len(b), nil
}

// Size is how many bytes of the snapshot were written.
func (w *Writer) Size() int64 { return w.size }

// Finish checks the snapshot, and makes the backup durable in its place. What the
// snapshot says of itself is filled into info.
func (w *Writer) Finish(info Info) (Info, error) {
	if err := describe(&info, io.NewSectionReader(w.file, int64(len(magic)), w.size)); err != nil {
		return info, err
	}
	about, err := json.Marshal(info)
	if err != nil {
		return info, err
	}
	err = errors.Join(w.put(binary.BigEndian.AppendUint32(about, uint32(len(about)))))
	if err == nil {
		_, err = w.file.Write(w.sum.Sum(nil))
	}
	if err := errors.Join(err, w.file.Sync(), w.file.Close()); err != nil {
		return info, err
	}
	if err := os.Rename(w.path+".partial", w.path); err != nil {
		return info, err
	}
	return info, syncDir(filepath.Dir(w.path))
}

// Abandon removes what was written. After Finish it does nothing.
func (w *Writer) Abandon() {
	if w.file.Close() == nil {
		_ = os.Remove(w.path + ".partial") // what is left is named so that nobody takes it for whole
	}
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// describe reads a whole snapshot, and notes in info which state it is.
func describe(info *Info, snapshot *io.SectionReader) error {
	d, err := streams.Verify(snapshot)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if rest, err := io.Copy(io.Discard, snapshot); err != nil || rest > 0 {
		return fmt.Errorf("%w: %d bytes after the end of the snapshot (%w)", ErrDamaged, rest, err)
	}
	info.Slot, info.LogTime, info.Digest = paxos.Slot(d.Slot), time.Unix(0, d.LogTime).UTC(), d.Sum.String()
	info.Bytes = snapshot.Size()
	return nil
}

// A File is a whole backup.
type File struct {
	Info     Info
	Snapshot *io.SectionReader
	file     *os.File
}

// Open opens a backup after it has read all of it and compared the checksum, the
// snapshot's own ones, and what it says of the state. The caller must Close it.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b := &File{file: f}
	if err := b.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return b, nil
}

// Close closes the file.
func (b *File) Close() error { return b.file.Close() }

func (b *File) read() error {
	size, err := b.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	least := int64(len(magic) + 4 + sha256.Size)
	if size < least {
		return fmt.Errorf("%w: %d bytes are too few", ErrDamaged, size)
	}
	if err := b.checkSum(size - sha256.Size); err != nil {
		return err
	}
	tail := make([]byte, 4)
	if _, err := b.file.ReadAt(tail, size-sha256.Size-4); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(tail))
	if n > maxAbout || n > size-least {
		return fmt.Errorf("%w: a description of %d bytes", ErrDamaged, n)
	}
	about := make([]byte, n)
	if _, err := b.file.ReadAt(about, size-sha256.Size-4-n); err != nil {
		return err
	}
	if err := json.Unmarshal(about, &b.Info); err != nil {
		return fmt.Errorf("%w: its description: %w", ErrDamaged, err)
	}
	b.Snapshot = io.NewSectionReader(b.file, int64(len(magic)), size-least-n)
	return b.compare()
}

// checkSum reads the first n bytes and compares their checksum with the bytes after them.
func (b *File) checkSum(n int64) error {
	sum, first := sha256.New(), make([]byte, len(magic))
	if _, err := b.file.ReadAt(first, 0); err != nil {
		return err
	}
	if string(first) != magic {
		return fmt.Errorf("%w: no backup of this version, it begins with %q", ErrDamaged, first)
	}
	if _, err := io.Copy(sum, io.NewSectionReader(b.file, 0, n)); err != nil {
		return err
	}
	want := make([]byte, sha256.Size)
	if _, err := b.file.ReadAt(want, n); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return fmt.Errorf("%w: its checksum does not match", ErrDamaged)
	}
	return nil
}

// compare reads the snapshot, and compares it with its description.
func (b *File) compare() error {
	said := b.Info
	if err := describe(&b.Info, b.Snapshot); err != nil {
		return err
	}
	if said.Slot != b.Info.Slot || said.Digest != b.Info.Digest || said.Bytes != b.Info.Bytes {
		return fmt.Errorf("%w: it is of slot %d with digest %s, and holds slot %d with digest %s",
			ErrDamaged, said.Slot, said.Digest, b.Info.Slot, b.Info.Digest)
	}
	return nil
}
