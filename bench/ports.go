package main

import (
	"net"
)

// freePorts finds n ports of loopback that nobody listens on, for servers that must
// know each other's before they start.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		defer l.Close() // at the end, so that they differ
	}
	return ports, nil
}
