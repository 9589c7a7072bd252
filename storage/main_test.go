package storage_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/storage/storagetest"
)

func TestMain(m *testing.M) {
	if storagetest.IsAlone() {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}
