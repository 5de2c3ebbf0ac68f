package doorlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The rooms of the module, from the ground up. A package imports only those above it in
// this list, and the root may import all of them. See design/architecture.md.
var rooms = []string{
	"internal/fault",
	"internal/fsx",
	"internal/pace",
	"internal/archive",
	"internal/frame",
	"internal/boltfile",
	"internal/unixsock",
	"internal/zone",
	"internal/printable",
	"", // the root
	"internal/wire",
	"internal/querytest",
	"internal/querytest/make",
	"internal/report",
	"client",
	"web",
}

const module = "github.com/doorlog/doorlog"

// A listedPackage is what "go list" says of a package.
type listedPackage struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
	Standard                bool
	Module                  *struct{ Path string }
}

// listPackages runs "go list" in this folder.
func listPackages(t *testing.T, args ...string) (packages []listedPackage) {
	t.Helper()
	if os.Getenv("DOORLOG_TEST_EMULATOR") != "" {
		t.Skip("SKIP: the source is the same on every machine")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIP: there is no go command")
	}
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, args...)...).Output()
	if err != nil {
		if failure, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v: %s", err, failure.Stderr)
		}
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// Packages import only those that are below them, and the root needs four packages and
// golang.org/x beside the standard library.
func TestNoPackageImportsUpwards(t *testing.T) {
	for _, p := range listPackages(t, "./...") {
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		at := slices.Index(rooms, room)
		if at < 0 {
			t.Errorf("%s has no place in the list of rooms", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			below, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			if i := slices.Index(rooms, below); i < 0 || i >= at {
				t.Errorf("%s imports %s, which is not below it", p.ImportPath, imported)
			}
		}
	}
	allowed := []string{
		module, "go.etcd.io/bbolt", "github.com/vmihailenco/msgpack/v5", "github.com/disintegration/imaging", "github.com/oklog/ulid/v2",
		"github.com/vmihailenco/tagparser/v2", // of msgpack
	}
	for _, p := range listPackages(t, "-deps", ".") {
		if p.Standard || p.Module == nil {
			continue
		}
		if !slices.Contains(allowed, p.Module.Path) && !strings.HasPrefix(p.Module.Path, "golang.org/x/") {
			t.Errorf("%s needs %s", module, p.Module.Path)
		}
	}
}

// An internal package never says Event: what does belongs into the root.
func TestNoRoomBelowTheRootKnowsAnEvent(t *testing.T) {
	for _, p := range listPackages(t, "./internal/...") {
		if above := slices.Index(rooms, strings.TrimPrefix(p.ImportPath, module+"/")); above > slices.Index(rooms, "") {
			continue
		}
		for _, name := range p.GoFiles {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && strings.HasPrefix(strings.ToLower(id.Name), "event") {
					t.Errorf("%s: %s", set.Position(id.Pos()), id.Name)
				}
				return true
			})
		}
	}
}

// The files of the root form no circle: of two files at most one names what the other
// defines, directly or by way of others. A reader can begin at the bottom and never has
// to believe in something that comes later.
func TestNoCircleOfFiles(t *testing.T) {
	uses := usesOfFiles(t)
	if len(uses) < 50 {
		t.Fatalf("%d files use others", len(uses))
	}
	if circle := circleOf(uses); len(circle) > 0 {
		t.Errorf("these files form a circle: %s", strings.Join(circle, " → "))
	}
	// The test finds a circle where there is one.
	uses["errors.go"] = map[string]bool{"open.go": true}
	if circle := circleOf(uses); len(circle) == 0 {
		t.Error("a circle was not found")
	}
}

// The table of files in design/architecture.md, and the reading order in doc.go, have each
// file of the root in one of their rows, and a file uses only files of its own row and of
// those above.
func TestFilesAreInTheLayersOfTheDesign(t *testing.T) {
	uses := usesOfFiles(t)
	table := between(t, "design/architecture.md", "| layer | files |", "\n\n")
	rows := strings.Split(table, "\n")
	for i, row := range rows {
		names := strings.Split(row, "`")
		for j := range names {
			if j%2 == 0 { // between two names
				names[j] = ""
			}
		}
		rows[i] = strings.Join(names, " ")
	}
	checkRows(t, "design/architecture.md", rows, uses)

	order := between(t, "doc.go", "(x stands for x.go.)", "Good places")
	rows = nil
	for line := range strings.SplitSeq(order, "\n") {
		line = strings.TrimPrefix(line, "//\t")
		if words := strings.Fields(line); strings.HasPrefix(line, " ") && len(rows) > 0 { // the row goes on
			rows[len(rows)-1] += line
		} else if len(words) > 1 {
			rows = append(rows, strings.Join(words[1:], " "))
		}
	}
	checkRows(t, "doc.go", rows, uses)
}

// between returns what a file has between two texts.
func between(t *testing.T, name, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), from)
	inside, _, found := strings.Cut(rest, to)
	if !found {
		t.Fatalf("%s has nothing between %q and %q", name, from, to)
	}
	return inside
}

// checkRows compares rows of names of files with what the files use.
func checkRows(t *testing.T, where string, rows []string, uses map[string]map[string]bool) {
	t.Helper()
	row := make(map[string]int)
	for i, names := range rows {
		for name := range strings.FieldsSeq(names) {
			if row[name] != 0 {
				t.Errorf("%s has %s twice", where, name)
			}
			row[name] = i + 1
		}
	}
	rowOf := func(file string) int {
		name := strings.TrimSuffix(file, ".go")
		if row[name] == 0 && strings.HasPrefix(name, "boot_") { // of a system
			name = "clock"
		}
		if row[name] == 0 {
			t.Errorf("%s does not have %s", where, file)
		}
		return row[name]
	}
	for file, used := range uses {
		for other := range used {
			if rowOf(other) > rowOf(file) {
				t.Errorf("%s: %s uses %s, which is in a later row", where, file, other)
			}
		}
	}
}

// A file, but for one of tests, is shorter than 550 lines, and a function than 70: a longer
// one does two things.
func TestFilesAndFunctionsAreShort(t *testing.T) {
	const longFile, longFunction = 550, 70
	files := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != "."):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			return err
		}
		files++
		line := func(at token.Pos) int { return set.Position(at).Line }
		if n := line(file.FileEnd); n >= longFile && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s has %d lines", name, n)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				if n := line(f.End()) - line(f.Pos()) + 1; n >= longFunction {
					t.Errorf("%s: %s has %d lines", name, f.Name.Name, n)
				}
			}
		}
		return nil
	})
	if err != nil || files < 200 {
		t.Fatalf("%d files: %v", files, err)
	}
}

// usesOfFiles returns, of each file of the root, the other files whose definitions it
// names: functions, types, variables, constants, methods and fields.
func usesOfFiles(t *testing.T) map[string]map[string]bool {
	t.Helper()
	exports := make(map[string]string)
	var root listedPackage
	for _, p := range listPackages(t, "-export", "-deps", ".") {
		exports[p.ImportPath] = p.Export
		root = p // the last one is that which was asked for
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range root.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(root.Dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(exports[path])
	})}
	pkg, err := config.Check(module, set, files, &info)
	if err != nil {
		t.Fatal(err)
	}
	base := func(at token.Pos) string { return path.Base(filepath.ToSlash(set.Position(at).Filename)) }
	uses := make(map[string]map[string]bool)
	for id, used := range info.Uses {
		if used.Pkg() != pkg || !used.Pos().IsValid() {
			continue
		}
		from, to := base(id.Pos()), base(used.Pos())
		if uses[from] == nil {
			uses[from] = make(map[string]bool)
		}
		if from != to {
			uses[from][to] = true
		}
	}
	return uses
}

// circleOf returns a circle, the first file of which is its last too; nil if there is none.
func circleOf(uses map[string]map[string]bool) []string {
	done := make(map[string]bool)
	var way []string
	var visit func(file string) []string
	visit = func(file string) []string {
		if i := slices.Index(way, file); i >= 0 {
			return append(slices.Clone(way[i:]), file)
		}
		if done[file] {
			return nil
		}
		way = append(way, file)
		for _, next := range slices.Sorted(maps.Keys(uses[file])) {
			if circle := visit(next); circle != nil {
				return circle
			}
		}
		way = way[:len(way)-1]
		done[file] = true
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(uses)) {
		if circle := visit(file); circle != nil {
			return circle
		}
	}
	return nil
}
