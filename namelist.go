package doorlog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A nameList is a list of files that events name. It is in memory while it is short, and then in
// a temporary file. An entry is
//
//	 16   1       8      4       2        length
//	| ID | known | size | CRC | length | path |
//
// Numbers are big-endian.
type nameList struct {
	temp  func() (*os.File, error)
	short bytes.Buffer
	file  *os.File
	w     *bufio.Writer
	r     *bufio.Reader
	n     int64 // number of entries
	bytes int64 // sum of the sizes of the files, as far as the events know them
}

// A namedFile is an entry of a nameList.
type namedFile struct {
	id   ID
	path string
	sum  fileSum
}

// shortList is how many bytes of a list are kept in memory.
const shortList = 1 << 20

func (l *nameList) add(r *record) error {
	head := make([]byte, 0, nameHead+len(r.ThumbnailPath))
	head = append(head, r.ID[:]...)
	known := byte(0)
	if r.thumb.known {
		known = 1
	}
	head = append(head, known)
	head = binary.BigEndian.AppendUint64(head, uint64(r.thumb.size))
	head = binary.BigEndian.AppendUint32(head, r.thumb.crc)
	head = binary.BigEndian.AppendUint16(head, uint16(len(r.ThumbnailPath)))
	head = append(head, r.ThumbnailPath...)
	l.n++
	l.bytes += r.thumb.size
	if l.file == nil && l.short.Len() < shortList {
		l.short.Write(head) // never fails
		return nil
	}
	if l.file == nil {
		f, err := l.temp()
		if err != nil {
			return err
		}
		l.file, l.w = f, bufio.NewWriterSize(f, 64<<10)
	}
	_, err := l.w.Write(head)
	return err
}

const nameHead = 16 + 1 + 8 + 4 + 2

// rewind must be called between the last add and the first next.
func (l *nameList) rewind() error {
	all := io.Reader(&l.short)
	if l.file != nil {
		if err := l.w.Flush(); err != nil {
			return err
		}
		if _, err := l.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		all = io.MultiReader(all, l.file)
	}
	l.r = bufio.NewReader(all)
	return nil
}

// next returns the next entry; ok is false at the end.
func (l *nameList) next() (f namedFile, ok bool, err error) {
	var head [nameHead]byte
	if _, err := io.ReadFull(l.r, head[:]); errors.Is(err, io.EOF) {
		return f, false, nil
	} else if err != nil {
		return f, false, err
	}
	path := make([]byte, binary.BigEndian.Uint16(head[29:]))
	if _, err := io.ReadFull(l.r, path); err != nil {
		return f, false, err
	}
	f = namedFile{id: ID(head[:16]), path: string(path), sum: fileSum{
		known: head[16] == 1, size: int64(binary.BigEndian.Uint64(head[17:])), crc: binary.BigEndian.Uint32(head[25:]),
	}}
	return f, true, nil
}

func (l *nameList) close() error { return fsx.RemoveTemp(l.file) }
