package wire

import "net/http"

// Kinds returns a problem of each code, with the code, the title and the status that it has if it is the
// first one.
func Kinds() []Problem {
	list := make([]Problem, 0, len(kinds)+1)
	for _, k := range kinds {
		list = append(list, Problem{Type: typePrefix + k.code, Title: k.title, Status: k.status, Codes: []string{k.code}})
	}
	return append(list, Problem{Type: typePrefix + internal, Title: "Internal error", Status: http.StatusInternalServerError, Codes: []string{internal}})
}
