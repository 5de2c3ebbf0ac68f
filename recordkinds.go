package doorlog

// recordKinds are the kinds of records by bucket, with the invariant that a damaged record
// breaks.
var recordKinds = [...]struct {
	*recordKind
	invariant Invariant
}{
	eventsSum: {&eventRecord, InvariantEvents}, detectionsSum: {&detectionsRecord, InvariantDetections},
	personsSum: {&personRecord, InvariantPersons}, rollupsSum: {&rollupRecord, InvariantRollups},
	changesSum: {&changesRecord, InvariantChanges}, consumersSum: {&consumerRecord, InvariantChanges},
}
