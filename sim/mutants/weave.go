package mutants

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Weave is src with all mutants in it: a function that mutants change becomes a
// choice between its forms, by the number in paxos.Mutation. 0 is none, and mutant
// all[i] has number i+1. It refuses an edit whose text does not stand in the code
// exactly once, within a function: the code has moved on, and the list must follow.
func Weave(src Source, all []Mutant) (Source, error) {
	files := map[string]*file{}
	for i, m := range all {
		for _, e := range m.Edits {
			f, err := openFile(files, src, e.File)
			if err == nil {
				err = f.add(i+1, e)
			}
			if err != nil {
				return nil, fmt.Errorf("mutant %q: %w", m.Name, err)
			}
		}
	}
	woven := maps.Clone(src)
	for name, f := range files {
		woven[name] = f.weave()
	}
	woven["paxos/mutation.go"] = mutation
	return woven, nil
}

// paxosPath is the package that knows which mutant runs.
const paxosPath = module + "/paxos"

// mutation is what tells the mutants apart while they run.
const mutation = `package paxos

import (
	"os"
	"strconv"
)

// Mutation is the number of the mutant that runs, at first the environment's.
var Mutation, _ = strconv.Atoi(os.Getenv("MUTATION"))
`

// file is one file that is changed.
type file struct {
	name, text string
	head       int         // where its package clause ends, in bytes
	imports    bool        // package paxos, or is of it
	functions  []*function // as they stand in it
}

// function is one function, and its forms.
type function struct {
	decl     *ast.FuncDecl
	from, to int // in bytes
	forms    map[int][]Edit
}

func openFile(files map[string]*file, src Source, name string) (*file, error) {
	if f := files[name]; f != nil {
		return f, nil
	}
	text, ok := src[name]
	if !ok {
		return nil, fmt.Errorf("there is no file %s", name)
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, text: text, head: set.Position(parsed.Name.End()).Offset, imports: strings.HasPrefix(name, "paxos/")}
	for _, i := range parsed.Imports {
		f.imports = f.imports || i.Path.Value == strconv.Quote(paxosPath)
	}
	for _, d := range parsed.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok {
			f.functions = append(f.functions, &function{
				decl: fd, from: set.Position(fd.Pos()).Offset, to: set.Position(fd.End()).Offset, forms: map[int][]Edit{},
			})
		}
	}
	files[name] = f
	return f, nil
}

// add puts an edit into its function's form for a mutant.
func (f *file) add(mutant int, e Edit) error {
	if e.At == 0 {
		if n := strings.Count(f.text, e.Old); n != 1 {
			return fmt.Errorf("its text occurs %d times in %s, want once:\n%s", n, f.name, e.Old)
		}
		e.At = strings.Index(f.text, e.Old)
	}
	for _, fn := range f.functions {
		if fn.from <= e.At && e.At+len(e.Old) <= fn.to {
			fn.forms[mutant] = append(fn.forms[mutant], e)
			return nil
		}
	}
	return fmt.Errorf("its text is not within one function of %s:\n%s", f.name, e.Old)
}

func (f *file) weave() string {
	var b strings.Builder
	b.WriteString(f.text[:f.head])
	if !f.imports {
		fmt.Fprintf(&b, "\n\nimport %q", paxosPath)
	}
	at := f.head
	for _, fn := range f.functions {
		b.WriteString(f.text[at:fn.from])
		at = fn.to
		if len(fn.forms) == 0 {
			b.WriteString(f.text[fn.from:fn.to])
			continue
		}
		f.weaveFunction(&b, fn)
	}
	b.WriteString(f.text[at:])
	return b.String()
}

func (f *file) weaveFunction(b *strings.Builder, fn *function) {
	variable := "paxos.Mutation"
	if strings.HasPrefix(f.name, "paxos/") {
		variable = "Mutation"
	}
	header, call := f.signature(fn.decl)
	mutants := slices.Sorted(maps.Keys(fn.forms))
	fmt.Fprintf(b, "%s {\n\tswitch %s {\n", header, variable)
	for _, m := range mutants {
		fmt.Fprintf(b, "\tcase %d:\n\t\t%s\n", m, fmt.Sprintf(call, m))
		if fn.decl.Type.Results == nil {
			b.WriteString("\t\treturn\n")
		}
	}
	fmt.Fprintf(b, "\t}\n\t%s\n}\n", fmt.Sprintf(call, 0))
	for _, m := range append([]int{0}, mutants...) {
		fmt.Fprintf(b, "\n%s\n", f.form(fn, m))
	}
}

// form is the text of a function as a mutant has it, under a name of its own.
func (f *file) form(fn *function, mutant int) string {
	name := int(fn.decl.Name.Pos()-fn.decl.Pos()) + fn.from
	edits := append(slices.Clone(fn.forms[mutant]), Edit{At: name, Old: fn.decl.Name.Name, New: fmt.Sprintf("%s_m%d", fn.decl.Name.Name, mutant)})
	slices.SortFunc(edits, func(a, b Edit) int { return b.At - a.At })
	text := f.text[:fn.to]
	for _, e := range edits {
		text = text[:e.At] + e.New + text[e.At+len(e.Old):]
	}
	return text[fn.from:]
}

// signature is the head of a function with a name for every parameter, and the
// statement that calls its form number %d with them.
func (f *file) signature(d *ast.FuncDecl) (header, call string) {
	text := func(n ast.Node) string { return f.text[n.Pos()-1 : n.End()-1] }
	receiver, callee := "", d.Name.Name
	if d.Recv != nil {
		name := "self"
		if names := d.Recv.List[0].Names; len(names) > 0 {
			name = names[0].Name
		}
		receiver = fmt.Sprintf("(%s %s) ", name, text(d.Recv.List[0].Type))
		callee = name + "." + callee
	}
	var params, args []string
	for _, field := range d.Type.Params.List {
		names := field.Names
		if len(names) == 0 {
			names = []*ast.Ident{{Name: "_"}}
		}
		for _, n := range names {
			name := n.Name
			if name == "_" {
				name = fmt.Sprintf("unnamed%d", len(params))
			}
			params, args = append(params, name+" "+text(field.Type)), append(args, name)
			if _, ok := field.Type.(*ast.Ellipsis); ok {
				args[len(args)-1] += "..."
			}
		}
	}
	generic, result, ret := "", "", ""
	if d.Type.TypeParams != nil {
		generic = text(d.Type.TypeParams)
	}
	if d.Type.Results != nil {
		result, ret = " "+text(d.Type.Results), "return "
	}
	header = fmt.Sprintf("func %s%s%s(%s)%s", receiver, d.Name.Name, generic, strings.Join(params, ", "), result)
	return header, fmt.Sprintf("%s%s_m%%d(%s)", ret, callee, strings.Join(args, ", "))
}
