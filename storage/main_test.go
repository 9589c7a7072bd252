package storage_test

import (
	"runtime/debug"
	"testing"

	"github.com/synod-paxos/synod/storage/storagetest"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // a life is short, its heap is small, and there are thousands
	storagetest.Main(m)
}
