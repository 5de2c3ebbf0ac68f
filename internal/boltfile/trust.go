package boltfile

// A Trust says which checks are left out. Tests leave out one to see that they find what
// it finds; nothing else does.
type Trust struct {
	Txids  bool // that the state is of the transaction of the meta page (state.go)
	Sums   bool // that a page has its sum
	Checks bool // what a cursor asks of a page
}
