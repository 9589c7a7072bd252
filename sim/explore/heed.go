package explore

// heed is which of the messages so far a state of a process takes note of.
type heed struct {
	messages int // that there were
	heeds    set
}

// heeds is the messages that a process in this state takes note of, now or later.
func (c *cluster) heeds(n number) *set {
	for len(c.heeded) < len(c.states) {
		c.heeded = append(c.heeded, &heed{})
	}
	h, p := c.heeded[n], c.states[n]
	for ; h.messages < len(c.messages) && h.messages < words*64; h.messages++ {
		if m := c.notes[h.messages]; (p.acceptor != nil && c.follows(p, m)) || (p.proposer != nil && p.concerns(m)) {
			h.heeds.add(number(h.messages))
		}
	}
	return &h.heeds
}

// follows reports whether an acceptor would not refuse what a message asks.
func (c *cluster) follows(p *process, m note) bool {
	return m.kind == asks && !c.less[m.ballot][p.ballot]
}

// concerns reports whether a proposer may take note of a message. It drops what is not
// about its present ballot, and every ballot that it begins is a new one. That a refusal
// ends what it does shows in nothing but the ballot that it begins next.
func (p *process) concerns(m note) bool {
	switch m.kind {
	case promises:
		return m.ballot == p.ballot && p.stage == "preparing"
	case votes:
		return m.ballot == p.ballot && p.busy
	default:
		return false
	}
}
