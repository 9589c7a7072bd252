// Package storagetest has disks in memory that fail as a test wants: a call that
// errors, a power loss between any two calls with unsynced bytes lost, a full
// disk, a sync that never returns, a flipped bit.
//
// A [Disk] is given to package storage as Options.FS. Every call on it has a
// number, and [Disk.Before] is asked about each.
package storagetest
