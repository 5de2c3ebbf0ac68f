package apitest

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A node is a value of the document. Its fields have the order in which they are written.
type node struct{ *yaml.Node }

// below returns the value below some fields; it is empty if there is none.
func below(n *yaml.Node, names ...string) node {
	v := node{n}
	for _, name := range names {
		v = v.get(name)
	}
	return v
}

// fields iterates over the fields of an object.
func (n node) fields() iter.Seq2[string, node] {
	return func(yield func(string, node) bool) {
		if n.Node == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, node{n.Content[i+1]}) {
				return
			}
		}
	}
}

// elements iterates over a list.
func (n node) elements() iter.Seq[node] {
	return func(yield func(node) bool) {
		if n.Node == nil || n.Kind != yaml.SequenceNode {
			return
		}
		for _, e := range n.Content {
			if !yield(node{e}) {
				return
			}
		}
	}
}

// get returns a field, or an empty node.
func (n node) get(name string) node {
	for key, value := range n.fields() {
		if key == name {
			return value
		}
	}
	return node{}
}

func (n node) exists() bool { return n.Node != nil }

// text returns a text or number as it is written, without space around it.
func (n node) text() string {
	if n.Node == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// texts returns a list of texts, or one text as a list.
func (n node) texts() (list []string) {
	if text := n.text(); text != "" {
		return []string{text}
	}
	for e := range n.elements() {
		list = append(list, e.text())
	}
	return list
}

// resolve returns the value to which a node refers.
func (d *Document) resolve(n node) node {
	ref := n.get("$ref").text()
	if ref == "" {
		return n
	}
	return below(d.YAML.Content[0], strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

// problems returns the answers with a problem, by status, in order.
func (d *Document) problems() iter.Seq2[string, node] {
	all := make(map[string]node)
	for _, op := range d.Operations {
		for status, answer := range op.yaml.get("responses").fields() {
			if answer = d.resolve(answer); answer.get("content").get(problemType).exists() {
				all[status] = answer
			}
		}
	}
	return func(yield func(string, node) bool) {
		for _, status := range slices.Sorted(maps.Keys(all)) {
			if !yield(status, all[status]) {
				return
			}
		}
	}
}
