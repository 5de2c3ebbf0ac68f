package boltfile

// A Trust says which checks are left out. Only tests set a field: they leave out one check
// to prove that without it the fault is not found.
type Trust struct {
	Txids  bool // that the store's record of its state names the transaction of the meta page
	Sums   bool // that a page matches its sum
	Checks bool // that the elements of a page are sound, and where a search looks for them
}
