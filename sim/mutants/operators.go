package mutants

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// flips is what becomes of each comparison, and of each boolean operator: the operator
// that is hardest to tell from it.
var flips = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
}

// Operators are mutants of one flipped operator each, for all operators in the functions
// of the package in dir.
func Operators(src Source, dir string) ([]Mutant, error) {
	var all []Mutant
	for _, name := range slices.Sorted(maps.Keys(src)) {
		if path.Dir(name) != dir {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, name, src[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("mutants: %w", err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				all = append(all, flipped(set, name, src[name], fn)...)
			}
		}
	}
	return all, nil
}

// flipped are the mutants of one function. They are named by what they change, not by
// its line, and numbered where that occurs more than once.
func flipped(set *token.FileSet, file, text string, fn *ast.FuncDecl) (all []Mutant) {
	named := map[string]int{}
	ast.Inspect(fn, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if !ok {
			return true
		}
		to, ok := flips[b.Op]
		if !ok {
			return true
		}
		offset := func(p token.Pos) int { return set.Position(p).Offset }
		expression := strings.Join(strings.Fields(text[offset(b.Pos()):offset(b.End())]), " ")
		name := fmt.Sprintf("%s %s: %s, %s for %s", file, fn.Name.Name, expression, to, b.Op)
		if named[name]++; named[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, named[name])
		}
		all = append(all, Mutant{Name: name, Edits: []Edit{{File: file, Old: b.Op.String(), New: to.String(), At: offset(b.OpPos)}}})
		return true
	})
	return all
}
