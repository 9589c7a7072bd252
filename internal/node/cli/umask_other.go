//go:build !unix

package cli

// Private does nothing where access is a matter of the directory.
func Private() {}
