//go:build unix

package leaf

import (
	"net"
	"syscall"
)

// rawOf is what writeNow writes to; nil: what it writes would not be what the server reads.
func rawOf(n net.Conn) syscall.RawConn {
	c, ok := n.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// writeNow writes what the socket takes at once, and returns how much that was. Who writes
// the rest hears of any error.
func writeNow(c syscall.RawConn, b []byte) (n int) {
	_ = c.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), b)
		return true
	})
	return max(n, 0)
}
