//go:build linux

package doorlog_test

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// An openFile is an open file description: several numbers may stand for one.
type openFile struct {
	node   *node // nil: it is outside of the modelled folder
	offset int64
}

// harmless calls change nothing that a power cut could take.
var harmless = map[string]bool{
	"access": true, "chdir": true, "epoll_ctl": true, "epoll_pwait": true, "epoll_wait": true,
	"execve": true, "faccessat": true, "faccessat2": true, "fchmod": true, "fchmodat": true, "flock": true,
	"fstat": true, "fstat64": true, "fstatat64": true, "fstatfs": true, "fstatfs64": true, "getcwd": true, "getdents64": true,
	"ioctl": true, "lstat": true, "lstat64": true, "newfstatat": true, "poll": true, "ppoll": true, "pread64": true,
	"readlink": true, "readlinkat": true, "stat": true, "stat64": true, "statfs": true, "statfs64": true, "statx": true,
	"pselect6": true, "uname": true, "fadvise64": true,
}

// run has a process do its calls to the disk. Each call that completes a sync is
// preceded by a moment for a power cut: what the calls before it could leave, so
// could the pending changes then. The last moment is the end.
func (d *disk) run(calls []*call) error {
	d.files = map[string]*openFile{"0": {}, "1": {}, "2": {}}
	for _, c := range d.pending { // by a process before this one, whose trace has lines of its own
		c.made = 0
	}
	for _, c := range calls {
		if c.isSpeech() {
			said, err := c.bytes(1)
			if err == nil {
				err = d.said.hear(string(said[:c.result]))
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := d.do(c); err != nil {
			return fmt.Errorf("line %d of the trace: %w", c.end, err)
		}
	}
	d.moments = append(d.moments, d.moment("the end", math.MaxInt))
	return nil
}

func (d *disk) do(c *call) error {
	switch {
	case harmless[c.name]:
		return nil
	case c.name == "fsync" || c.name == "fdatasync":
		return d.doSync(c)
	case c.result < 0:
		return nil // it has not been done
	}
	switch c.name {
	case "open", "openat":
		return d.doOpen(c)
	case "eventfd2", "epoll_create1":
		d.files[fmt.Sprint(c.result)] = &openFile{}
		return nil
	case "close":
		delete(d.files, c.args[0])
		return nil
	case "dup", "dup2", "dup3":
		return d.doDup(c)
	case "fcntl", "fcntl64":
		if strings.HasPrefix(c.args[1], "F_DUPFD") {
			return d.doDup(c)
		}
		return nil
	case "mmap", "mmap2":
		return d.doMap(c)
	case "read", "lseek", "_llseek", "write", "pwrite64", "ftruncate", "ftruncate64", "fallocate":
		return d.doFile(c)
	case "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat":
		return d.doName(c)
	}
	return fmt.Errorf("the model of the disk does not know %.80s", c.text)
}

func (d *disk) doSync(c *call) error {
	f, err := d.file(c)
	if err != nil || f.node == nil {
		return err
	}
	if c.end >= d.since {
		d.moments = append(d.moments, d.moment(c.text, c.end))
	}
	if c.result < 0 {
		d.failSync(f.node, c.begin)
	} else {
		d.sync(f.node, c.begin)
	}
	return nil
}

// file returns the file of a call whose first argument it is.
func (d *disk) file(c *call) (*openFile, error) {
	f := d.files[c.args[0]]
	if f == nil {
		return nil, fmt.Errorf("no file is open for %.80s", c.text)
	}
	return f, nil
}

// find returns the folder of a path of a call, its last name there, and what
// has that name. A folder that is nil is outside of the modelled one.
func (d *disk) find(c *call, at string, arg int) (folder *node, name string, n *node, err error) {
	text, err := c.bytes(arg)
	if err != nil {
		return nil, "", nil, err
	}
	path, from := string(text), d.root
	switch {
	case filepath.IsAbs(path):
		if path == d.path {
			return nil, "", d.root, nil
		}
		var inside bool
		if path, inside = strings.CutPrefix(path, d.path+"/"); !inside {
			return nil, "", nil, nil
		}
	case at == "AT_FDCWD":
		return nil, "", nil, nil // the tests give absolute paths
	default:
		f := d.files[at]
		if f == nil {
			return nil, "", nil, fmt.Errorf("no folder is open for %.80s", c.text)
		}
		if from = f.node; from == nil {
			return nil, "", nil, nil
		}
	}
	n = from
	for name = range strings.SplitSeq(path, "/") {
		switch {
		case name == ".":
			continue
		case name == "" || name == ".." || n == nil || !n.folder:
			return nil, "", nil, fmt.Errorf("a path that the model does not know: %q", text)
		}
		folder = n
		n = folder.names[name]
	}
	return folder, name, n, nil
}

// shift returns where the arguments of a call begin that may have a folder for
// a first one, and that folder.
func (c *call) shift(arg int) (at string, path int) {
	if strings.HasSuffix(strings.TrimSuffix(c.name, "2"), "at") {
		return c.args[arg], arg + 1
	}
	return "AT_FDCWD", arg
}

func (d *disk) doOpen(c *call) error {
	at, path := c.shift(0)
	folder, name, n, err := d.find(c, at, path)
	if err != nil {
		return err
	}
	flags := c.args[path+1]
	if strings.Contains(flags, "O_APPEND") && (folder != nil || n != nil) || strings.Contains(flags, "O_TMPFILE") {
		return fmt.Errorf("the model of the disk does not know %.200s", c.text)
	}
	if folder != nil && n == nil {
		if !strings.Contains(flags, "O_CREAT") {
			return fmt.Errorf("it opened what the model does not have: %s", name)
		}
		n = d.newNode(false)
		d.setName(folder, name, n, c.end)
	} else if n != nil && strings.Contains(flags, "O_TRUNC") {
		d.resize(n, 0, c.end)
	}
	d.files[fmt.Sprint(c.result)] = &openFile{node: n}
	return nil
}

func (d *disk) doDup(c *call) error {
	f, err := d.file(c)
	d.files[fmt.Sprint(c.result)] = f
	return err
}

// doMap refuses a mapping through which a file could be written.
func (d *disk) doMap(c *call) error {
	if c.args[4] == "-1" || !strings.Contains(c.args[3], "MAP_SHARED") || !strings.Contains(c.args[2], "PROT_WRITE") {
		return nil
	}
	return fmt.Errorf("the model of the disk does not know %.80s", c.text)
}

// doFile is a call on an open file.
func (d *disk) doFile(c *call) error {
	f, err := d.file(c)
	if err != nil || f.node == nil {
		return err
	}
	switch c.name {
	case "read":
		f.offset += c.result
	case "lseek":
		f.offset = c.result
	case "_llseek":
		at, err := strconv.ParseInt(strings.Trim(c.args[len(c.args)-2], " []"), 0, 64)
		if err != nil {
			return fmt.Errorf("%.80s: %w", c.text, err)
		}
		f.offset = at
	case "ftruncate", "ftruncate64":
		size, err := c.number(1)
		if err != nil {
			return err
		}
		d.resize(f.node, size, c.end)
	case "fallocate":
		at, err := c.number(2)
		if err != nil {
			return err
		}
		length, err := c.number(3)
		if err != nil || c.args[1] != "0" {
			return fmt.Errorf("the model of the disk does not know %.80s: %w", c.text, err)
		}
		d.grow(f.node, at+length, c.end)
	case "write", "pwrite64":
		data, err := c.bytes(1)
		if err != nil {
			return err
		}
		at := f.offset
		if c.name == "pwrite64" {
			if at, err = c.number(3); err != nil {
				return err
			}
		} else {
			f.offset += c.result
		}
		d.write(f.node, at, data[:c.result], c.end)
	}
	return nil
}

// doName is a call that changes names.
func (d *disk) doName(c *call) error {
	at, path := c.shift(0)
	folder, name, n, err := d.find(c, at, path)
	if err != nil || folder == nil {
		return err
	}
	switch c.name {
	case "mkdir", "mkdirat":
		d.setName(folder, name, d.newNode(true), c.end)
		return nil
	case "unlink", "unlinkat", "rmdir":
		d.setName(folder, name, nil, c.end)
		return nil
	}
	at, path = c.shift(path + 1)
	toFolder, toName, _, err := d.find(c, at, path)
	if err != nil || toFolder == nil {
		return fmt.Errorf("a name goes out of the modelled folder: %w", err)
	}
	d.setName(toFolder, toName, n, c.end)
	if strings.HasPrefix(c.name, "rename") {
		d.setName(folder, name, nil, c.end)
	}
	return nil
}
