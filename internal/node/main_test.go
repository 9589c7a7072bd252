package node

import (
	"testing"

	"github.com/synod-paxos/synod/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }
