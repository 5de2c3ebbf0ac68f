package doorlog

import (
	"encoding/json"
	"time"
)

// A zone is a time.Location that marshals to its name in the time zone database. nil is
// null.
type zone struct{ *time.Location }

func (z zone) MarshalJSON() ([]byte, error) {
	if z.Location == nil {
		return []byte("null"), nil
	}
	if _, err := time.LoadLocation(z.String()); err != nil {
		return nil, invalid("location", "%.60q is not in the time zone database, so that it could not be read again", z.String())
	}
	return json.Marshal(z.String())
}

func (z *zone) UnmarshalJSON(data []byte) error {
	var name *string
	err := json.Unmarshal(data, &name)
	switch {
	case err != nil:
		return invalid("location", "is not text")
	case name == nil:
		z.Location = nil
		return nil
	}
	if z.Location, err = time.LoadLocation(*name); err != nil {
		return invalid("location", "%.60q is not in the time zone database", *name)
	}
	return nil
}

type (
	plainQuery Query
	queryJSON  struct {
		*plainQuery
		Location zone `json:"location,omitzero"`
	}
	plainScope Scope
	scopeJSON  struct {
		*plainScope
		Location zone `json:"location,omitzero"`
	}
)

var queryShape, scopeShape = shapeOf(queryJSON{}), shapeOf(scopeJSON{})

// MarshalJSON leaves out fields that are not set. location is the name of Location in
// the time zone database; the error is [ErrInvalid] if the database has no such zone.
func (q Query) MarshalJSON() ([]byte, error) {
	return json.Marshal(queryJSON{(*plainQuery)(&q), zone{q.Location}})
}

// UnmarshalJSON reads what MarshalJSON writes. A field that is unknown, or given twice,
// is [ErrInvalid].
func (q *Query) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var v Query
	j := queryJSON{plainQuery: (*plainQuery)(&v)}
	err := unmarshalStrict(data, &j, queryShape)
	if err == nil {
		v.Location = j.Location.Location
		*q = v
	}
	return err
}

// MarshalJSON leaves out fields that are not set. location is the name of Location in
// the time zone database; the error is [ErrInvalid] if the database has no such zone.
func (sc Scope) MarshalJSON() ([]byte, error) {
	return json.Marshal(scopeJSON{(*plainScope)(&sc), zone{sc.Location}})
}

// UnmarshalJSON reads what MarshalJSON writes. A field that is unknown, or given twice,
// is [ErrInvalid].
func (sc *Scope) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var v Scope
	j := scopeJSON{plainScope: (*plainScope)(&v)}
	err := unmarshalStrict(data, &j, scopeShape)
	if err == nil {
		v.Location = j.Location.Location
		*sc = v
	}
	return err
}
