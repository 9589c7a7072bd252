package roles

import (
	"fmt"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// printEffects is a line per effect, in the order in which a caller carries them out.
func (s *script) printEffects(out *paxos.Effects) string {
	var b strings.Builder
	for _, r := range out.Persist {
		fmt.Fprintf(&b, "persist %s\n", printRecord(r))
	}
	for _, e := range out.Send {
		fmt.Fprintf(&b, "send %s: %s\n", orAll(e.To), printMessage(e.Msg))
	}
	for _, r := range out.Refuse {
		limit := ""
		if r.Limit != 0 {
			limit = fmt.Sprintf(", limit %d bytes", r.Limit)
		}
		if r.Why != "" {
			limit = ", " + r.Why
		}
		fmt.Fprintf(&b, "refuse %s: %s%s\n", printCommand(r.Command), r.Reason, limit)
	}
	for _, d := range out.Learn {
		fmt.Fprintf(&b, "learn slot %d: %s\n", d.Slot, printValue(d.Value))
	}
	printSlots(&b, "answer", out.Answer)
	printSlots(&b, "forget", out.Forget)
	if out.Digest {
		b.WriteString("digest the state\n")
	}
	for _, read := range out.Read {
		fmt.Fprintf(&b, "serve read %d\n", read)
	}
	for _, d := range out.Drop {
		fmt.Fprintf(&b, "drop %s %T of %s\n", d.Reason, d.Msg, d.From.ID)
	}
	if out.Stop != "" {
		fmt.Fprintf(&b, "stop: %s\n", out.Stop)
	}
	return strings.ReplaceAll(b.String(), "paxos.", "")
}

func printSlots(b *strings.Builder, word string, slots []paxos.Slot) {
	for _, slot := range slots {
		fmt.Fprintf(b, "%s slot %d\n", word, slot)
	}
}

func orAll(id paxos.NodeID) string {
	if id == "" {
		return "all"
	}
	return string(id)
}

func printRecord(r paxos.Record) string {
	switch r := r.(type) {
	case paxos.Promised:
		return "promise " + printBallot(r.Ballot)
	case paxos.Voted:
		return fmt.Sprintf("vote %s, chosen below %d", printVote(r.Vote, false), r.ChosenBelow)
	case paxos.Trimmed:
		return fmt.Sprintf("trim below %d", r.Below)
	case paxos.Founded:
		if r.Sealed {
			return "genesis of " + printGenesis(&r.Genesis) + ", sealed"
		}
		return "genesis of " + printGenesis(&r.Genesis)
	case paxos.Configured:
		return "configurations" + printKnown(r.Known)
	case paxos.Reached:
		return fmt.Sprintf("chosen below %d", r.Below)
	default:
		return "no genesis"
	}
}

func printChange(m paxos.ChangeReport) string {
	text := fmt.Sprintf("ChangeReport %s, chosen below %d, next %d", printConfiguration(&m.Newest), m.Chosen, m.Next)
	if m.Waits != "" {
		text += ", waits: " + m.Waits
	}
	if m.Refused != "" {
		text += ", refused: " + m.Refused
	}
	return text
}

// printKnown is the configurations after the genesis.
func printKnown(known []paxos.Configuration) string {
	text := ""
	for i := range known {
		if known[i].Number > 1 {
			text += ", knows " + printConfiguration(&known[i])
		}
	}
	return text
}

func printConfiguration(c *paxos.Configuration) string {
	text := fmt.Sprintf("%d from %d of", c.Number, c.From)
	for _, m := range c.Acceptors {
		text += " " + string(m.ID)
		if m.Disk != testDisk(m.ID) {
			text += "/" + tellUUID(m.Disk)
		}
	}
	return text
}

// printMessage is the message with the fields that say something.
func printMessage(m paxos.Message) string {
	switch m := m.(type) {
	case paxos.Prepare:
		return fmt.Sprintf("Prepare %s %s", printBallot(m.Ballot), printRange(m.From, m.To))
	case paxos.Accept:
		return fmt.Sprintf("Accept %s slot %d: %s, %s", printBallot(m.Ballot), m.Slot, printValue(m.Value), printChosen(m.Chosen))
	case paxos.Heartbeat:
		return fmt.Sprintf("Heartbeat %s next %d, %s", printBallot(m.Ballot), m.Next, printChosen(m.Chosen))
	case paxos.HandOver:
		return fmt.Sprintf("HandOver %s, %s", printBallot(m.Ballot), printChosen(m.Chosen))
	case paxos.LeaderQuery:
		return fmt.Sprintf("LeaderQuery %d", m.Nonce)
	case paxos.Fetch:
		return fmt.Sprintf("Fetch %s, values of %s", printRange(m.From, m.To), m.Values)
	case paxos.Fill:
		return "Fill " + printRange(m.From, m.To)
	case paxos.Position:
		inherited := ""
		if m.Inherited != 0 {
			inherited = fmt.Sprintf(" inherited %d", m.Inherited)
		}
		version := ""
		if m.Supports != 0 {
			version = fmt.Sprintf(" version %d of %d", m.Version, m.Supports)
		}
		return fmt.Sprintf("Position applied %d durable %d%s%s%s", m.Applied, m.Durable, inherited, printLogTime(" expiry", m.NextExpiry), version)
	case paxos.Hello:
		return printHello(m)
	case paxos.Trim:
		return fmt.Sprintf("Trim %s below %d", printBallot(m.Ballot), m.Below)
	case paxos.ReadQuery:
		return fmt.Sprintf("ReadQuery %d", m.Nonce)
	case paxos.ChangeReport:
		return printChange(m)
	case paxos.Digest:
		return fmt.Sprintf("Digest of slot %d: %s", m.Slot, tellUUID(m.Sum))
	case paxos.StoreGenesis:
		return "StoreGenesis " + printGenesis(&m.Genesis)
	case paxos.Seal:
		return "Seal " + printCluster(m.Cluster)
	default:
		return printAnswer(m)
	}
}

// printAnswer is printMessage for what acceptors answer.
func printAnswer(m paxos.Message) string {
	switch m := m.(type) {
	case paxos.Promise:
		return fmt.Sprintf("Promise %s %s%s", printBallot(m.Ballot), printPage(m.Page), printMarks(m.Marks))
	case paxos.Accepted:
		return fmt.Sprintf("Accepted %s slots %d", printBallot(m.Ballot), m.Slots)
	case paxos.Nack:
		return fmt.Sprintf("Nack %s, promised %s", printBallot(m.Ballot), printBallot(m.Promised))
	case paxos.LeaderReport:
		return fmt.Sprintf("LeaderReport %d silent %s", m.Nonce, time.Duration(m.Silent))
	case paxos.Votes:
		return fmt.Sprintf("Votes %s%s", printPage(m.Page), printMarks(m.Marks))
	case paxos.ReadReport:
		return fmt.Sprintf("ReadReport %d highest %d", m.Nonce, m.MaxVoted)
	case paxos.GenesisReport:
		return printReport(m)
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", m), "paxos.")
	}
}

func printHello(m paxos.Hello) string {
	text := "Hello"
	if m.Genesis != nil {
		text += " " + printCluster(m.Genesis.Cluster)
	}
	if !m.Leading.IsZero() {
		text += " leading " + printBallot(m.Leading)
	}
	if m.NoSpace {
		text += " no space"
	}
	return text + printMarks(m.Marks) + printKnown(m.Known)
}

func printReport(m paxos.GenesisReport) string {
	text := "GenesisReport"
	switch {
	case m.Genesis == nil:
		text += " none"
	case m.Sealed:
		text += " " + printGenesis(m.Genesis) + " sealed"
	default:
		text += " " + printGenesis(m.Genesis)
	}
	if m.Refused != "" {
		text += ", refused: " + tellNames(m.Refused)
	}
	return text
}

func printCluster(c paxos.ClusterID) string {
	text := tellUUID(c.UUID)
	if c.Generation != 1 {
		text += fmt.Sprintf(" generation %d", c.Generation)
	}
	return text
}

func printGenesis(g *paxos.Genesis) string {
	text := printCluster(g.Cluster) + " with"
	for _, m := range g.First.Acceptors {
		text += " " + string(m.ID)
		if m.Disk != testDisk(m.ID) {
			text += "/" + tellUUID(m.Disk)
		}
	}
	return text
}

// tellUUID undoes testCluster.
func tellUUID(u paxos.UUID) string { return strings.TrimRight(string(u[:]), "\x00") }

// tellNames puts the names of scripts into a text that has their UUIDs.
func tellNames(text string) string {
	for _, name := range []string{"c1", "c2", "other", "disk-a1", "disk-a2", "disk-a3"} {
		text = strings.ReplaceAll(text, testCluster(name).String(), name)
	}
	return text
}

// printPage shows the range, the votes in it, and where the next page starts.
func printPage(p paxos.Page) string {
	text := printRange(p.From, p.To)
	for _, v := range p.Votes {
		text += " " + printVote(v, p.BallotsOnly)
	}
	if p.Next != 0 {
		text += fmt.Sprintf(" next %d", p.Next)
	}
	return text
}

func printMarks(m paxos.Marks) (text string) {
	for _, mark := range []struct {
		name string
		slot paxos.Slot
	}{{"chosen below", m.ChosenBelow}, {"trimmed below", m.TrimBelow}, {"voted", m.MaxVoted}} {
		if mark.slot != 0 {
			text += fmt.Sprintf(", %s %d", mark.name, mark.slot)
		}
	}
	return text + printLogTime(", stamp", m.MaxStamp)
}

func printRange(from, to paxos.Slot) string {
	if to == 0 {
		return fmt.Sprintf("[%d,..)", from)
	}
	return fmt.Sprintf("[%d,%d)", from, to)
}

func printChosen(c paxos.Chosen) string { return "chosen " + printRange(c.From, c.Below) }

func printVote(v paxos.Vote, ballotOnly bool) string {
	text := fmt.Sprintf("%d@%s", v.Slot, printBallot(v.Ballot))
	if !ballotOnly {
		text += "=" + printValue(v.Value)
	}
	return text
}

// printBallot leaves out the incarnation of a proposer's first process.
func printBallot(b paxos.Ballot) string {
	if !b.IsZero() && b.Incarnation == testProcess(b.Proposer) {
		return fmt.Sprintf("%d.%s", b.Round, b.Proposer)
	}
	return b.String()
}

// printValue is the commands of a batch, or noop, with its stamp and answerer.
func printValue(v paxos.Value) string {
	text := v.Kind.String()
	if c, err := paxos.DecodeConfiguration(v.Body); v.Kind == paxos.Reconfigure && err == nil {
		text = "change to " + printConfiguration(&c)
	}
	if v.Kind == paxos.Batch {
		commands, err := paxos.DecodeBatch(v.Body)
		if err != nil {
			return err.Error()
		}
		words := []string{}
		for _, c := range commands {
			words = append(words, printCommand(c))
		}
		text = "batch(" + strings.Join(words, " ") + ")"
	}
	if v.Answerer != "" {
		text += " for " + string(v.Answerer)
	}
	return text + printLogTime(" at", v.Stamp)
}

// printCommand abbreviates data that is long.
func printCommand(c paxos.Command) string {
	switch o, err := paxos.ParseOrder(c); o := o.(type) {
	case paxos.Upgrade:
		return fmt.Sprintf("order-upgrade-%d", o.Version)
	case paxos.Skip:
		return fmt.Sprintf("order-skip-%d-%d", o.Slot, o.Command)
	default:
		if err != nil {
			return "order-unknown"
		}
	}
	if len(c.Data) > 16 {
		return fmt.Sprintf("%s..%d", c.Data[:1], len(c.Data))
	}
	return string(c.Data)
}

// printLogTime is a time from wall0 on; nothing for 0.
func printLogTime(word string, at paxos.LogTime) string {
	if at == 0 {
		return ""
	}
	return fmt.Sprintf("%s %s", word, time.Duration(at-wall0))
}
