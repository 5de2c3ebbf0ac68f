package doorlog

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

var castagnoliTable = crc32.MakeTable(crc32.Castagnoli)

// A streamSum is the checksum of a stream: CRC-32C and CRC-32, which together are
// a CRC of 64 bits, and which processors have instructions for.
type streamSum struct{ castagnoli, ieee uint32 }

func (s *streamSum) add(p []byte) {
	s.castagnoli = crc32.Update(s.castagnoli, castagnoliTable, p)
	s.ieee = crc32.Update(s.ieee, crc32.IEEETable, p)
}

func (s streamSum) String() string { return fmt.Sprintf("%08x%08x", s.castagnoli, s.ieee) }

// A sumWriter sums and counts what goes through it.
type sumWriter struct {
	w   io.Writer
	n   int64
	sum streamSum
}

func (s *sumWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	s.sum.add(p[:n])
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// A sumReader sums and counts what is read through it, and keeps the error of
// its reader, if that is not the end.
type sumReader struct {
	r       io.Reader
	n       int64
	sum     streamSum
	failure error
}

func (s *sumReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	s.sum.add(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		s.failure = err
	}
	return n, err
}
