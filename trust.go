package doorlog

// trusts are the checks that are left out. Tests leave out one to see that they
// find what it finds; nothing else does.
var trusts struct {
	txids  bool // that the state is of the transaction of the meta page (state.go)
	sums   bool // that a page has its sum (pages.go)
	checks bool // what treeCursor asks of a page
}
