package apitest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Markdown returns the document for people to read.
func (d *Document) Markdown() []byte {
	m := &markdown{doc: d, root: node{d.YAML.Content[0]}}
	m.say("<!-- Made from web/openapi.yaml by `go run ./apitest/apidoc`. Change that file instead of this one. -->")
	m.say("# The HTTP API\n")
	m.say("%s\n", m.root.get("info").get("summary").text())
	m.say("%s\n", m.root.get("info").get("description").text())
	m.access()
	m.errors()
	for tag := range m.root.get("tags").elements() {
		m.area(tag)
	}
	m.schemas()
	return m.out.Bytes()
}

type markdown struct {
	doc       *Document
	root      node
	out       bytes.Buffer
	selecting []string // names of the parameters that select events
}

func (m *markdown) say(format string, args ...any) { fmt.Fprintf(&m.out, format+"\n", args...) }

func (m *markdown) access() {
	m.say("## Who may do what\n")
	m.say("Each request below says what it needs: `read`, `write`, `admin`, or nothing.\n")
	m.say("- Over the Unix socket, whose file only its owner can open, everything is allowed.")
	m.say("- Over a connection from this machine to itself everything is allowed too, unless the server asks for tokens. The `Host` of the request must be")
	m.say("  `localhost` or an address such as `127.0.0.1`. A request that came through a proxy needs a token.")
	m.say("- Any other request needs a token. A token that is sent decides, wherever the request comes from.\n")
	for name, scheme := range m.root.get("components").get("securitySchemes").fields() {
		m.say("By %s: %s\n", name, scheme.get("description").text())
	}
	m.say("| a token with | may |\n| --- | --- |")
	grant := below(m.root.Node, "components", "schemas", "Grant", "properties")
	for name, field := range grant.fields() {
		m.say("| `%s` | %s |", name, cell(field.get("description").text()))
	}
	m.say("")
}

func (m *markdown) errors() {
	m.say("## Errors\n")
	m.say("An error is a JSON document of the type `application/problem+json` ([Problem](#problem)). `codes` says what it is, the first code decides the status.\n")
	m.say("| code | status | meaning |\n| --- | --- | --- |")
	for e := range m.root.get("info").get("x-errors").elements() {
		m.say("| `%s` | %s | %s |", e.get("code").text(), e.get("status").text(), cell(e.get("meaning").text()))
	}
	m.say("\n| status | |\n| --- | --- |")
	for status, answer := range m.doc.problems() {
		m.say("| %s | %s |", status, cell(answer.get("description").text()))
	}
	m.say("")
}

// area writes all operations of a tag.
func (m *markdown) area(tag node) {
	name := tag.get("name").text()
	m.say("## %s\n", name)
	m.say("%s\n", tag.get("description").text())
	for _, op := range m.doc.Operations {
		if slices.Contains(op.yaml.get("tags").texts(), name) {
			m.operation(op)
		}
	}
}

func (m *markdown) operation(op *Operation) {
	m.say("### %s %s\n", op.Method, op.Pattern)
	needs := "no token"
	if need, err := op.Needs(); err == nil && need != "public" {
		needs = "`" + need + "`"
	}
	summary := op.yaml.get("summary").text()
	if !strings.HasSuffix(summary, "?") {
		summary += "."
	}
	m.say("%s Needs %s.\n", summary, needs)
	if text := op.yaml.get("description").text(); text != "" {
		m.say("%s\n", text)
	}
	m.parameters(op)
	m.body(op)
	m.answers(op)
	for sample := range op.yaml.get("x-codeSamples").elements() {
		if label := sample.get("label").text(); label != "" {
			m.say("%s:\n", label)
		}
		m.say("```sh\n%s\n```\n", sample.get("source").text())
	}
}

// parameters writes a table of the parameters. Those that select events are in the first table alone.
func (m *markdown) parameters(op *Operation) {
	var rows, names []string
	path := below(m.root.Node, "paths", op.Pattern)
	for _, of := range []node{path, op.yaml} {
		for p := range of.get("parameters").elements() {
			p = m.doc.resolve(p)
			name := p.get("name").text()
			names = append(names, name)
			where := p.get("in").text()
			if p.get("required").text() == "true" && where != "path" {
				where += ", needed"
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |", name, where, m.kind(p.get("schema")), cell(p.get("description").text()+m.bounds(p.get("schema")))))
		}
	}
	if op.ID == "listEvents" {
		m.selecting = names
	} else if len(m.selecting) > 0 && slices.Contains(names, "min_confidence") {
		var others []string
		for i, name := range names {
			if !slices.Contains(m.selecting, name) {
				others = append(others, rows[i])
			}
		}
		left := ""
		for _, name := range m.selecting {
			if !slices.Contains(names, name) {
				left += ", `" + name + "`"
			}
		}
		m.say("Takes the parameters of [`GET /v1/events`](#get-v1events)%s.\n", strings.Replace(left, ", ", " without ", 1))
		rows = others
	}
	if len(rows) > 0 {
		m.say("| parameter | in | type | |\n| --- | --- | --- | --- |\n%s\n", strings.Join(rows, "\n"))
	}
}

func (m *markdown) body(op *Operation) {
	body := m.doc.resolve(op.yaml.get("requestBody"))
	if !body.exists() {
		return
	}
	m.say("| body | |\n| --- | --- |")
	for mediaType, content := range body.get("content").fields() {
		m.say("| `%s` | %s |", mediaType, m.what(content.get("schema")))
	}
	m.say("")
}

func (m *markdown) answers(op *Operation) {
	m.say("| status | | |\n| --- | --- | --- |")
	var errors []string
	for status, answer := range op.yaml.get("responses").fields() {
		answer = m.doc.resolve(answer)
		if answer.get("content").get(problemType).exists() {
			errors = append(errors, status)
			continue
		}
		var bodies []string
		for mediaType, content := range answer.get("content").fields() {
			switch mediaType {
			case "application/json":
				bodies = append(bodies, m.what(content.get("schema")))
			default:
				bodies = append(bodies, "`"+mediaType+"`: "+m.what(content.get("schema")))
			}
		}
		text := answer.get("description").text()
		for header := range answer.get("headers").fields() {
			text += " Header `" + header + "`."
		}
		m.say("| %s | %s | %s |", status, cell(text), strings.Join(bodies, "<br>"))
	}
	m.say("\n[Errors](#errors): %s\n", strings.Join(errors, ", "))
}

// schemas writes a table for each type.
func (m *markdown) schemas() {
	m.say("## Types\n")
	m.say("All fields are always there, except those that are marked as optional.\n")
	for name, schema := range below(m.root.Node, "components", "schemas").fields() {
		m.say("### %s\n", name)
		if text := schema.get("description").text(); text != "" {
			m.say("%s\n", text)
		}
		if ref := schema.get("$ref"); ref.exists() {
			m.say("All fields of %s, and:\n", link(ref.text()))
		}
		switch {
		case schema.get("properties").exists():
			m.fields(schema)
		case schema.get("oneOf").exists():
			for one := range schema.get("oneOf").elements() {
				m.fields(one)
			}
		default:
			m.say("%s\n", m.kind(schema))
		}
	}
}
