package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/synod-paxos/synod"
	root   = "../.."
)

// goFile is one Go file of the module.
type goFile struct {
	path      string // from the root, with slashes
	dir       string // its package, as the table of imports names it
	test      bool
	generated bool
	lines     int
	imports   []string
	syntax    *ast.File
}

// files are the paths of the project from its root: what git keeps, so that what lies
// about in a working copy is nobody's fault, or all files where there is no git.
func files(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "-C", root, "ls-files", "-z").Output()
	var paths []string
	if err == nil {
		paths = strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	} else {
		paths = walk(t)
	}
	return slices.DeleteFunc(paths, func(p string) bool {
		info, err := os.Stat(filepath.Join(root, p))
		return err != nil || !info.Mode().IsRegular() // deleted, and not yet in git
	})
}

func walk(t *testing.T) (paths []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && p != "." && strings.HasPrefix(d.Name(), ".") && d.Name() != ".ci" {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			paths = append(paths, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// goFiles are the Go files of the module. Directories with a go.mod of their own are
// other modules.
func goFiles(t *testing.T) (found []goFile) {
	t.Helper()
	all := files(t)
	for _, p := range all {
		if path.Ext(p) != ".go" || strings.Contains(p, "testdata/") || otherModule(p, all) {
			continue
		}
		src, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			t.Fatal(err)
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		f := goFile{
			path: p, dir: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), generated: ast.IsGenerated(syntax),
			lines: strings.Count(string(src), "\n"), syntax: syntax,
		}
		for _, i := range syntax.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			f.imports = append(f.imports, name)
		}
		found = append(found, f)
	}
	if len(found) < 50 {
		t.Fatalf("%d Go files found: is this the project?", len(found))
	}
	return found
}

func otherModule(p string, all []string) bool {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if slices.Contains(all, dir+"/go.mod") {
			return true
		}
	}
	return false
}

// calls are the calls of methods and functions in f, as "x.name".
func calls(f *ast.File) (found []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok {
			from := "?"
			if id, ok := s.X.(*ast.Ident); ok {
				from = id.Name
			}
			found = append(found, from+"."+s.Sel.Name)
		}
		return true
	})
	return found
}
