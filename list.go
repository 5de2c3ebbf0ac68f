package doorlog

import "encoding/json"

// A List is a slice in a result. In JSON it is never null: a nil List is written as [].
type List[T any] []T

// MarshalJSON writes a JSON array.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}
