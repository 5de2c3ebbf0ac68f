package newfile

import "errors"

// errLocked means that another process has locked a file.
var errLocked = errors.New("locked by another process")
