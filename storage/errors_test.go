package storage_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
)

func mustMatch(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: error %v, want one that matches %q", what, err, kind)
	}
}

// sum is the last word of an IDENTITY file that ends so.
func sum(text string) string {
	body := strings.TrimSuffix(text, "crc32c ")
	return fmt.Sprintf("%08x\n", crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)))
}
