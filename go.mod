module github.com/doorlog/doorlog

go 1.26.0

require (
	github.com/disintegration/imaging v1.6.2
	github.com/oklog/ulid/v2 v2.1.2
	github.com/vmihailenco/msgpack/v5 v5.4.1
	go.etcd.io/bbolt v1.5.0
	golang.org/x/image v0.47.0
	golang.org/x/sys v0.49.0
	golang.org/x/text v0.43.0
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
