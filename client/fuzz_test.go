package client

import "testing"

// FuzzReplies: whatever answers, a caller gets a result or an error.
func FuzzReplies(f *testing.F) {
	for _, text := range []string{
		`{"error":{"code":503,"err_code":10008,"description":"x","outcome":"not-done"}}`, `{"error":{}}`, `{"error":null}`, `{"config":{"name":"KV_a"}}`, "{", "", "\x01\x02",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, refused, err := parseOutcome(data)
		if err == nil && refused == nil && o.Value == nil {
			t.Errorf("%q is an outcome without a value: %+v", data, o)
		}
		var into struct {
			Config struct{ Name string }
		}
		_ = parseAPI(data, &into) // an error or not: it does not panic
	})
}
