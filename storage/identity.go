package storage

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/paxos"
)

// The formats of whole directories that this build writes, and reads. An acceptor's was 1
// while it kept votes in a Pebble store.
const (
	acceptorFormat = 2
	learnerFormat  = 1
)

// formatOf is the format of a directory of this role.
func formatOf(r paxos.Role) int {
	if r == paxos.AcceptorRole {
		return acceptorFormat
	}
	return learnerFormat
}

// castagnoli is the polynomial of every checksum of this package.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Info is a data directory's identity.
type Info struct {
	Format  int             // of the directory; a build reads one
	Role    paxos.Role      // AcceptorRole or LearnerRole
	ID      paxos.NodeID    // whose it is
	Disk    paxos.UUID      // made with the directory, never reused
	Boot    uint64          // how often it was opened; 0: its making did not finish
	Cluster paxos.ClusterID // learners: the cluster they belong to; zero until they know
}

const (
	identityTitle = "synod data directory"
	noCluster     = "none"
)

// encodeIdentity is the text of an IDENTITY file. Its last line is the checksum
// of all lines before it, in this format and in all later ones.
func encodeIdentity(i Info) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nformat %d\nrole %s\nid %s\ndisk %s\nboot %d\n", identityTitle, i.Format, i.Role, i.ID, i.Disk, i.Boot)
	if i.Cluster == (paxos.ClusterID{}) {
		fmt.Fprintf(&b, "cluster %s\n", noCluster)
	} else {
		fmt.Fprintf(&b, "cluster %s\n", i.Cluster)
	}
	fmt.Fprintf(&b, "crc32c %08x\n", crc32.Checksum(b.Bytes(), castagnoli))
	return b.Bytes()
}

// errOtherFormat is a sound IDENTITY file of another format than this build's.
type errOtherFormat struct {
	format int
	reads  int // the format that this build reads of such a directory
}

func (e errOtherFormat) Error() string {
	return fmt.Sprintf("format %d, this version reads %d of acceptors and %d of learners", e.format, acceptorFormat, learnerFormat)
}

// decodeIdentity reads what encodeIdentity wrote, and nothing else: encoding the
// result gives the same bytes. Its error is an errOtherFormat, or means damage.
func decodeIdentity(data []byte) (Info, error) {
	body, sum, ok := cutChecksum(data)
	if !ok || sum != fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli)) {
		return Info{}, errors.New("checksum does not match")
	}
	f := fields{lines: strings.Split(string(body), "\n")}
	if f.next("") != identityTitle {
		return Info{}, fmt.Errorf("first line is not %q", identityTitle)
	}
	i := Info{Format: int(f.number("format"))}
	if f.err == nil && (i.Format < learnerFormat || i.Format > acceptorFormat) {
		return Info{}, errOtherFormat{i.Format, acceptorFormat}
	}
	i.Role = f.role()
	if f.err == nil && i.Format != formatOf(i.Role) {
		return Info{}, errOtherFormat{i.Format, formatOf(i.Role)}
	}
	i.ID = paxos.NodeID(f.next("id"))
	i.Disk = f.uuid(f.next("disk"))
	i.Boot = f.number("boot")
	i.Cluster = f.cluster()
	if f.err == nil && !bytes.Equal(encodeIdentity(i), data) {
		f.err = errors.New("not in canonical form")
	}
	return i, f.err
}

// cutChecksum splits off the last line, "crc32c <hex>".
func cutChecksum(data []byte) (body []byte, sum string, ok bool) {
	const mark = "\ncrc32c "
	at := bytes.LastIndex(data, []byte(mark))
	if at < 0 {
		return nil, "", false
	}
	sum, ok = strings.CutSuffix(string(data[at+len(mark):]), "\n")
	return data[:at+1], sum, ok
}

// fields reads "key value" lines in order, and remembers the first that is not
// what it should be.
type fields struct {
	lines []string
	err   error
}

// next is the value of the next line, whose key must be key; an empty key takes
// the whole line.
func (f *fields) next(key string) string {
	if len(f.lines) == 0 {
		f.fail(key, errors.New("missing"))
		return ""
	}
	line := f.lines[0]
	f.lines = f.lines[1:]
	if key == "" {
		return line
	}
	value, ok := strings.CutPrefix(line, key+" ")
	if !ok {
		f.fail(key, fmt.Errorf("found %q", line))
	}
	return value
}

func (f *fields) fail(key string, err error) {
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("line %q: %w", key, err)
	}
}

func (f *fields) number(key string) uint64 {
	n, err := strconv.ParseUint(f.next(key), 10, 63)
	f.fail(key, err)
	return n
}

func (f *fields) uuid(text string) paxos.UUID {
	u, err := uuid.Parse(text)
	f.fail("uuid", err)
	return paxos.UUID(u)
}

func (f *fields) role() paxos.Role {
	name := f.next("role")
	for _, r := range []paxos.Role{paxos.AcceptorRole, paxos.LearnerRole} {
		if r.String() == name {
			return r
		}
	}
	f.fail("role", fmt.Errorf("%q", name))
	return 0
}

func (f *fields) cluster() paxos.ClusterID {
	text := f.next("cluster")
	if text == noCluster {
		return paxos.ClusterID{}
	}
	id, generation, _ := strings.Cut(text, " generation ")
	n, err := strconv.ParseUint(generation, 10, 64)
	f.fail("cluster", err)
	return paxos.ClusterID{UUID: f.uuid(id), Generation: n}
}
