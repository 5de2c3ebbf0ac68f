package web

// A Route is a method of an address that a server answers.
type Route struct {
	Method  string
	Pattern string // such as /v1/events/{id}: a name in braces stands for one segment

	// Needs is what a token must allow at least: "public", "read", "write" or "admin".
	Needs string

	// Body says how the body of a request is bounded: "none", it must be empty; "tiny", 4 KiB; "small", 1 MiB; "large",
	// Options.MaxBody; "lines", line by line.
	Body string
}

// Routes returns all routes of the API. web/openapi.yaml describes them.
func Routes() []Route {
	needs := [...]string{public: "public", needsRead: "read", needsWrite: "write", needsAdmin: "admin"}
	bodies := [...]string{noBody: "none", tinyBody: "tiny", smallBody: "small", largeBody: "large", lineBody: "lines"}
	list := make([]Route, len(routes))
	for i, rt := range routes {
		list[i] = Route{rt.method, rt.pattern, needs[rt.needs], bodies[rt.body]}
	}
	return list
}
