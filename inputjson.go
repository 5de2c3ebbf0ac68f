package doorlog

// The input of a store may come from a JSON file, such as a Policy in a configuration.
// encoding/json ignores a misspelled field, which would silently remove a bound. So these types
// are read strictly.

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

// UnmarshalJSON reads what encoding/json writes. It returns [ErrInvalid] for a field that is
// unknown or given twice. A field that is absent or null does not change.
func (in *PersonInput) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainPersonInput)(in), personInputShape)
}

// UnmarshalJSON follows the rules of [PersonInput.UnmarshalJSON].
func (h *Hours) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainHours)(h), hoursShape)
}

// UnmarshalJSON follows the rules of [PersonInput.UnmarshalJSON].
func (p *Policy) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainPolicy)(p), policyShape)
}

// UnmarshalJSON follows the rules of [PersonInput.UnmarshalJSON].
func (r *Rule) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainRule)(r), ruleShape)
}

// UnmarshalJSON follows the rules of [PersonInput.UnmarshalJSON].
func (m *Match) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainMatch)(m), matchShape)
}

// UnmarshalJSON follows the rules of [PersonInput.UnmarshalJSON].
func (f *FreeSpace) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainFreeSpace)(f), freeSpaceShape)
}

// UnmarshalJSON follows the rules of [PersonInput.UnmarshalJSON].
func (e *Erased) UnmarshalJSON(data []byte) error {
	return unmarshalOver(data, (*plainErased)(e), erasedShape)
}
