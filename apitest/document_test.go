package apitest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi/datamodel"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/doorlog/doorlog/apitest"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/web"
)

const documentPath = "../web/openapi.yaml"

func load(t testing.TB) *apitest.Document {
	t.Helper()
	doc, err := apitest.Load(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// plain returns the document as encoding/json reads it.
func plain(t *testing.T) any {
	t.Helper()
	var v any
	if err := load(t).YAML.Decode(&v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return v
}

// The document is one of OpenAPI 3.1, by the schema that its authors publish.
func TestDocumentIsOpenAPI(t *testing.T) {
	meta, err := jsonschema.UnmarshalJSON(strings.NewReader(datamodel.OpenAPI31SchemaData))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi-3.1.json", meta); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("openapi-3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(plain(t)); err != nil {
		t.Errorf("%#v", err)
	}
}

// walk calls fn with each object of the document, and the JSON pointer to it.
func walk(v any, pointer string, fn func(pointer string, object map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		fn(pointer, v)
		for key, inner := range v {
			walk(inner, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key), fn)
		}
	case []any:
		for i, inner := range v {
			walk(inner, fmt.Sprintf("%s/%d", pointer, i), fn)
		}
	}
}

// Every component is used, every reference leads to one, every schema is one of JSON Schema, and every
// example is what its schema asks for.
func TestComponentsAndExamples(t *testing.T) {
	doc, root := load(t), plain(t)
	used, there := make(map[string]bool), make(map[string]bool)
	walk(root, "", func(pointer string, object map[string]any) {
		if ref, ok := object["$ref"].(string); ok {
			used[strings.TrimPrefix(ref, "#")] = true
		}
		if parts := strings.Split(pointer, "/"); len(parts) == 4 && parts[1] == "components" && parts[2] != "securitySchemes" {
			there[pointer] = true
		}
		if _, has := object["schema"]; has {
			checkSchema(t, doc, pointer+"/schema", object["example"])
		}
		if parts := strings.Split(pointer, "/"); len(parts) == 4 && parts[2] == "schemas" {
			examples, _ := object["examples"].([]any)
			checkSchema(t, doc, pointer, examples...)
		}
	})
	for pointer := range used {
		if !there[pointer] {
			t.Errorf("%s: there is no such component", pointer)
		}
	}
	for pointer := range there {
		if !used[pointer] {
			t.Errorf("%s: is not used", pointer)
		}
	}
}

func checkSchema(t *testing.T, doc *apitest.Document, pointer string, examples ...any) {
	t.Helper()
	for _, example := range append(examples, nil) {
		err := doc.Conforms(pointer, example)
		if _, wrong := err.(*jsonschema.ValidationError); err != nil && (!wrong || example != nil) { //nolint:errorlint // it is not wrapped
			t.Errorf("%s: %v", pointer, err)
		}
	}
}

// The document has the routes that the server has, and says who may use them as the server does.
func TestDocumentHasTheRoutesOfTheServer(t *testing.T) {
	documented := make(map[string]string)
	ids := make(map[string]bool)
	for _, op := range load(t).Operations {
		needs, err := op.Needs()
		if err != nil {
			t.Error(err)
		}
		documented[op.Method+" "+op.Pattern] = needs
		if op.ID == "" || ids[op.ID] {
			t.Errorf("%s %s: the operationId %q is missing or not unique", op.Method, op.Pattern, op.ID)
		}
		ids[op.ID] = true
	}
	served := make(map[string]string)
	for _, rt := range web.Routes() {
		served[rt.Method+" "+rt.Pattern] = rt.Needs
	}
	for _, key := range slices.Sorted(maps.Keys(documented)) {
		switch need, ok := served[key]; {
		case !ok:
			t.Errorf("%s is documented, but not served", key)
		case need != documented[key]:
			t.Errorf("%s needs %s by the document, and %s by the server", key, documented[key], need)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(served)) {
		if _, ok := documented[key]; !ok {
			t.Errorf("%s is served, but not documented", key)
		}
	}
}

// The server hands out the document that is checked here.
func TestServerHasTheDocument(t *testing.T) {
	want, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, apitest.NewRecorder(load(t)), nil)
	if got := s.get(t, "/v1/openapi.yaml").body; got != string(want) {
		t.Errorf("the server hands out %d bytes, the file has %d: run go run ./apitest/apidoc", len(got), len(want))
	}
}

// The document lists the codes of errors that the server has, with their statuses.
func TestDocumentHasTheErrorsOfTheServer(t *testing.T) {
	root, _ := plain(t).(map[string]any)
	info, _ := root["info"].(map[string]any)
	list, _ := info["x-errors"].([]any)
	documented := make(map[string]string)
	for _, e := range list {
		e, _ := e.(map[string]any)
		documented[fmt.Sprint(e["code"])] = fmt.Sprint(e["status"])
	}
	for _, kind := range wire.Kinds() {
		code := kind.Codes[0]
		if got := documented[code]; got != fmt.Sprint(kind.Status) {
			t.Errorf("%s has the status %d, and is documented with %q", code, kind.Status, got)
		}
		if err := load(t).Conforms("/components/schemas/Problem/properties/codes", []any{code}); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		delete(documented, code)
	}
	for code := range documented {
		t.Errorf("%s is documented, and no error of the server", code)
	}
}

// docs/api.md is what apidoc makes of the document.
func TestManualIsUpToDate(t *testing.T) {
	got, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, load(t).Markdown()) {
		t.Error("docs/api.md is not what web/openapi.yaml says: run go run ./apitest/apidoc")
	}
}

// Links within the manuals, and from there to other files, lead somewhere.
func TestLinksOfTheManuals(t *testing.T) {
	paths, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links.FindAllStringSubmatch(string(text), -1) {
			target := path
			if link[1] != "" {
				target = filepath.Join(filepath.Dir(path), link[1])
			}
			there, err := os.ReadFile(target)
			if err != nil || link[2] != "" && !slices.Contains(anchors(string(there)), link[2]) {
				t.Errorf("%s: %s%s leads nowhere", path, link[1], link[2])
			}
		}
	}
}

// anchors returns the anchors of the headings of a page.
func anchors(page string) (list []string) {
	for line := range strings.Lines(page) {
		if heading, found := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); found && strings.HasPrefix(line, "#") {
			anchor := regexp.MustCompile(`[^a-z0-9_ -]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			list = append(list, "#"+strings.ReplaceAll(anchor, " ", "-"))
		}
	}
	return list
}
