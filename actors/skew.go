//go:build !torture

package actors

// skew is what is added to the wall clock, in nanoseconds: nothing, but in programs
// that are built to be tortured.
func skew() int64 { return 0 }
