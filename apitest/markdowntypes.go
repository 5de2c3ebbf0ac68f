package apitest

import (
	"fmt"
	"slices"
	"strings"
)

// fields writes a table of the fields of an object.
func (m *markdown) fields(schema node) {
	needed := schema.get("required").texts()
	m.say("| field | type | |\n| --- | --- | --- |")
	for name, field := range schema.get("properties").fields() {
		text := m.about(field)
		// What is sent may leave out fields; what is answered has all that it requires.
		if !slices.Contains(needed, name) && len(needed) > 0 {
			text = strings.TrimSpace("Optional. " + text)
		}
		m.say("| `%s` | %s | %s |", name, m.kind(field), cell(text))
	}
	m.say("")
}

// about returns the description of a field, with its bounds.
func (m *markdown) about(field node) string {
	return field.get("description").text() + m.bounds(field)
}

// bounds returns what else is to be said of a value.
func (m *markdown) bounds(schema node) string {
	schema = m.doc.resolve(schema)
	var parts []string
	low, high := schema.get("minimum").text(), schema.get("maximum").text()
	switch {
	case low != "" && high != "":
		parts = append(parts, low+" to "+high)
	case low != "" && low != "0":
		parts = append(parts, "at least "+low)
	}
	if most := schema.get("maxItems").text(); most != "" {
		parts = append(parts, "at most "+most)
	}
	if standard := schema.get("default").text(); standard != "" && standard != "false" {
		parts = append(parts, "default "+standard)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// kind returns the type of a value in a few words.
func (m *markdown) kind(schema node) string {
	if ref := schema.get("$ref").text(); ref != "" {
		switch name := ref[strings.LastIndex(ref, "/")+1:]; name {
		case "Time":
			return "time"
		case "TimeOrNull":
			return "time or null"
		case "InputTime":
			return "time, number or null"
		case "InputBool":
			return "boolean, 0, 1 or null"
		default:
			return link(ref)
		}
	}
	if values := schema.get("enum"); values.exists() {
		var list []string
		for v := range values.elements() {
			list = append(list, "`"+fmt.Sprintf("%q", v.text())[1:len(fmt.Sprintf("%q", v.text()))-1]+"`")
		}
		return strings.ReplaceAll(strings.Join(list, ", "), "``", "empty")
	}
	if one := schema.get("oneOf"); one.exists() {
		var list []string
		for v := range one.elements() {
			list = append(list, m.kind(v))
		}
		return strings.Join(list, ", or ")
	}
	if value := schema.get("const").text(); value != "" {
		return "`" + value + "`"
	}
	kinds := schema.get("type").texts()
	for i, kind := range kinds {
		switch kind {
		case "array":
			kinds[i] = "list"
			if items := schema.get("items"); items.exists() {
				kinds[i] = "list of " + m.kind(items)
			}
		case "object":
			if values := schema.get("additionalProperties"); values.get("type").exists() {
				kinds[i] = "object of " + m.kind(values)
			}
		case "string":
			kinds[i] = "text"
			if schema.get("format").text() == "date-time" {
				kinds[i] = "time"
			}
		}
	}
	return strings.Join(kinds, " or ")
}

// what returns what a body is: its type, or its fields.
func (m *markdown) what(schema node) string {
	kind := m.kind(schema)
	if kind == "object" {
		var fields []string
		for name, field := range schema.get("properties").fields() {
			fields = append(fields, fmt.Sprintf("`%s`: %s%s", name, m.kind(field), optional(schema, name)))
		}
		kind = strings.Join(fields, "; ")
	}
	if kind == "" || schema.get("description").exists() {
		kind = schema.get("description").text()
	}
	if result := below(schema.Node, "properties", "result"); result.exists() && schema.get("$ref").exists() {
		kind += " with a result of " + m.kind(result)
	}
	return cell(kind)
}

func optional(schema node, field string) string {
	if slices.Contains(schema.get("required").texts(), field) {
		return ""
	}
	return " (optional)"
}

// link returns a link to the type to which a reference leads.
func link(ref string) string {
	name := ref[strings.LastIndex(ref, "/")+1:]
	return "[" + name + "](#" + strings.ToLower(name) + ")"
}

// cell returns text that fits into a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
