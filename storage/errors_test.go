package storage_test

import (
	"errors"
	"testing"
)

func mustMatch(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: error %v, want one that matches %q", what, err, kind)
	}
}
