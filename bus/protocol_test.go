package bus

import (
	"os"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestProtocolPageNamesEverySubject: docs/PROTOCOL.md has a line for each sender, with all
// that it publishes.
func TestProtocolPageNamesEverySubject(t *testing.T) {
	text, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, subjects, found := strings.Cut(string(text), "\n## Subjects\n")
	if !found {
		t.Fatal("the page has no subjects")
	}
	subjects, _, _ = strings.Cut(subjects, "\n## ")
	lines := map[paxos.Role]string{}
	for line := range strings.SplitSeq(subjects, "\n") {
		for _, role := range []paxos.Role{paxos.ProposerRole, paxos.AcceptorRole, paxos.LearnerRole} {
			if strings.HasPrefix(line, "| `"+role.String()+".<id>.") {
				lines[role] += strings.ReplaceAll(line, role.String()+".<id>.", "")
			}
		}
	}
	for k, spec := range kindSpecs {
		if spec.role != paxos.ProposerRole && spec.role != paxos.AcceptorRole && spec.role != paxos.LearnerRole {
			continue
		}
		word := spec.word
		if spec.to {
			word += ".<to>"
		}
		if !strings.Contains(lines[spec.role], "`"+word+"`") {
			t.Errorf("kind %d: the line of the %s lacks %s", k, spec.role, word)
		}
	}
	for role, line := range lines {
		if !strings.Contains(line, "`hello`") {
			t.Errorf("the line of the %s lacks hello", role)
		}
	}
}
