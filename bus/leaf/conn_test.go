package leaf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// TestWritersTakeTurns: many push at once, and every message comes once, whole, and in the
// order of who pushed it.
func TestWritersTakeTurns(t *testing.T) {
	const pushers, each = 4, 250
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	out, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	in, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := in.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := newConn(&Link{}, out, &serverInfo{MaxPayload: 1 << 20})
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	defer c.end()
	defer out.Close()
	work.Go(func() { c.runWriter(ctx) })
	for p := range pushers {
		work.Go(func() {
			for n := range each {
				data := fmt.Appendf(nil, "%d %d %01000d", p, n, n)
				for err := c.collect("inbox", "", nil, data); err != nil; err = c.collect("inbox", "", nil, data) {
					if errors.Is(err, ErrDisconnected) {
						return
					}
					<-c.drained()
				}
				c.rest()
			}
		})
	}
	r := bufio.NewReader(in)
	var next [pushers]int
	for range pushers * each {
		var size, p, n, again int
		if _, err := fmt.Fscanf(r, "LMSG inbox %d\r\n", &size); err != nil {
			t.Fatalf("after %v: %v", next, err)
		}
		data := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(r, data); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(string(data), "%d %d %d\r\n", &p, &n, &again); err != nil || n != next[p] || again != n {
			t.Fatalf("%q, want message %d: %v", data, next[p], err)
		}
		next[p]++
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out) > 0 {
		t.Errorf("%d bytes wait that were written", len(c.out))
	}
}

// TestTheRestOfAWriteGoesFirst: what the socket did not take goes before what came
// meanwhile, and whoever comes meanwhile leaves it all to the writer.
func TestTheRestOfAWriteGoesFirst(t *testing.T) {
	c := newConn(&Link{}, nil, &serverInfo{MaxPayload: 100})
	push := func(data string) {
		t.Helper()
		if err := c.collect("inbox", "", nil, []byte(data)); err != nil {
			t.Fatal(err)
		}
		c.rest()
	}
	const first, second = "LMSG inbox 1\r\na\r\n", "LMSG inbox 1\r\nb\r\n"
	push("a")
	buffer, ok := c.take()
	if string(buffer) != first || !ok {
		t.Fatalf("took %q, %t", buffer, ok)
	}
	push("b")
	if buffer, ok := c.take(); ok {
		t.Fatalf("two write at once, the second %q", buffer)
	}
	if c.wrote(buffer, 5) {
		t.Error("nothing waits after a part")
	}
	buffer, ok = c.take()
	if want := first[5:] + second; string(buffer) != want || !ok {
		t.Fatalf("took %q, %t; want %q", buffer, ok, want)
	}
	if !c.wrote(buffer, len(buffer)) {
		t.Error("something waits after all")
	}
	push("b")
	if buffer, _ = c.take(); string(buffer) != second {
		t.Fatalf("took %q", buffer)
	}
	push("a")
	if c.wrote(buffer, len(buffer)) {
		t.Error("what came meanwhile is forgotten")
	}
}
