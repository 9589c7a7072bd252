package mutants

const sessions = "clients have sessions"

// sessionMutants are of the built-in state machine, and of a client: something is done
// twice, or a client is told of it what is not so.
var sessionMutants = []Mutant{
	in(sessions, mutant("a snapshot is installed without the message ids", "streams/restore.go",
		"	if err := s.batch.Set(key, value, nil); err != nil {\n", "	if key[0] == tableIDGroup {\n\t\treturn nil\n\t}\n\tif err := s.batch.Set(key, value, nil); err != nil {\n")),
	in(sessions, mutant("a snapshot is installed without the sessions", "streams/restore.go",
		"	if err := s.batch.Set(key, value, nil); err != nil {\n", "	if key[0] == tableSession {\n\t\treturn nil\n\t}\n\tif err := s.batch.Set(key, value, nil); err != nil {\n")),
	in(sessions, mutant("a snapshot is installed without the outcomes of sessions", "streams/restore.go",
		"	if err := s.batch.Set(key, value, nil); err != nil {\n", "	if key[0] == tableOutcome {\n\t\treturn nil\n\t}\n\tif err := s.batch.Set(key, value, nil); err != nil {\n")),
	in(sessions, mutant("a snapshot leaves the outcomes of sessions out", "streams/snapshot.go",
		"		if len(payload) >= blockTarget {\n", "		if key[0] == tableOutcome {\n\t\t\treturn true, nil\n\t\t}\n\t\tif len(payload) >= blockTarget {\n")),
	in(sessions, mutant("a retry under another leader has another number", "sim/session.go",
		"		c.w.count(\"sessions: retries under another leader\", 1)\n",
		"		if r.of != nil && r.of.session != 0 {\n\t\t\tc.last++\n\t\t\tr.of.number = c.last\n\t\t\tr.data = c.commandFor(r.of).Encode()\n\t\t}\n")),
	in(sessions, mutant("a command of a session is applied whenever it comes", "streams/session.go",
		"if v, ok := w.get(key); ok {\n\t\tanswer := bytes.Clone(v)", "if v, ok := w.get(key); ok && x.outcomes == 0 {\n\t\tanswer := bytes.Clone(v)")),
	in(sessions, mutant("outcomes are forgotten while they are awaited", "streams/session.go",
		"w.forgetOutcomes(s, in.ID, &x, in.Awaited)", "w.forgetOutcomes(s, in.ID, &x, in.Number)")),
	in(sessions, mutant("what was acknowledged is applied again", "streams/session.go",
		"case in.Number < x.awaited:", "case in.Number == 0:")),
	{Name: "a session goes on after its end", Drill: sessions, Edits: []Edit{
		{File: "streams/session.go", Old: "if !ok || x.expires <= w.now {\n\t\treturn x, errSessionUnknown", New: "if !ok {\n\t\treturn x, errSessionUnknown"},
		{File: "streams/lease.go", Old: "	if x.expires <= w.now {\n\t\tw.endSession", New: "	if x.expires <= w.now-3e9 {\n\t\tw.endSession"},
		{File: "streams/lease.go", Old: "	w.requeue(s, &x.queued, x.expires,", New: "	w.requeue(s, &x.queued, max(x.expires, w.now+1),"},
	}},
	in(sessions, mutant("commands do not keep a session", "streams/session.go",
		"	old := x\n\tx.expires = saturate(w.now, x.ttl)\n\tkey := appendOutcomeKey", "	old := x\n\tkey := appendOutcomeKey")),
	in(sessions, mutant("a session is opened twice", "streams/session.go",
		"		if x.expires > w.now {\n", "		if x.expires < 0 {\n")),
	in(sessions, mutant("a lookup says that nothing was done", "streams/ids.go",
		"	if k.duplicate() {\n\t\tif k.seq == 0 {", "	if k.duplicate() && k.seq == 0 {\n\t\tif k.seq == 0 {")),
	in(sessions, mutant("what a lookup called not done is done later", "streams/ids.go",
		"	w.addID(s, id, &k, 0)\n", "")),
	in(sessions, mutant("ids are forgotten within their window", "streams/ids.go",
		"return saturate(at, int64(s.config.Duplicates))", "return at + 1e9")),
	from(155, in(sessions, mutant("ids are known for ever", "streams/ids.go",
		"return saturate(at, int64(s.config.Duplicates))", "return 1<<63 - 1"))),
	in(sessions, mutant("an id that was refused counts as published", "streams/publish.go",
		"			if p.known.seq == 0 {\n\t\t\t\treturn 0, false, errIDRefused\n\t\t\t}\n", "")),
}
