package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// Drill is a family of plans that are hard on one part of the protocol.
type Drill struct {
	Name string
	set  func(g *generator)
}

// Drills are the families that Hunt goes through beside random plans.
func Drills() []Drill {
	return []Drill{
		{"leaders die one after the other", func(g *generator) {
			g.load(8)
			g.p.Acceptors, g.p.Proposers = pick(g, 3, 5, 5), 4
			g.p.Proposing.BatchCommands, g.p.PageBytes = 1, pick(g, 1, 300, 1<<20)
			g.p.LeaderLife = 30 * time.Millisecond
		}},
		{"promises and votes come late", func(g *generator) {
			g.load(6)
			g.p.Proposing.BatchCommands = 1
			for i := range g.p.Clients {
				g.p.Clients[i].Commands = 20
			}
			g.p.Calm = Weather{Loss: 20, Duplicate: 100, Min: time.Millisecond, Max: 5 * time.Millisecond, Straggle: 200, Straggler: 1500 * time.Millisecond}
			g.repeat(Isolate, 700*time.Millisecond, 6)
			g.repeat(Freeze, 700*time.Millisecond, 3)
		}},
		{"acceptors crash with records in flight", func(g *generator) {
			g.load(4)
			g.p.Sync = 20 * time.Millisecond
			g.repeat(Crash, 100*time.Millisecond, 4)
			g.repeat(PowerLoss, 50*time.Millisecond, 4)
		}},
		{"proposers take turns", func(g *generator) {
			g.load(4)
			g.p.Proposers = 4
			g.repeat(Drain, 300*time.Millisecond, 4)
			g.repeat(Freeze, 900*time.Millisecond, 4)
			g.repeat(Buffering, time.Second, 3)
		}},
		{"each hears another half", func(g *generator) {
			g.load(4)
			g.p.Acceptors, g.p.Proposers = 5, 3
			g.repeat(RandomCuts, 800*time.Millisecond, 6)
			g.repeat(Mute, 800*time.Millisecond, 2)
			g.repeat(Deaf, 800*time.Millisecond, 2)
		}},
		{"messages are lost and doubled", func(g *generator) {
			g.load(4)
			g.p.Calm = Weather{Loss: 100, Duplicate: 200, Min: time.Millisecond, Max: 20 * time.Millisecond, Straggle: 50, Straggler: 2 * time.Second}
			g.repeat(Crash, 300*time.Millisecond, 4)
		}},
		{"everybody reads", func(g *generator) {
			g.load(8)
			g.reads(60)
			g.p.Calm = Weather{Loss: 80, Min: time.Millisecond, Max: 8 * time.Millisecond}
			g.repeat(RandomCuts, 500*time.Millisecond, 4)
			g.p.LeaderLife = pick(g, 0, 200*time.Millisecond)
		}},
		{"trimming while leaders change", func(g *generator) {
			g.load(4)
			g.flexible()
			g.p.Learners, g.p.Copies, g.p.DigestEvery, g.p.LearnerSync = 3, 2, 1, 20*time.Millisecond
			g.p.Quiet += 3 * time.Second
			g.repeat(Isolate, 1500*time.Millisecond, 4)
			g.repeat(LostCopy, time.Second, 1)
			g.repeat(Crash, 500*time.Millisecond, 3)
		}},
		{"strangers, twins and extremes", func(g *generator) {
			g.load(2)
			g.repeat(Hostile, 600*time.Millisecond, 8)
			g.repeat(Crash, 300*time.Millisecond, 3)
		}},
		{"promises are driven up", func(g *generator) {
			g.load(2)
			g.flexible()
			g.p.Proposers = pick(g, 1, 2)
			g.repeat(Hostile, 300*time.Millisecond, 4)
			g.repeat(Isolate, 2*time.Second, 4)
		}},
		{"init is disturbed", func(g *generator) {
			g.load(1)
			g.p.Faults = append(g.p.Faults, Fault{For: 700 * time.Millisecond, Kind: Storm, Draw: g.Uint64()})
			for range 4 {
				f := g.fault()
				f.Kind, f.At, f.Node = Crash, g.time(0, 150*time.Millisecond), pick[paxos.NodeID](g, "o1", "o1", "a1", "a2")
				f.For = g.time(time.Millisecond, 300*time.Millisecond)
				g.p.Faults = append(g.p.Faults, f)
			}
		}},
		{"answerers die", func(g *generator) {
			g.load(4)
			g.reads(0)
			g.p.Learners, g.p.AnswerWithin = 3, 200*time.Millisecond
			for i := range 3 {
				at := time.Second + time.Duration(i)*600*time.Millisecond + g.time(0, 200*time.Millisecond)
				g.p.Faults = append(g.p.Faults, Fault{At: at, For: 100 * time.Millisecond, Kind: Crash, Node: nodeID("l", g.IntN(3))})
			}
		}},
		{"learners miss what dying leaders did", func(g *generator) {
			g.load(8)
			g.reads(0)
			for i := range g.p.Clients {
				g.p.Clients[i].GiveUp = 600
			}
			g.p.Proposing.BatchCommands, g.p.Learning.OpenSlots = 1, 16
			g.p.LeaderLife = 60 * time.Millisecond
			for i := range 4 {
				g.p.Faults = append(g.p.Faults, Fault{At: g.time(0, g.p.Quiet), For: g.time(0, time.Second), Kind: Isolate, Node: nodeID("l", i%2)})
			}
		}},
		{"another cluster has the name", func(g *generator) {
			g.load(4)
			g.repeat(Rival, 700*time.Millisecond, 2)
			g.p.Quiet += 3 * time.Second
			g.repeat(Crash, 300*time.Millisecond, 3)
		}},
		{"only proposers are cut off", func(g *generator) {
			g.load(4)
			g.p.OneLeader, g.p.Quiet, g.p.Proposers = 2*time.Second, 6*time.Second, 3
			g.p.Faults = append(g.p.Faults, Fault{At: 900 * time.Millisecond, For: 6 * time.Second, Kind: Estrange})
		}},
		{"the configuration changes", func(g *generator) {
			g.load(6)
			g.p.Window, g.p.Learners, g.p.Copies = pick[paxos.Slot](g, 1, 3, 8, 32), 3, pick(g, 1, 2)
			g.p.DigestEvery, g.p.LearnerSync = pick[paxos.Slot](g, 1, 8), 20*time.Millisecond
			g.p.Quiet += 3 * time.Second
			g.p.Proposers = 3
			g.repeat(Reconfigure, 100*time.Millisecond, 5)
			g.repeat(Isolate, 500*time.Millisecond, 2)
			g.repeat(Crash, 400*time.Millisecond, 3)
			g.repeat(PowerLoss, 50*time.Millisecond, 1)
			g.p.LeaderLife = pick(g, 0, 0, 300*time.Millisecond)
		}},
		{"readers and leaders miss a change", func(g *generator) {
			g.load(6)
			g.reads(60)
			g.p.Window, g.p.Learners, g.p.LearnerSync = pick[paxos.Slot](g, 1, 2, 4), 3, 20*time.Millisecond
			g.p.Quiet += 3 * time.Second
			g.p.Proposers = 3
			g.p.Calm = Weather{Loss: 60, Duplicate: 60, Min: time.Millisecond, Max: 8 * time.Millisecond, Straggle: 50, Straggler: time.Second}
			g.repeat(Reconfigure, 100*time.Millisecond, 6)
			g.repeat(RandomCuts, 500*time.Millisecond, 4)
			g.repeat(Freeze, 700*time.Millisecond, 3)
			g.repeat(Isolate, 700*time.Millisecond, 4)
		}},
		{"clients have sessions", func(g *generator) {
			g.load(2)
			g.sessions(4)
			g.p.Learners, g.p.Copies, g.p.LearnerSync = 3, 2, pick(g, 20*time.Millisecond, 200*time.Millisecond)
			g.p.DigestEvery, g.p.Proposers = pick[paxos.Slot](g, 1, 4), 3
			g.p.Quiet = g.time(4*time.Second, 7*time.Second)
			g.repeat(Crash, 300*time.Millisecond, 4)
			g.repeat(Isolate, time.Second, 3)
			g.repeat(LostCopy, time.Second, 1)
			g.repeat(PowerLoss, 50*time.Millisecond, 1)
			g.repeat(Storm, 500*time.Millisecond, 2)
			g.p.LeaderLife = pick(g, 0, 300*time.Millisecond, 600*time.Millisecond)
			for i := range g.p.Sessions {
				g.p.Sessions[i].Pause, g.p.Sessions[i].Think, g.p.Sessions[i].Commands = 2, pick(g, 50*time.Millisecond, 150*time.Millisecond), 40
			}
		}},
		{"no fault at all", func(g *generator) {
			g.load(4)
			g.p.OneLeader, g.p.Quiet = 2*time.Second, 6*time.Second
		}},
	}
}

// load is clients that keep the pipeline full.
func (g *generator) load(clients int) {
	g.p.Quiet = g.time(1500*time.Millisecond, 3*time.Second)
	for i := range clients {
		g.p.Clients = append(g.p.Clients, ClientPlan{
			ID: nodeID("c", i), Start: 700 * time.Millisecond, Commands: 40, Think: pick(g, time.Millisecond, 40*time.Millisecond),
			Timeout: 150 * time.Millisecond, Retry: 40 * time.Millisecond, Reads: pick(g, 0, 30),
		})
	}
}

// reads sets how much of what the clients do is reading.
func (g *generator) reads(percent int) {
	for i := range g.p.Clients {
		g.p.Clients[i].Reads = percent
	}
}

// flexible makes one phase need all acceptors and the other one, in some plans.
func (g *generator) flexible() {
	if n := g.p.Acceptors; g.IntN(2) == 0 {
		one := pick(g, 1, n)
		g.p.Quorums = paxos.QuorumSystem{Kind: paxos.Sizes, Size1: one, Size2: n + 1 - one}
	}
}

// repeat adds faults of a kind, of about this length.
func (g *generator) repeat(kind FaultKind, length time.Duration, times int) {
	for range times {
		f := g.fault()
		f.Kind, f.At, f.For = kind, g.time(700*time.Millisecond, g.p.Quiet), g.time(length/2, length)
		if kind == Dying {
			f.Node = TheLeader
		}
		g.p.Faults = append(g.p.Faults, f)
	}
}

// Plan is the plan of the drill for a seed.
func (d Drill) Plan(seed uint64) *Plan {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 3)), p: CalmPlan(seed)}
	g.p.Drill, g.p.Acceptors = d.Name, pick(g, 3, 3, 5)
	d.set(g)
	g.clocks()
	g.alignClocks()
	g.p.Audit = g.IntN(2) == 0
	return g.p
}

// Hunt looks for a broken rule in so many seeds from first on of the drill of that name, or, with
// no name, in as many random plans and drills in turn. It returns what it found, and
// where; nothing when all rules hold, or when the time is over that it has.
func Hunt(drill string, first, seeds uint64, within time.Duration) (where string, f *Failure) {
	began := time.Now()
	drills := slices.DeleteFunc(Drills(), func(d Drill) bool { return drill != "" && d.Name != drill })
	for seed := first; seed < first+seeds && time.Since(began) < within; seed++ {
		d := drills[int(seed)%len(drills)]
		if f := Run(d.Plan(seed), nil).Failure; f != nil {
			return fmt.Sprintf("%s, seed %d", d.Name, seed), f
		}
		if drill != "" {
			continue
		}
		if f := Run(RandomPlan(seed), nil).Failure; f != nil {
			return fmt.Sprintf("random plan, seed %d", seed), f
		}
	}
	return "", nil
}
