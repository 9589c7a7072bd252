package streams

import "testing"

// TestNumbersOfAGeneration: a cluster that was restored hands out tokens and sessions
// above all that the one before may have handed out after the copy was taken.
func TestNumbersOfAGeneration(t *testing.T) {
	m := &Machine{}
	if n := m.nextNumber(7); n != 8 {
		t.Errorf("of a machine that knows no generation: %d, want 8", n)
	}
	m.SetGeneration(1)
	if n := m.nextNumber(0); n != 1 {
		t.Errorf("the first of generation 1: %d, want 1", n)
	}
	m.SetGeneration(3)
	first := m.nextNumber(7)
	if first <= 2<<generationBits || m.nextNumber(first) != first+1 {
		t.Errorf("after 7 in generation 3: %d and %d, want numbers above %d", first, m.nextNumber(first), uint64(2)<<generationBits)
	}
	if n := m.nextNumber(9 << generationBits); n <= 9<<generationBits {
		t.Errorf("numbers fall to %d", n)
	}
}
