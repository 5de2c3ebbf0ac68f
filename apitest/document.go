// Package apitest compares what a server of package web says with web/openapi.yaml. A [Recorder] looks
// at requests and answers as they pass, on the side of a client or of the server.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// A Document is an OpenAPI description.
type Document struct {
	Operations []*Operation // in the order of the document

	// YAML is the document with its order.
	YAML *yaml.Node

	root     any // as encoding/json reads it
	compiler *jsonschema.Compiler
}

// An Operation is one method of one address.
type Operation struct {
	Method, Pattern, ID string

	doc  *Document
	node place
	item place // its address, whose parameters it shares
	yaml node
}

// A place is an object of the document and the JSON pointer that leads to it.
type place struct {
	pointer string
	object  map[string]any
}

// name is what schemas call the document in their references.
const name = "openapi.json"

// Load reads the document in a YAML file.
func Load(path string) (*Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := &Document{YAML: new(yaml.Node)}
	if err := yaml.Unmarshal(text, d.YAML); err != nil {
		return nil, err
	}
	var plain any
	if err := d.YAML.Decode(&plain); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	if d.root, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON)); err != nil {
		return nil, err
	}
	d.compiler = jsonschema.NewCompiler()
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(name, d.root); err != nil {
		return nil, err
	}
	return d, d.readOperations()
}

func (d *Document) readOperations() error {
	paths, err := d.at("/paths")
	if err != nil {
		return err
	}
	inOrder := below(d.YAML.Content[0], "paths")
	for pattern, methods := range inOrder.fields() {
		item, err := d.inside(paths, pattern)
		if err != nil {
			return err
		}
		for method, op := range methods.fields() {
			if method == "parameters" {
				continue
			}
			node, err := d.inside(item, method)
			if err != nil {
				return err
			}
			id, _ := node.object["operationId"].(string)
			d.Operations = append(d.Operations, &Operation{strings.ToUpper(method), pattern, id, d, node, item, op})
		}
	}
	return nil
}

// Find returns the operation of a request, or nil.
func (d *Document) Find(method, escapedPath string) *Operation {
	if method == "HEAD" {
		method = "GET"
	}
	var found *Operation
	for _, op := range d.Operations {
		// A name such as {id} stands for any one segment, but one that is written out comes first.
		if op.Method == method && matches(op.Pattern, escapedPath) && (found == nil || strings.Contains(found.Pattern, "{")) {
			found = op
		}
	}
	return found
}

func matches(pattern, path string) bool {
	wanted, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(wanted, got, func(w, g string) bool {
		return w == g || strings.HasPrefix(w, "{") && g != ""
	})
}

// at returns the object at a JSON pointer, or the one to which it refers.
func (d *Document) at(pointer string) (place, error) {
	v := d.root
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch inner := v.(type) {
		case map[string]any:
			v = inner[token]
		case []any:
			i := 0
			if _, err := fmt.Sscan(token, &i); err != nil || i >= len(inner) {
				return place{}, fmt.Errorf("%s: there is no element %s", pointer, token)
			}
			v = inner[i]
		}
	}
	object, ok := v.(map[string]any)
	if !ok {
		return place{}, fmt.Errorf("%s: is no object", pointer)
	}
	if ref, ok := object["$ref"].(string); ok && !strings.HasPrefix(ref, "#/components/schemas/") {
		return d.at(strings.TrimPrefix(ref, "#"))
	}
	return place{pointer, object}, nil
}

// inside returns the object below some others.
func (d *Document) inside(p place, tokens ...string) (place, error) {
	pointer := p.pointer
	for _, token := range tokens {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
	}
	return d.at(pointer)
}

// schema compiles the schema at a JSON pointer.
func (d *Document) schema(pointer string) (*jsonschema.Schema, error) {
	tokens := strings.Split(pointer, "/")
	for i := range tokens {
		tokens[i] = url.PathEscape(tokens[i])
	}
	return d.compiler.Compile(name + "#" + strings.Join(tokens, "/"))
}

// Conforms returns an error unless value is what the schema at a JSON pointer asks for.
func (d *Document) Conforms(pointer string, value any) error {
	schema, err := d.schema(pointer)
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// conformsJSON is Conforms for the text of a value.
func (d *Document) conformsJSON(pointer string, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return d.Conforms(pointer, value)
}

// Needs returns what a token must allow for the operation: public, read, write or admin.
func (op *Operation) Needs() (string, error) {
	list, ok := op.node.object["security"].([]any)
	if !ok {
		return "", fmt.Errorf("%s %s: has no security", op.Method, op.Pattern)
	}
	if len(list) == 0 {
		return "public", nil
	}
	roles := make(map[string]bool)
	for _, one := range list {
		schemes, _ := one.(map[string]any)
		for _, names := range schemes {
			list, _ := names.([]any)
			roles[fmt.Sprint(list...)] = true
		}
	}
	if len(list) != 3 || len(roles) != 1 {
		return "", fmt.Errorf("%s %s: security is not of one role by token and cookie, and of none on the socket", op.Method, op.Pattern)
	}
	return slices.Collect(maps.Keys(roles))[0], nil
}

// Statuses returns the statuses that the operation documents, sorted.
func (op *Operation) Statuses() []string {
	responses, _ := op.node.object["responses"].(map[string]any)
	return slices.Sorted(maps.Keys(responses))
}

// Has reports whether the operation documents a status.
func (op *Operation) Has(status int) bool { return slices.Contains(op.Statuses(), fmt.Sprint(status)) }

// BodyTypes returns the media types that the operation takes, sorted.
func (op *Operation) BodyTypes() []string {
	if _, has := op.node.object["requestBody"]; !has {
		return nil
	}
	content, err := op.doc.inside(op.node, "requestBody")
	if err != nil {
		return nil
	}
	types, _ := content.object["content"].(map[string]any)
	return slices.Sorted(maps.Keys(types))
}

// parameters returns the parameters of the operation and of its address.
func (op *Operation) parameters() (list []place, err error) {
	for _, of := range []place{op.item, op.node} {
		all, _ := of.object["parameters"].([]any)
		for i := range all {
			p, err := op.doc.inside(of, "parameters", fmt.Sprint(i))
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
	}
	return list, nil
}
