package bus

import (
	"errors"
	"math"
	"testing"
)

// TestReadLevels that are not understood are refused, never read as something less
// fresh than linearizable.
func TestReadLevels(t *testing.T) {
	for value, want := range map[string]ReadLevel{
		"": {}, "stale": {Stale: true}, "at-least=1": {AtLeast: 1}, "at-least=18446744073709551615": {AtLeast: math.MaxUint64},
	} {
		got, err := ParseReadLevel(value)
		if err != nil || got != want || got.String() != value {
			t.Errorf("level %q: %+v %q, %v, want %+v", value, got, got.String(), err, want)
		}
	}
	if got, err := ParseReadLevel("linearizable"); err != nil || got != (ReadLevel{}) {
		t.Errorf("linearizable by its name: %+v, %v", got, err)
	}
	for _, value := range []string{"Stale", "stale ", "at-least", "at-least=", "at-least=0", "at-least=-1", "at-least=1x", "Linearizable", "18446744073709551616"} {
		if got, err := ParseReadLevel(value); !errors.Is(err, ErrReadLevel) || got != (ReadLevel{}) {
			t.Errorf("level %q: %+v, %v, want %v", value, got, err, ErrReadLevel)
		}
	}
}
