package archive

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Sum is the checksum of a stream: its CRC-32C and its CRC-32. Together they have
// 64 bits, and processors have instructions for both.
type Sum struct{ castagnoli, ieee uint32 }

func (s *Sum) add(p []byte) {
	s.castagnoli = crc32.Update(s.castagnoli, castagnoli, p)
	s.ieee = crc32.Update(s.ieee, crc32.IEEETable, p)
}

func (s Sum) String() string { return fmt.Sprintf("%08x%08x", s.castagnoli, s.ieee) }

// A SumWriter sums and counts the bytes that are written through it.
type SumWriter struct {
	W   io.Writer
	N   int64
	Sum Sum
}

func (s *SumWriter) Write(p []byte) (int, error) {
	n, err := s.W.Write(p)
	s.N += int64(n)
	s.Sum.add(p[:n])
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// A SumReader sums and counts the bytes that are read through it. It keeps the error of
// its reader, unless that is io.EOF.
type SumReader struct {
	R       io.Reader
	N       int64
	Sum     Sum
	Failure error
}

func (s *SumReader) Read(p []byte) (int, error) {
	n, err := s.R.Read(p)
	s.N += int64(n)
	s.Sum.add(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		s.Failure = err
	}
	return n, err
}
