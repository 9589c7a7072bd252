package leaf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxLine bounds a line of the protocol; INFO is the longest.
const maxLine = 64 << 10

// maxPayload bounds a message that the server sends; it is skipped.
const maxPayload = 64 << 20

// events is what a server says, one method each. An error ends the connection.
type events interface {
	info(json []byte) error
	ping() error
	pong() error
	refused(text string) error         // -ERR
	interest(entry string, there bool) // subscribers came or went
}

// newReader is what parse reads from.
func newReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, maxLine) }

// parse reads what a server sends until an event, or the connection, ends it.
func parse(b *bufio.Reader, e events) error {
	for {
		line, err := b.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("a line of more than %d bytes", maxLine)
		case err != nil:
			return err
		}
		skip, err := parseLine(bytes.TrimRight(line, "\r\n"), e)
		if err != nil {
			return err
		}
		if skip > 0 {
			if _, err := b.Discard(skip); err != nil {
				return err
			}
		}
	}
}

// parseLine tells e of one line, and returns how many bytes follow that nobody wants.
func parseLine(line []byte, e events) (skip int, err error) {
	verb, rest, _ := bytes.Cut(line, []byte{' '})
	rest = bytes.TrimSpace(rest)
	switch strings.ToUpper(string(verb)) {
	case "", "+OK":
		return 0, nil
	case "PING":
		return 0, e.ping()
	case "PONG":
		return 0, e.pong()
	case "INFO":
		return 0, e.info(rest)
	case "-ERR":
		return 0, e.refused(strings.Trim(string(rest), "' "))
	case "LS+":
		return 0, parseInterest(rest, true, e)
	case "LS-":
		return 0, parseInterest(rest, false, e)
	case "MSG", "HMSG", "LMSG", "RMSG":
		return parseSize(rest)
	default:
		return 0, fmt.Errorf("unknown operation %q", shorten(verb))
	}
}

// parseInterest reads "<subject>" or "<subject> <queue> <weight>".
func parseInterest(rest []byte, there bool, e events) error {
	fields := bytes.Fields(rest)
	if len(fields) == 0 || len(fields) > 3 {
		return fmt.Errorf("malformed interest %q", shorten(rest))
	}
	entry := string(fields[0])
	if len(fields) > 1 { // the members of a queue group are told apart from the others
		entry += " " + string(fields[1])
	}
	e.interest(entry, there)
	return nil
}

// parseSize is how many bytes follow the line of a message.
func parseSize(rest []byte) (int, error) {
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0, errors.New("a message without its size")
	}
	last := fields[len(fields)-1]
	n, err := strconv.ParseUint(string(last), 10, 32)
	if err != nil || n > maxPayload {
		return 0, fmt.Errorf("a message of size %q", shorten(last))
	}
	return int(n) + len("\r\n"), nil
}

func shorten(b []byte) []byte { return b[:min(len(b), 40)] }
