package streams

import "bytes"

// Subjects are handled as bytes: most of them are slices of keys and messages.
// A token is what stands between dots; "*" matches one token and a last ">"
// matches one or more.

// maxSubjectBytes bounds a subject, and with it the keys of the database.
const maxSubjectBytes = 4 << 10

// cutToken returns the first token of subject, what follows its dot, and whether
// something does.
func cutToken(subject []byte) (token, rest []byte, more bool) {
	return bytes.Cut(subject, []byte{'.'})
}

func isStar(token []byte) bool { return len(token) == 1 && token[0] == '*' }
func isFull(token []byte) bool { return len(token) == 1 && token[0] == '>' }

// validFilter reports whether subject is a subject, with or without wildcards.
func validFilter(subject []byte) bool {
	if len(subject) == 0 || len(subject) > maxSubjectBytes {
		return false
	}
	for _, c := range subject {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	for more := true; more; {
		var token []byte
		token, subject, more = cutToken(subject)
		if len(token) == 0 || more && isFull(token) {
			return false
		}
	}
	return true
}

// hasWildcard reports whether a valid subject has a wildcard.
func hasWildcard(subject []byte) bool {
	if bytes.IndexByte(subject, '*') < 0 && bytes.IndexByte(subject, '>') < 0 {
		return false
	}
	for more := true; more; {
		var token []byte
		token, subject, more = cutToken(subject)
		if isStar(token) || isFull(token) {
			return true
		}
	}
	return false
}

// validSubject reports whether subject can be published to.
func validSubject(subject []byte) bool { return validFilter(subject) && !hasWildcard(subject) }

// matches reports whether the literal subject is one that filter stands for.
func matches(filter, subject []byte) bool { return subset(subject, filter) }

// subset reports whether filter stands for everything that subject, which may
// have wildcards itself, stands for.
func subset(subject, filter []byte) bool {
	for {
		f, filterRest, filterMore := cutToken(filter)
		if isFull(f) {
			return true
		}
		s, subjectRest, subjectMore := cutToken(subject)
		if isFull(s) || !isStar(f) && (isStar(s) || !bytes.Equal(f, s)) {
			return false
		}
		if !filterMore || !subjectMore {
			return filterMore == subjectMore
		}
		filter, subject = filterRest, subjectRest
	}
}

// collide reports whether some literal subject matches both filters.
func collide(a, b []byte) bool {
	for {
		x, aRest, aMore := cutToken(a)
		y, bRest, bMore := cutToken(b)
		if isFull(x) || isFull(y) {
			return true
		}
		if !isStar(x) && !isStar(y) && !bytes.Equal(x, y) {
			return false
		}
		if !aMore || !bMore {
			return aMore == bMore
		}
		a, b = aRest, bRest
	}
}

// literalPrefix returns the bytes with which every subject that matches filter
// begins.
func literalPrefix(filter []byte) []byte {
	for i := 0; i < len(filter); {
		end := bytes.IndexByte(filter[i:], '.')
		token := filter[i:]
		if end >= 0 {
			token = filter[i : i+end]
		}
		if isStar(token) || isFull(token) {
			return filter[:i]
		}
		if end < 0 {
			break
		}
		i += end + 1
	}
	return filter
}

// appendPrefixEnd appends the first key above all keys that begin with prefix,
// which must not be all 0xff bytes.
func appendPrefixEnd(b, prefix []byte) []byte {
	b = append(b, prefix...)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0xff {
			b[i]++
			return b[:i+1]
		}
	}
	panic("streams: invariant broken: a key prefix has an end")
}
