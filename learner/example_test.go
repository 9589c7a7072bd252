package learner_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/learner"
)

// Counter is a state machine: a number, to which every command adds its length.
type Counter struct{ n uint64 }

func (c *Counter) Apply(_ learner.LogTime, commands []learner.Command) [][]byte {
	var replies [][]byte
	for _, command := range commands {
		c.n += uint64(len(command.Data))
		replies = append(replies, fmt.Append(nil, c.n))
	}
	return replies
}

func (c *Counter) Snapshot(w io.Writer) error { return binary.Write(w, binary.BigEndian, c.n) }
func (c *Counter) Restore(r io.Reader) error  { return binary.Read(r, binary.BigEndian, &c.n) }

func (c *Counter) Digest() (d [16]byte) {
	binary.BigEndian.PutUint64(d[:], c.n)
	return d
}

// A cluster whose learner counts bytes. It has acceptors and a proposer already.
func Example() {
	url, stop := cluster() // nats://...
	defer stop()
	ctx := context.Background()
	data, err := os.MkdirTemp("", "counter")
	check(err)
	defer os.RemoveAll(data)

	counter := &Counter{}
	l, err := learner.Start(ctx, learner.Options{ID: "l1", Data: data, NATS: bus.Options{URLs: []string{url}}, Log: quiet}, counter)
	check(err)
	defer l.Stop()
	c, err := client.Connect(ctx, client.Options{NATS: bus.Options{URLs: []string{url}, Log: quiet}})
	check(err)
	defer c.Close()
	reply, _, err := c.Apply(ctx, []byte("hello"))
	fmt.Printf("%s %v\n", reply, err)
	err = l.Read(ctx, func() error { fmt.Println(counter.n); return nil })
	fmt.Println(err)
	// Output:
	// 5 <nil>
	// 5
	// <nil>
}
