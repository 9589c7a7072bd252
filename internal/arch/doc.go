// Package arch tests the shape of the project: what each package may import, how
// long files are, and what no file says. It holds nothing but tests.
package arch
