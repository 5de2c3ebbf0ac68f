package doorlog

// What is asked of a store, or given to it, may be kept as JSON, such as a Policy in a
// configuration. A field that is misspelled there would be left out without a word, and
// with it a bound. So these types are read strictly.

type (
	plainPersonInput PersonInput
	plainHours       Hours
	plainPolicy      Policy
	plainRule        Rule
	plainMatch       Match
	plainFreeSpace   FreeSpace
	plainErased      Erased
)

var (
	personInputShape = shapeOf(PersonInput{})
	hoursShape       = shapeOf(Hours{})
	policyShape      = shapeOf(Policy{})
	ruleShape        = shapeOf(Rule{})
	matchShape       = shapeOf(Match{})
	freeSpaceShape   = shapeOf(FreeSpace{})
	erasedShape      = shapeOf(Erased{})
)

// UnmarshalJSON reads what encoding/json writes. A field that is unknown, or given twice,
// is ErrInvalid. What is not given, or is null, stays as it was.
func (in *PersonInput) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainPersonInput)(in), personInputShape)
}

// UnmarshalJSON is as that of PersonInput.
func (h *Hours) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainHours)(h), hoursShape)
}

// UnmarshalJSON is as that of PersonInput.
func (p *Policy) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainPolicy)(p), policyShape)
}

// UnmarshalJSON is as that of PersonInput.
func (r *Rule) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainRule)(r), ruleShape)
}

// UnmarshalJSON is as that of PersonInput.
func (m *Match) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainMatch)(m), matchShape)
}

// UnmarshalJSON is as that of PersonInput.
func (f *FreeSpace) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainFreeSpace)(f), freeSpaceShape)
}

// UnmarshalJSON is as that of PersonInput.
func (e *Erased) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainErased)(e), erasedShape)
}
