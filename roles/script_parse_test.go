package roles

import (
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/synod-paxos/synod/paxos"
)

// args reads the arguments of a script's command; what is missing is zero.
type args struct {
	s  *script
	td *datadriven.TestData
}

func (a args) has(key string) bool { return a.td.HasArg(key) }

func (a args) text(key, unsaid string) string {
	for _, arg := range a.td.CmdArgs {
		if arg.Key == key && len(arg.Vals) == 1 {
			return arg.Vals[0]
		}
	}
	return unsaid
}

func (a args) id(key string) paxos.NodeID { return paxos.NodeID(a.text(key, "")) }

// number also understands 2^63 and 2^32+5.
func (a args) number(key string, unsaid uint64) uint64 {
	text := a.text(key, "")
	if text == "" {
		return unsaid
	}
	return parseNumber(a.s, text)
}

func parseNumber(s *script, text string) (sum uint64) {
	for term := range strings.SplitSeq(text, "+") {
		n, err := uint64(0), error(nil)
		if exponent, power := strings.CutPrefix(term, "2^"); power {
			n, err = strconv.ParseUint(exponent, 10, 6)
			n = 1 << n
		} else {
			n, err = strconv.ParseUint(term, 10, 64)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		sum += n
	}
	return sum
}

func (a args) slot(key string) paxos.Slot { return paxos.Slot(a.number(key, 0)) }

func (a args) duration(key string) time.Duration {
	if !a.has(key) {
		return 0
	}
	return duration(a.s.t, a.text(key, ""))
}

// logTime is a time as scripts write it, from wall0 on; 0 when it is unsaid.
func (a args) logTime(key string) paxos.LogTime {
	if !a.has(key) {
		return 0
	}
	return wall0 + paxos.LogTime(a.duration(key))
}

// list is the values of key=(x,y) or key=x.
func (a args) list(key string) []string {
	for _, arg := range a.td.CmdArgs {
		if arg.Key == key {
			return arg.Vals
		}
	}
	return nil
}

// slots are key=(1,2).
func (a args) slots(key string) (slots []paxos.Slot) {
	for _, v := range a.list(key) {
		slots = append(slots, paxos.Slot(parseNumber(a.s, v)))
	}
	return slots
}

// bounds are range=(1,5), the slots [1,5), or range=1, from slot 1 on; that is also
// what they are when unsaid.
func (a args) bounds() (from, to paxos.Slot) {
	switch bounds := a.slots("range"); len(bounds) {
	case 0:
		return 1, 0
	case 1:
		return bounds[0], 0
	default:
		return bounds[0], bounds[1]
	}
}

// chosen is key=5, all below in the ballot's leadership, or key=(3,5).
func (a args) chosen(key string) paxos.Chosen {
	switch bounds := a.slots(key); len(bounds) {
	case 0:
		return paxos.Chosen{From: 1, Below: 1}
	case 1:
		return paxos.Chosen{From: 1, Below: bounds[0]}
	default:
		return paxos.Chosen{From: bounds[0], Below: bounds[1]}
	}
}

// ballot is key=2.p1, of p1's first process, or key=2.p1.7 of process 7.
func (a args) ballot(key string) paxos.Ballot { return parseBallot(a.s, a.text(key, "")) }

func parseBallot(s *script, text string) (b paxos.Ballot) {
	if text == "" || text == "0" {
		return b
	}
	part := strings.Split(text, ".")
	b = paxos.Ballot{Round: parseNumber(s, part[0]), Proposer: paxos.NodeID(part[1])}
	b.Incarnation = testProcess(b.Proposer)
	if len(part) == 3 {
		b.Incarnation = parseNumber(s, part[2])
	}
	return b
}

// own is the ballot of the message's sender: round=2, or ballot=2.p1 where they differ.
func (a args) own(from paxos.Sender) paxos.Ballot {
	if a.has("ballot") {
		return a.ballot("ballot")
	}
	return paxos.Ballot{Round: a.number("round", 0), Proposer: from.ID, Incarnation: from.Process}
}

// value is value=x or value=(x,y), a batch with these commands; value=noop, or none;
// change=2 for the change to that configuration.
func (a args) value() paxos.Value {
	if n := a.number("change", 0); n != 0 {
		v := a.change(n)
		v.Stamp = a.logTime("stamp")
		return v
	}
	v := testValue(a.list("value")...)
	v.Stamp, v.Answerer = a.logTime("stamp"), a.id("answerer")
	return v
}

// change is the change to configuration n.
func (a args) change(n uint64) paxos.Value {
	return paxos.Value{Kind: paxos.Reconfigure, Body: paxos.AppendConfiguration(nil, &a.s.later[n-2])}
}

// testValue is a batch with a command for each of texts; a no-op for none, and a batch
// without commands for "empty".
func testValue(texts ...string) paxos.Value {
	if len(texts) == 0 || texts[0] == "noop" {
		return paxos.Value{}
	}
	v := paxos.Value{Kind: paxos.Batch}
	if texts[0] == "empty" {
		v.Body = paxos.EncodeBatch()
		return v
	}
	for _, text := range texts {
		v.Body = paxos.AppendCommand(v.Body, testCommand(text))
	}
	return v
}

func testCommand(text string) paxos.Command {
	return paxos.Command{Subject: "propose", Reply: "inbox", Data: []byte(text)}
}

// votes is votes=(1@1.p1=x,2@2.p2=noop,3@1.p1=y/l2/5s,4@1.p1=change-2), the third
// one with an answerer and a stamp, the last one for the change to configuration 2.
func (a args) votes() (votes []paxos.Vote) {
	for _, text := range a.list("votes") {
		slot, rest, _ := strings.Cut(text, "@")
		ballot, value, _ := strings.Cut(rest, "=")
		v := paxos.Vote{Slot: paxos.Slot(parseNumber(a.s, slot)), Ballot: parseBallot(a.s, ballot)}
		if part := strings.Split(value, "/"); value != "" {
			v.Value = testValue(part[0])
			if number, is := strings.CutPrefix(part[0], "change-"); is {
				v.Value = a.change(parseNumber(a.s, number))
			}
			if len(part) == 3 {
				v.Value.Answerer = paxos.NodeID(part[1])
				v.Value.Stamp = wall0 + paxos.LogTime(duration(a.s.t, part[2]))
			}
		}
		votes = append(votes, v)
	}
	return votes
}

func (a args) page() paxos.Page {
	from, to := a.bounds()
	return paxos.Page{From: from, To: to, BallotsOnly: a.has("ballots-only"), Votes: a.votes(), Next: a.slot("next")}
}

func (a args) digest() paxos.Digest {
	return paxos.Digest{Slot: a.slot("slot"), Sum: testCluster(a.text("sum", ""))}
}

func (a args) marks() paxos.Marks {
	return paxos.Marks{
		ChosenBelow: a.slot("chosen"), TrimBelow: a.slot("trim"), MaxVoted: a.slot("voted"),
		MaxStamp: a.logTime("stamp"), Clock: a.logTime("clock"),
	}
}

// parseEnvelope reads a message and who sent it: from=a1, and where it differs
// from that role's first process disk=, boot=, process=; to= names the receiver,
// cluster=, generation= and config= another cluster.
func (s *script) parseEnvelope(td *datadriven.TestData) paxos.Envelope {
	a := args{s, td}
	e := paxos.Envelope{Cluster: s.genesis.Cluster, Config: a.number("config", 1+uint64(len(s.later))), From: s.parseSender(a), To: a.id("to")}
	if a.has("cluster") {
		e.Cluster.UUID = testCluster(a.text("cluster", ""))
		e.Cluster.Generation-- // no rival, unless generation= says so
	}
	e.Cluster.Generation = a.number("generation", e.Cluster.Generation)
	if a.has("unfounded") {
		e.Cluster, e.Config = paxos.ClusterID{}, 0
	}
	e.Msg = s.parseMessage(a, e)
	e.From.Promised = s.promise(a, e.From.ID)
	return e
}

// promise is what the acceptor id has promised: promised=2.p1 says so, a Promise or
// a vote of a ballot implies it, and it holds until a higher one is told.
func (s *script) promise(a args, id paxos.NodeID) paxos.Ballot {
	if a.has("promised") {
		s.promised[id] = a.ballot("promised")
	} else if b := a.ballot("ballot"); (a.td.Cmd == "promise" || a.td.Cmd == "accepted") && s.promised[id].Less(b) {
		s.promised[id] = b
	}
	return s.promised[id]
}

func (s *script) parseSender(a args) paxos.Sender {
	from := testSender(a.id("from"))
	if a.has("disk") {
		from.Disk = testCluster(a.text("disk", ""))
	}
	from.Boot, from.Process = a.number("boot", from.Boot), a.number("process", from.Process)
	return from
}

// parseMessage reads a message by its name in lower case.
func (s *script) parseMessage(a args, e paxos.Envelope) paxos.Message {
	from, to := a.bounds()
	switch a.td.Cmd {
	case "prepare":
		return paxos.Prepare{Ballot: a.own(e.From), From: from, To: to}
	case "accept":
		return paxos.Accept{Ballot: a.own(e.From), Slot: a.slot("slot"), Value: a.value(), Chosen: a.chosen("chosen")}
	case "heartbeat":
		c := a.chosen("chosen") // and nothing is in flight, unless next says so
		return paxos.Heartbeat{Ballot: a.own(e.From), Chosen: c, Next: paxos.Slot(a.number("next", uint64(c.Below)))}
	case "trim":
		return paxos.Trim{Ballot: a.own(e.From), Below: a.slot("below")}
	case "handover":
		return paxos.HandOver{Ballot: a.own(e.From), Chosen: a.chosen("chosen")}
	case "leader-query":
		return paxos.LeaderQuery{Nonce: a.number("nonce", 0)}
	case "read-query":
		return paxos.ReadQuery{Nonce: a.number("nonce", 0)}
	case "fetch":
		return paxos.Fetch{From: from, To: to, Values: a.id("values")}
	case "fill":
		return paxos.Fill{From: from, To: to}
	case "change":
		if n := a.number("number", 0); n != 0 {
			c := s.later[n-2]
			c.From = 0
			return paxos.Change{Next: &c}
		}
		return paxos.Change{}
	case "transfer":
		return paxos.Transfer{To: a.id("proposer")}
	case "digest":
		return a.digest()
	case "position":
		return paxos.Position{
			Applied: a.slot("applied"), Durable: a.slot("durable"), Inherited: a.slot("inherited"), NextExpiry: a.logTime("expiry"),
			Version: a.number("version", 0), Supports: a.number("supports", 0),
		}
	}
	return s.parseAnswer(a)
}

// parseAnswer reads the messages of acceptors.
func (s *script) parseAnswer(a args) paxos.Message {
	switch a.td.Cmd {
	case "promise":
		m := paxos.Promise{Ballot: a.ballot("ballot"), Page: a.page(), Marks: a.marks()}
		if !a.has("clock") {
			m.Marks.Clock = wall0
		}
		return m
	case "accepted":
		return paxos.Accepted{Ballot: a.ballot("ballot"), Slots: a.slots("slots")}
	case "read-report":
		return paxos.ReadReport{Nonce: a.number("nonce", 0), MaxVoted: a.slot("highest")}
	case "nack":
		return paxos.Nack{Ballot: a.ballot("ballot"), Promised: a.ballot("promised")}
	case "leader-report":
		return paxos.LeaderReport{Nonce: a.number("nonce", 0), Silent: paxos.Duration(a.duration("silent"))}
	case "votes":
		return paxos.Votes{Page: a.page(), Marks: a.marks()}
	case "hello":
		h := paxos.Hello{Marks: a.marks(), Leading: a.ballot("leading"), NoSpace: a.has("no-space"), Priority: int(a.number("priority", 0)), Known: s.parseKnown(a)}
		if a.has("genesis") {
			g := s.parseGenesis(a)
			g.Cluster.Generation = a.number("generation", g.Cluster.Generation)
			h.Genesis = &g
		}
		return h
	case "genesis-query":
		return paxos.GenesisQuery{}
	case "store-genesis":
		return paxos.StoreGenesis{Genesis: s.parseGenesis(a)}
	case "seal":
		return paxos.Seal{Cluster: s.parseGenesis(a).Cluster}
	case "abandon":
		return paxos.Abandon{Cluster: s.parseGenesis(a).Cluster}
	case "genesis-report":
		r := paxos.GenesisReport{Sealed: a.has("sealed"), Refused: a.text("refused", "")}
		if a.has("holds") {
			g := s.parseGenesis(a)
			r.Genesis = &g
		}
		return r
	}
	a.td.Fatalf(s.t, "no such command")
	return nil
}

// parseConfiguration reads the configuration that follows the last one.
func (s *script) parseConfiguration(a args) paxos.Configuration {
	last := s.genesis.First
	if n := len(s.later); n > 0 {
		last = s.later[n-1]
	}
	c := paxos.Configuration{Number: last.Number + 1, From: a.slot("from"), Quorums: last.Quorums, Copies: int(a.number("copies", uint64(last.Copies)))}
	for _, name := range a.list("acceptors") {
		id, disk, other := strings.Cut(name, "/")
		m := paxos.Member{ID: paxos.NodeID(id), Disk: testDisk(paxos.NodeID(id))}
		if other {
			m.Disk = testCluster(disk)
		}
		c.Acceptors = append(c.Acceptors, m)
	}
	return c
}

// parseKnown is, for knows=3, the configurations after the genesis up to number 3, and
// for knows=3-4 those from number 3 on.
func (s *script) parseKnown(a args) []paxos.Configuration {
	if !a.has("knows") {
		return nil
	}
	first, last, ok := strings.Cut(a.text("knows", ""), "-")
	if !ok {
		first, last = "2", first
	}
	return s.later[parseNumber(s, first)-2 : parseNumber(s, last)-1]
}

// parseGenesis is the story's genesis, or for holds=c2 that of a cluster c2.
func (s *script) parseGenesis(a args) paxos.Genesis {
	g := s.genesis
	if name := a.text("holds", ""); name != "" {
		g.Cluster.UUID = testCluster(name)
	}
	if n := a.number("acceptors", 0); n != 0 {
		g.First.Acceptors = testGenesis(int(n)).First.Acceptors
	}
	if a.has("from-slot") {
		startAt(&g, a.slot("from-slot"))
	}
	g.First.Copies = int(a.number("copies", uint64(g.First.Copies)))
	g.Window = paxos.Slot(a.number("window", uint64(g.Window)))
	return g
}
