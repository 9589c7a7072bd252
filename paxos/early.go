package paxos

// Early tells which messages an acceptor may release although records that it emitted
// before are not durable yet: LeaderReports, which say only what it hears, nothing
// that a disk has to keep. Without them a leader would take acceptors whose disks stall
// for acceptors that it lost, and a stall of one disk that all share would end every
// leadership. The numbers that each message has of its sender are claims, though, so an
// early message repeats those of the last one that waited.
type Early struct {
	spoke    bool
	config   uint64
	promised Ballot
}

// Released notes e, which left in order.
func (r *Early) Released(e *Envelope) {
	r.spoke, r.config, r.promised = true, e.Config, e.From.Promised
}

// Take removes from send what may leave at once, and returns it: nothing before
// anything left in order.
func (r *Early) Take(send []Envelope) (early, rest []Envelope) {
	if !r.spoke {
		return nil, send
	}
	rest = send[:0]
	for _, e := range send {
		if _, ok := e.Msg.(LeaderReport); !ok {
			rest = append(rest, e)
			continue
		}
		e.Config, e.From.Promised = r.config, r.promised
		early = append(early, e)
	}
	return early, rest
}
