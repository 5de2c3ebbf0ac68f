package unixsock

// hasFolderLinks says that /proc/self/fd leads to the folders that the process has open.
const hasFolderLinks = true
