package streams

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// A Snapshot is the whole state after one slot, to be copied elsewhere while Apply
// continues. It holds back the removal of old data from disk until it is closed.
//
// Its bytes are the same on every machine that is at the same slot: after a magic
// word come blocks, each a length (4 bytes, of what follows the checksum), a
// checksum (8 bytes, xxhash64 of the payload) and a payload. The first byte of a
// payload is its kind: 'H' format version and position, 'D' pairs in the order of
// their keys, 'E' the number of pairs, which is the last block.
type Snapshot struct {
	view   *View
	digest Digest
	db     *pebble.DB
}

const (
	snapshotMagic   = "SYNODST1"
	blockHead       = 4 + 8
	blockTarget     = 256 << 10 // bytes; a block ends with the pair that reaches it
	blockLimit      = 1 << 30   // bytes; what claims to be longer is damaged
	kindHeader      = 'H'
	kindPairs       = 'D'
	kindEnd         = 'E'
	firstSnapshotOf = tableGlobals // the tables before it are written anew
)

// Snapshot returns the state after the last slot.
func (m *Machine) Snapshot() (*Snapshot, error) {
	v := m.View()
	d, err := v.Digest()
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return &Snapshot{view: v, digest: d, db: m.db}, nil
}

// Close releases the snapshot, which must not be used again.
func (s *Snapshot) Close() error { return s.view.Close() }

// Digest returns the slot of the state, its log time and its digest.
func (s *Snapshot) Digest() Digest { return s.digest }

// SizeEstimate returns about how many bytes WriteTo writes. What is still in
// memory does not count, so a small state may be 0.
func (s *Snapshot) SizeEstimate() (uint64, error) {
	n, err := s.db.EstimateDiskUsage([]byte{firstSnapshotOf}, []byte{0xff})
	if err != nil {
		return 0, fmt.Errorf("streams: size of %s: %w", s.view.dir, err)
	}
	return n, nil
}

// WriteTo writes the whole snapshot.
func (s *Snapshot) WriteTo(w io.Writer) (n int64, err error) {
	for cursor := []byte(nil); ; {
		chunk, next, err := s.Chunk(cursor)
		if err != nil {
			return n, err
		}
		runtime.Gosched() // see internal/gentle
		written, err := w.Write(chunk)
		n += int64(written)
		if err != nil || next == nil {
			return n, err
		}
		cursor = next
	}
}

// Chunk returns a part of the snapshot's bytes and the cursor of the part after
// it, nil after the last. The first part has the cursor nil. All parts joined are
// what WriteTo writes; each can be asked for again. A part is about 256 KiB, and
// longer where one message is.
func (s *Snapshot) Chunk(cursor []byte) (chunk, next []byte, err error) {
	if cursor == nil {
		payload := binary.AppendUvarint([]byte{kindHeader}, formatVersion)
		chunk = appendBlock([]byte(snapshotMagic), appendPosition(payload, s.digest))
		return chunk, make([]byte, 8), nil
	}
	if len(cursor) < 8 {
		return nil, nil, fmt.Errorf("streams: snapshot cursor of %d bytes", len(cursor))
	}
	return s.pairs(binary.BigEndian.Uint64(cursor), cursor[8:])
}

// pairs returns the part that begins with the key from, before which there are
// count pairs. A cursor is that count and that key.
func (s *Snapshot) pairs(count uint64, from []byte) (chunk, next []byte, err error) {
	if len(from) == 0 {
		from = []byte{firstSnapshotOf}
	}
	payload := []byte{kindPairs}
	err = s.view.scan(from, []byte{0xff}, func(key, value []byte) (bool, error) {
		if len(payload) >= blockTarget {
			next = append(binary.BigEndian.AppendUint64(nil, count), key...)
			return false, nil
		}
		payload = appendBytes(appendBytes(payload, key), value)
		count++
		return true, nil
	})
	if err != nil {
		return nil, nil, err
	}
	chunk = appendBlock(nil, payload)
	if next == nil {
		chunk = appendBlock(chunk, binary.AppendUvarint([]byte{kindEnd}, count))
	}
	return chunk, next, nil
}

func appendBlock(b, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.BigEndian.AppendUint64(b, xxhash.Sum64(payload))
	return append(b, payload...)
}

// A snapshotReader reads the blocks that a Snapshot has written.
type snapshotReader struct {
	r      io.Reader
	offset int64 // bytes of the snapshot that were read
}

var errBadSnapshot = errors.New("streams: damaged snapshot")

func (r *snapshotReader) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", errBadSnapshot, r.offset, fmt.Sprintf(format, args...))
}

func (r *snapshotReader) read(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.offset += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.errorf("it ends early")
	}
	if err != nil {
		return fmt.Errorf("streams: read snapshot at byte %d: %w", r.offset, err)
	}
	return nil
}

// block returns the next payload, without its kind.
func (r *snapshotReader) block() (kind byte, payload []byte, err error) {
	var head [blockHead]byte
	if err := r.read(head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > blockLimit {
		return 0, nil, r.errorf("block of %d bytes", n)
	}
	payload, err = r.payload(int(n))
	if err != nil {
		return 0, nil, err
	}
	if xxhash.Sum64(payload) != binary.BigEndian.Uint64(head[4:]) {
		return 0, nil, r.errorf("checksum of the block before")
	}
	return payload[0], payload[1:], nil
}

// payload reads n bytes, and no more memory than has arrived.
func (r *snapshotReader) payload(n int) ([]byte, error) {
	var b []byte
	for len(b) < n {
		part := make([]byte, min(n-len(b), 1<<20))
		if err := r.read(part); err != nil {
			return nil, err
		}
		if b == nil {
			b = part
		} else {
			b = append(b, part...)
		}
	}
	return b, nil
}

// header reads the magic word and the first block.
func (r *snapshotReader) header() (Digest, error) {
	magic := make([]byte, len(snapshotMagic))
	if err := r.read(magic); err != nil {
		return Digest{}, err
	}
	if string(magic) != snapshotMagic {
		return Digest{}, r.errorf("it begins with %q", magic)
	}
	kind, payload, err := r.block()
	if err != nil {
		return Digest{}, err
	}
	f := reader{b: payload}
	version := f.uvarint()
	d, ok := parsePosition(f.b)
	switch {
	case kind != kindHeader || f.bad || !ok:
		return Digest{}, r.errorf("no header")
	case version != formatVersion:
		return Digest{}, fmt.Errorf("streams: snapshot has format version %d, this build reads %d only", version, formatVersion)
	}
	return d, nil
}
