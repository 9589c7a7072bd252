package streams

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"

	"github.com/minio/highwayhash"
)

// A Sum is the digest of a set of key-value pairs: the sum modulo 2^128 of the
// hashes of the pairs. The zero Sum is that of the empty set.
type Sum struct {
	Hi, Lo uint64
}

// String returns the sum as 32 hexadecimal digits.
func (s Sum) String() string {
	b := s.append(make([]byte, 0, sumBytes))
	return hex.EncodeToString(b)
}

// A Digest says what the state is after one slot. Two machines of one cluster
// with equal Slot must have equal digests; anything else is a damaged state.
type Digest struct {
	Slot    uint64 // the last slot in the state, 0 before the first
	LogTime int64  // nanoseconds since the Unix epoch
	Sum     Sum
}

const sumBytes = 16

// sumKey is the fixed key of HighwayHash: the digest finds damage and bugs, it
// is no defence against somebody who may choose the state of one learner.
var sumKey = []byte("synod/streams digest, version 1.")

func (s *Sum) add(o Sum) {
	var carry uint64
	s.Lo, carry = bits.Add64(s.Lo, o.Lo, 0)
	s.Hi, _ = bits.Add64(s.Hi, o.Hi, carry)
}

func (s *Sum) sub(o Sum) {
	var borrow uint64
	s.Lo, borrow = bits.Sub64(s.Lo, o.Lo, 0)
	s.Hi, _ = bits.Sub64(s.Hi, o.Hi, borrow)
}

func (s Sum) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, s.Hi)
	return binary.BigEndian.AppendUint64(b, s.Lo)
}

// A hasher hashes pairs without allocating. It is not safe for concurrent use.
type hasher struct {
	buf []byte
}

// pair returns the hash of one pair. The key's length is part of what is hashed,
// so no two pairs have the same bytes.
func (h *hasher) pair(key, value []byte) Sum {
	b := append(h.buf[:0], key...)
	b = append(b, value...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
	h.buf = b
	d := highwayhash.Sum128(b, sumKey)
	return Sum{Hi: binary.BigEndian.Uint64(d[:8]), Lo: binary.BigEndian.Uint64(d[8:])}
}
