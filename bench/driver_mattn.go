//go:build cgo

package main

import (
	"slices"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

const mattn = "sqlite3"

func init() {
	const module, embed = "github.com/mattn/go-sqlite3", "mattn"
	specs = slices.Insert(specs, 2,
		spec{"sqlite-full", "mattn/go-sqlite3, the original's schema and queries, synchronous=FULL", durable, false, embed, module, openSQLite(mattn, "FULL")},
		spec{"sqlite-normal", "mattn/go-sqlite3, the original's schema and queries, synchronous=NORMAL", lossy, false, embed, module, openSQLite(mattn, "NORMAL")},
		spec{"sqlite-expert", "mattn/go-sqlite3, an expert's schema and queries, synchronous=FULL", durable, false, embed, module, openExpert(mattn)},
	)
}
