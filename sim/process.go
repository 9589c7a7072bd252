package sim

import (
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// host is what a process runs: a role and what an actor does around it.
type host interface {
	boot(now paxos.Now)                    // a start: with what the disk holds, and nothing else
	step(now paxos.Now, e *paxos.Envelope) // one message
	settle(now paxos.Now)                  // after all messages that waited
	wake() paxos.Instant                   // when settle is next due without a message
	lose()                                 // a crash: what is not on the disk is gone
	founded() bool                         // whether the role knows its cluster
}

// process is one process of the cluster, through all its lives.
type process struct {
	w     *World
	id    paxos.NodeID
	role  paxos.Role
	clock clock
	host  host

	life        int
	incarnation uint64 // random, for each life
	up          bool
	downs       int     // faults that hold it down
	gone        bool    // for good
	frozen      int     // faults that hold it still, with all it holds
	held        []event // what came due while it was frozen
	inbox       []*paxos.Envelope
	spare       []*paxos.Envelope
	turning     bool // a turn is scheduled
	armed       time.Duration
	timer       int // generation of the timer that is armed

	heard   map[paxos.UUID]paxos.Sender // the last word of each acceptor disk, in this life
	rivalAt paxos.Instant               // when another cluster of the name was heard last, in this life
}

// start begins a new life, unless a fault holds the process down.
func (p *process) start() {
	if p.up || p.gone || p.downs > 0 || p.w.failure != nil {
		return
	}
	w := p.w
	p.life++
	p.incarnation = w.rng.Uint64()
	p.up = true
	p.inbox, p.held, p.turning, p.armed = nil, nil, false, 0
	p.heard, p.rivalAt = map[paxos.UUID]paxos.Sender{}, 0
	p.clock.since = w.now
	p.clock.origin = paxos.Instant(1 + w.rng.Int64N(int64(time.Hour)))
	w.note(p.id, "starts")
	p.host.boot(p.clock.at(w.now))
	p.turn()
}

// crash ends the present life.
func (p *process) crash(why string) {
	if !p.up {
		return
	}
	p.w.note(p.id, "stops: "+why)
	p.up = false
	p.host.lose()
	p.inbox, p.held = nil, nil
}

// stop is a role's own decision to stop. A service manager starts it again.
func (p *process) stop(why string) {
	p.w.count("stopped itself", 1)
	p.crash(why)
	p.w.after(nil, p.w.plan.Restart, p.start)
}

// freeze holds the process still, as SIGSTOP or a migration of its machine does.
func (p *process) freeze() {
	p.frozen++
	p.w.note(p.id, "freezes")
}

// thaw lets it go on, with everything that came meanwhile.
func (p *process) thaw() {
	p.frozen--
	if p.frozen > 0 || !p.up {
		return
	}
	p.w.note(p.id, "goes on")
	held := p.held
	p.held = nil
	for _, e := range held {
		e.at = p.w.now
		p.w.push(e)
	}
	p.awake()
}

// receive puts a message into the inbox.
func (p *process) receive(e *paxos.Envelope) {
	if !p.up {
		return
	}
	p.inbox = append(p.inbox, e)
	if p.frozen == 0 {
		p.awake()
	}
}

// awake sees to it that a turn comes, now or a little later, so that turns take
// one message or several.
func (p *process) awake() {
	if p.turning {
		return
	}
	p.turning = true
	if len(p.inbox) == 1 && p.w.rng.IntN(4) > 0 {
		p.turn()
		return
	}
	p.w.after(p, time.Duration(p.w.rng.Int64N(int64(100*time.Microsecond))), p.turn)
}

// turn steps the role with all that waits, and does what is due.
func (p *process) turn() {
	p.turning = false
	now := p.clock.at(p.w.now)
	batch := p.inbox
	p.inbox = p.spare[:0]
	for _, e := range batch {
		if p.w.recorder.on() {
			p.w.note(p.id, "<- ", e)
		}
		p.listen(e)
		p.hearsRival(now, e)
		p.host.step(now, e)
		if !p.up || p.w.failure != nil {
			return
		}
	}
	clear(batch)
	p.spare = batch
	p.host.settle(now)
	if p.up {
		p.arm()
	}
}

// listen remembers the last true word of each acceptor that the role must have
// taken note of, for the liar in hostile.go.
func (p *process) listen(e *paxos.Envelope) {
	if e.From.Role == paxos.AcceptorRole && p.host.founded() && !p.w.forged[e] && e.From.Boot >= p.heard[e.From.Disk].Boot {
		p.heard[e.From.Disk] = e.From
	}
}

// arm schedules the next turn that no message causes.
func (p *process) arm() {
	at := max(p.clock.when(p.host.wake()), p.w.now+time.Microsecond)
	if p.armed != 0 && p.armed <= at {
		return
	}
	p.armed = at
	p.timer++
	generation := p.timer
	p.w.after(p, at-p.w.now, func() {
		if generation != p.timer {
			return
		}
		p.armed = 0
		if p.clock.at(p.w.now).Mono < p.host.wake() {
			p.arm()
			return
		}
		p.turn()
	})
}
