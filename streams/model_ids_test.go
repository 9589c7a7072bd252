package streams

type modelID struct {
	id    string
	seq   uint64
	time  int64
	ended bool // for good
}

// endIDs ends the ids whose window is over, as far as the rules say that they end then.
func (m *model) endIDs(s *modelStream) {
	for i := range s.ids {
		if m.version >= 3 && s.ids[i].time+int64(s.cfg.Duplicates) <= m.now {
			s.ids[i].ended = true
		}
	}
}

// known returns what is known of an id, nil for nothing.
func (m *model) known(s *modelStream, id string) *modelID {
	m.endIDs(s)
	for i := len(s.ids) - 1; i >= 0; i-- {
		if s.ids[i].id == id && id != "" {
			return &s.ids[i]
		}
	}
	return nil
}
