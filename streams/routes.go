package streams

// routes finds the stream that a subject is published to. The subjects of streams
// never collide, so there is at most one.
type routes struct {
	root route
}

// route is a node of the tree of tokens.
type route struct {
	next map[string]*route // walked only where the order does not matter
	star *route
	full *stream // of a subject that ends in ">" here
	leaf *stream // of a subject that ends here
}

func (r *routes) add(s *stream) {
	for _, subject := range s.config.Subjects {
		r.set(subject, s)
	}
}

func (r *routes) remove(s *stream) {
	for _, subject := range s.config.Subjects {
		r.set(subject, nil)
	}
}

// set routes subject to s, or nowhere when s is nil. Nodes of removed subjects
// that others do not share are dropped.
func (r *routes) set(subject string, s *stream) {
	r.root.set([]byte(subject), s)
}

func (n *route) set(subject []byte, s *stream) {
	token, rest, more := cutToken(subject)
	if isFull(token) {
		n.full = s
		return
	}
	child := n.child(token)
	if more {
		child.set(rest, s)
	} else {
		child.leaf = s
	}
	if s == nil && child.empty() {
		n.drop(token)
	}
}

func (n *route) child(token []byte) *route {
	if isStar(token) {
		if n.star == nil {
			n.star = &route{}
		}
		return n.star
	}
	if n.next == nil {
		n.next = make(map[string]*route)
	}
	c := n.next[string(token)]
	if c == nil {
		c = &route{}
		n.next[string(token)] = c
	}
	return c
}

func (n *route) drop(token []byte) {
	if isStar(token) {
		n.star = nil
		return
	}
	delete(n.next, string(token))
}

func (n *route) empty() bool { return n.leaf == nil && !n.goesOn() }

// find returns the stream of a literal subject, nil when there is none.
func (r *routes) find(subject []byte) *stream { return r.root.find(subject) }

func (n *route) find(subject []byte) *stream {
	token, rest, more := cutToken(subject)
	for _, child := range [...]*route{n.next[string(token)], n.star} {
		if child == nil {
			continue
		}
		found := child.leaf
		if more {
			found = child.find(rest)
		}
		if found != nil {
			return found
		}
	}
	return n.full
}

// meet reports whether some literal subject is one of r's, of another stream than
// self, and one of ours too. The cost is that of the parts in which both are alike,
// not of all pairs of subjects.
func (r *routes) meet(ours *routes, self *stream) bool { return r.root.meets(&ours.root, self) }

// meets is meet for what follows the same tokens in both trees.
func (n *route) meets(ours *route, self *stream) bool {
	if !ours.goesOn() {
		return false
	}
	if n.full != nil && n.full != self || ours.full != nil && n.holdsOther(self) {
		return true
	}
	if ours.star != nil {
		for _, child := range n.next {
			if child.meetsAt(ours.star, self) {
				return true
			}
		}
	}
	for token, child := range ours.next {
		if n.next[token].meetsAt(child, self) || n.star.meetsAt(child, self) {
			return true
		}
	}
	return n.star.meetsAt(ours.star, self)
}

// meetsAt is meets for two nodes that may be none, including the subjects that end there.
func (n *route) meetsAt(ours *route, self *stream) bool {
	if n == nil || ours == nil {
		return false
	}
	return ours.leaf != nil && n.leaf != nil && n.leaf != self || n.meets(ours, self)
}

// goesOn reports whether a subject has more tokens after this node's.
func (n *route) goesOn() bool { return n.full != nil || n.star != nil || len(n.next) > 0 }

// holdsOther reports whether a subject with more tokens belongs to another stream than self.
func (n *route) holdsOther(self *stream) bool {
	if n.full != nil && n.full != self {
		return true
	}
	for _, child := range n.next {
		if child.isOther(self) {
			return true
		}
	}
	return n.star != nil && n.star.isOther(self)
}

func (n *route) isOther(self *stream) bool {
	return n.leaf != nil && n.leaf != self || n.holdsOther(self)
}
