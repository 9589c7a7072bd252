package actors

// configured tells of a configuration that is new to the learner.
func (l *learner) configured() {
	newest := l.role.Known().Newest()
	if l.config.Configured == nil || l.role.Genesis() == nil || newest == nil || newest.Number <= l.told {
		return
	}
	l.told = newest.Number
	if err := l.config.Configured(l.role.Genesis(), newest); err != nil {
		panic(end(err.Error()))
	}
}
