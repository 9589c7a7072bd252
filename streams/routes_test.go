package streams

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestRoutesMeetWhereSubjectsCollide compares the walk of two trees with the
// definition, over all pairs.
func TestRoutesMeetWhereSubjectsCollide(t *testing.T) {
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 0))
	met, apart := 0, 0
	for range 20_000 {
		self := randomStream(random, nil)
		other := randomStream(random, self.config.Subjects)
		var theirs, ours routes
		theirs.add(self)
		theirs.add(other)
		c := randomStream(random, nil).config
		ours.add(&stream{config: c})
		want := false
		for _, a := range c.Subjects {
			for _, b := range other.config.Subjects {
				want = want || collide([]byte(a), []byte(b))
			}
		}
		if theirs.meet(&ours, self) != want {
			t.Fatalf("%q meets %q beside %q of itself: want %v", c.Subjects, other.config.Subjects, self.config.Subjects, want)
		}
		if want {
			met++
		} else {
			apart++
		}
	}
	if met < 1000 || apart < 1000 {
		t.Errorf("%d met and %d did not: too few to tell", met, apart)
	}
}

// randomStream has up to 4 short subjects, of which none collides with another or with
// those that are taken.
func randomStream(random *rand.Rand, taken []string) *stream {
	c := &Config{}
	for range random.IntN(4) + 1 {
		tokens := make([]string, random.IntN(4)+1)
		for i := range tokens {
			tokens[i] = [...]string{"a", "b", "c", "*"}[random.IntN(4)]
		}
		if random.IntN(4) == 0 {
			tokens[len(tokens)-1] = ">"
		}
		subject, free := strings.Join(tokens, "."), true
		for _, s := range append(c.Subjects, taken...) {
			free = free && !collide([]byte(s), []byte(subject))
		}
		if free {
			c.Subjects = append(c.Subjects, subject)
		}
	}
	return &stream{config: c}
}

// TestManyStreamsWithManySubjects: one more does not cost the comparison with all that
// are there, which would hold up every learner for seconds.
func TestManyStreamsWithManySubjects(t *testing.T) {
	m, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeMachine(t, m)
	const streams, subjects = 400, 256
	start := time.Now()
	for i := range streams {
		list := make([]string, subjects)
		for j := range list {
			list[j] = fmt.Sprintf(`"s%d.*.t%d.>"`, i, j)
		}
		reply, err := m.Apply(m.Applied()+1, 1, []Message{{
			Subject: fmt.Sprintf("api.STREAM.CREATE.S%d", i),
			Data:    fmt.Appendf(nil, `{"name":"S%d","subjects":[%s]}`, i, strings.Join(list, ",")),
		}})
		if err != nil || strings.Contains(string(reply[0].Data), `"error"`) {
			t.Fatalf("stream %d: %s, %v", i, reply, err)
		}
	}
	took := time.Since(start)
	t.Logf("%d streams of %d subjects in %v", streams, subjects, took)
	if took > time.Minute { // by comparing all pairs: 5 billion, some minutes
		t.Errorf("%v, want less than a minute", took)
	}
}
