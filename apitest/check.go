package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// An Exchange is a request and its answer.
type Exchange struct {
	Method      string
	URL         *url.URL
	Header      http.Header // of the request
	RequestBody []byte

	Status  int
	Answer  http.Header // of the answer
	Body    []byte      // of the answer, decompressed
	Trailer http.Header // of the answer

	// Cut says that the bodies are not complete.
	Cut bool
}

const (
	problemType = "application/problem+json"
	problem     = "/components/schemas/Problem"

	warning = "Doorlog-Warning" // a header or trailer that any answer may have
)

// Check returns what is wrong with an exchange, by the document. op is nil if there is no such operation.
func (d *Document) Check(x *Exchange) (op *Operation, err error) {
	if op = d.Find(x.Method, x.URL.EscapedPath()); op == nil {
		return nil, d.checkUnknown(x)
	}
	err = op.checkAnswer(x)
	if x.Status < http.StatusBadRequest {
		err = errors.Join(err, op.checkRequest(x))
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %d: %w", x.Method, x.URL.RequestURI(), x.Status, err)
	}
	return op, err
}

// checkUnknown checks the answer to a request for which there is no operation.
func (d *Document) checkUnknown(x *Exchange) error {
	if x.Status < http.StatusBadRequest || x.Answer.Get("Content-Type") != problemType {
		return fmt.Errorf("%s %s: there is no such operation, but the answer is %d, %s", x.Method, x.URL.RequestURI(), x.Status, x.Answer.Get("Content-Type"))
	}
	if x.Method == http.MethodHead || x.Cut {
		return nil
	}
	return d.conformsJSON(problem, x.Body)
}

func (op *Operation) checkAnswer(x *Exchange) error {
	if !op.Has(x.Status) {
		return fmt.Errorf("%s does not document this status: %.300s", op.ID, x.Body)
	}
	answer, err := op.doc.inside(op.node, "responses", fmt.Sprint(x.Status))
	if err != nil {
		return err
	}
	return errors.Join(op.doc.checkHeaders(answer, x.Answer), op.doc.checkTrailers(answer, x.Trailer), op.doc.checkContent(answer, x))
}

func (d *Document) checkHeaders(answer place, got http.Header) error {
	headers, _ := answer.object["headers"].(map[string]any)
	for header := range headers {
		h, err := d.inside(answer, "headers", header)
		if err != nil {
			return err
		}
		value := got.Get(header)
		switch {
		case value != "":
			if err := d.Conforms(h.pointer+"/schema", value); err != nil {
				return fmt.Errorf("header %s: %w", header, err)
			}
		case h.object["required"] == true:
			return fmt.Errorf("there is no header %s", header)
		}
	}
	return nil
}

func (d *Document) checkTrailers(answer place, got http.Header) error {
	for trailer := range got {
		if trailer == warning {
			continue
		}
		documented, _ := answer.object["x-trailers"].(map[string]any)
		if _, has := documented[trailer]; !has {
			return fmt.Errorf("the trailer %s is not documented", trailer)
		}
		if value := got.Get(trailer); value != "" {
			if err := d.conformsJSON(answer.pointer+"/x-trailers/"+trailer, []byte(value)); err != nil {
				return fmt.Errorf("trailer %s: %w", trailer, err)
			}
		}
	}
	return nil
}

func (d *Document) checkContent(answer place, x *Exchange) error {
	content, _ := answer.object["content"].(map[string]any)
	given := x.Answer.Get("Content-Type")
	if len(content) == 0 {
		if len(x.Body) > 0 || given != "" && x.Status != http.StatusNotModified {
			return fmt.Errorf("there is a body of type %q, which is not documented", given)
		}
		return nil
	}
	mediaType, pointer, err := d.mediaType(answer, given)
	if err != nil || x.Method == http.MethodHead {
		return err
	}
	switch mediaType {
	case "application/json", problemType:
		if x.Cut {
			return nil
		}
		return d.conformsJSON(pointer+"/schema", x.Body)
	case "application/x-ndjson":
		return d.checkLines(pointer+"/schema", x.Body, x.Cut)
	case "text/event-stream":
		return d.checkEvents(pointer, x.Body)
	}
	return nil
}

// mediaType returns the documented media type for a Content-Type, and the pointer to it.
func (d *Document) mediaType(of place, given string) (mediaType, pointer string, err error) {
	content, _ := of.object["content"].(map[string]any)
	if mediaType, _, err = mime.ParseMediaType(given); err != nil {
		return "", "", fmt.Errorf("content type %q: %w", given, err)
	}
	family, _, _ := strings.Cut(mediaType, "/")
	for _, name := range []string{mediaType, family + "/*"} {
		if _, has := content[name]; has {
			return mediaType, of.pointer + "/content/" + strings.ReplaceAll(name, "/", "~1"), nil
		}
	}
	return "", "", fmt.Errorf("the content type %q is not documented", given)
}

// checkLines checks JSON lines. Blank lines keep a connection alive.
func (d *Document) checkLines(pointer string, body []byte, cut bool) error {
	lines := bytes.Split(body, []byte("\n"))
	if cut {
		lines = lines[:len(lines)-1]
	}
	for i, line := range lines {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := d.conformsJSON(pointer, line); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

// checkEvents checks the Server-Sent Events that are complete.
func (d *Document) checkEvents(pointer string, body []byte) error {
	events := strings.Split(string(body), "\n\n")
	for _, event := range events[:len(events)-1] {
		fields := make(map[string]string)
		for line := range strings.Lines(event) {
			field, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			if !found {
				return fmt.Errorf("stream: %q is no field", line)
			}
			fields[field] += strings.TrimPrefix(value, " ")
		}
		if fields["data"] == "" {
			continue // a comment, or retry
		}
		kind := fields["event"]
		if err := d.conformsJSON(pointer+"/x-events/"+kind, []byte(fields["data"])); err != nil {
			return fmt.Errorf("event %q: %w", kind, err)
		}
		if _, has := fields["id"]; has == (kind == "reset") {
			return fmt.Errorf("event %q: that it has an id is %v", kind, has)
		}
	}
	return nil
}

// checkRequest checks a request that was served.
func (op *Operation) checkRequest(x *Exchange) error {
	parameters, err := op.parameters()
	if err != nil {
		return err
	}
	query := x.URL.Query()
	for _, p := range parameters {
		name, _ := p.object["name"].(string)
		if p.object["in"] != "query" {
			continue
		}
		values, given := query[name]
		delete(query, name)
		switch {
		case given:
			if err := op.doc.checkParameter(p, values); err != nil {
				return fmt.Errorf("parameter %s: %w", name, err)
			}
		case p.object["required"] == true:
			return fmt.Errorf("it was served without the parameter %s", name)
		}
	}
	for name := range query {
		return fmt.Errorf("the parameter %s is not documented", name)
	}
	return op.checkRequestBody(x)
}

func (op *Operation) checkRequestBody(x *Exchange) error {
	if _, has := op.node.object["requestBody"]; !has {
		if len(x.RequestBody) > 0 {
			return errors.New("it was served with a body, which is not documented")
		}
		return nil
	}
	body, err := op.doc.inside(op.node, "requestBody")
	if err != nil {
		return err
	}
	mediaType, pointer, err := op.doc.mediaType(body, x.Header.Get("Content-Type"))
	if err != nil || x.Cut {
		return err
	}
	switch mediaType {
	case "application/json", "application/merge-patch+json":
		return op.doc.conformsJSON(pointer+"/schema", x.RequestBody)
	}
	return nil
}

// checkParameter checks the values of a query parameter.
func (d *Document) checkParameter(p place, values []string) error {
	pointer := p.pointer + "/schema"
	schema, _ := p.object["schema"].(map[string]any)
	if schema["type"] == "array" {
		items, _ := schema["items"].(map[string]any)
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = typed(items["type"], v)
		}
		return d.Conforms(pointer, list)
	}
	if len(values) != 1 {
		return fmt.Errorf("it was served with %d values", len(values))
	}
	return d.Conforms(pointer, typed(schema["type"], values[0]))
}

// typed returns the value of a query parameter in the type that its schema names.
func typed(wanted any, value string) any {
	names, _ := wanted.(string)
	switch {
	case names == "boolean" && slices.Contains([]string{"true", "false"}, value):
		return value == "true"
	case names == "integer", names == "number":
		return json.Number(value)
	}
	return value
}
