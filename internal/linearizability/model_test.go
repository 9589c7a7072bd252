package linearizability

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// TestTheModel refuses what no single copy of the data can do.
func TestTheModel(t *testing.T) {
	for _, test := range []struct {
		what string
		want porcupine.CheckResult
		ops  []porcupine.Operation
	}{
		{"an old value after a new one", porcupine.Illegal, []porcupine.Operation{
			op(Input{Kind: Write, Value: "a"}, Output{}, 1, 2), op(Input{Kind: Write, Value: "b"}, Output{}, 3, 4),
			op(Input{Kind: Read}, Output{Values: [2]string{"a"}}, 5, 6),
		}},
		{"a late unknown write", porcupine.Ok, []porcupine.Operation{
			op(Input{Kind: Write, Value: "a"}, Output{Unknown: true}, 1, 9),
			op(Input{Kind: Read}, Output{}, 3, 4), op(Input{Kind: Read}, Output{Values: [2]string{"a"}}, 5, 6),
		}},
		{"half a transaction", porcupine.Illegal, []porcupine.Operation{
			op(Input{Kind: Both, Value: "a"}, Output{OK: true}, 1, 2), op(Input{Kind: Read, Key: 1}, Output{}, 3, 4),
		}},
		{"a superseded token that writes", porcupine.Illegal, []porcupine.Operation{
			op(Input{Kind: Lock}, Output{Token: 1}, 1, 2), op(Input{Kind: Lock}, Output{Token: 2}, 3, 4),
			op(Input{Kind: Guarded, Token: 1, Value: "a"}, Output{OK: true}, 5, 6),
		}},
		{"a token that falls", porcupine.Illegal, []porcupine.Operation{
			op(Input{Kind: Lock}, Output{Token: 2}, 1, 2), op(Input{Kind: Lock}, Output{Token: 1}, 3, 4),
		}},
		{"two swaps of the same value", porcupine.Illegal, []porcupine.Operation{
			op(Input{Kind: Swap, Value: "a"}, Output{OK: true}, 1, 3), op(Input{Kind: Swap, Value: "b"}, Output{OK: true}, 2, 4),
		}},
	} {
		if got := porcupine.CheckOperationsTimeout(Model, test.ops, time.Second); got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
}

func op(in Input, out Output, call, back int64) porcupine.Operation {
	return porcupine.Operation{Input: in, Output: out, Call: call, Return: back}
}
