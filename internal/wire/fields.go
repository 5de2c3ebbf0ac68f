package wire

import "strings"

// The library names what it refuses by its own types, such as Query.Offset. Whoever has sent a request
// knows the parameter offset. So a problem has the name of the request, and an error that is made from a
// problem has the name of the library again, which is in the text of the error.

// segments are the names of fields in requests, by those in the types of the library.
var segments = map[string]map[string]string{
	"Query": {
		"Cameras": "camera", "Types": "type", "Doors": "door", "Methods": "method", "Persons": "person", "Labels": "label",
		"Attributes": "attribute", "RecordingID": "recording_id", "MinConfidence": "min_confidence", "Hours": "hours",
		"Weekdays": "weekday", "Limit": "limit", "Offset": "offset",
	},
	"Scope":           {"Since": "since", "Camera": "camera", "Methods": "method", "Attributes": "attribute", "Location": "tz"},
	"ConsumerOptions": {"Hold": "hold"},
	"Policy": {
		"Rules": "rules", "Name": "name", "Match": "match", "MaxAge": "max_age_ns", "MaxEvents": "max_events", "MaxBytes": "max_bytes",
		"KeepFree": "keep_free", "Bytes": "bytes", "Percent": "percent", "ThumbnailAge": "thumbnail_age_ns",
		"Cameras": "cameras", "Types": "types", "Persons": "persons", "Labels": "labels", "Methods": "methods",
	},
}

// requestField returns the name in a request of a field of the library.
func requestField(field string) string {
	of, rest, found := strings.Cut(field, ".")
	names := segments[of]
	if !found || names == nil {
		return field
	}
	var out []string
	if of == "Policy" { // which is a field of the body itself
		out = append(out, "policy")
	}
	for segment := range strings.SplitSeq(rest, ".") {
		name, index, _ := strings.Cut(segment, "[")
		named, ok := names[name]
		if !ok {
			return field
		}
		if index != "" && of == "Policy" { // a parameter that is repeated has no index
			named += "[" + index
		}
		out = append(out, named)
	}
	return strings.Join(out, ".")
}

// libraryField returns the name that the library has for the field of p.
func (p *Problem) libraryField() string {
	before, _, found := strings.Cut(p.Detail, ": "+p.Reason)
	if !found {
		return p.Field
	}
	if name := before[strings.LastIndexByte(before, ' ')+1:]; requestField(name) == p.Field {
		return name
	}
	return p.Field
}
