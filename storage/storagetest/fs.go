package storagetest

import (
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// faultFS asks its disk before each call.
type faultFS struct {
	vfs.FS
	disk *Disk
}

func (f *faultFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(Create, name, func() (vfs.File, error) { return f.FS.Create(name, c) })
}

func (f *faultFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.file(Open, name, func() (vfs.File, error) { return f.FS.Open(name, opts...) })
}

func (f *faultFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.file(Create, name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, opts...) })
}

func (f *faultFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(Rename, oldname, func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, c) })
}

func (f *faultFS) OpenDir(name string) (vfs.File, error) {
	file, err := f.file(Open, name, func() (vfs.File, error) { return f.FS.OpenDir(name) })
	if err != nil {
		return nil, err
	}
	file.(*faultFile).sync = SyncDir
	return file, nil
}

func (f *faultFS) file(kind Kind, name string, open func() (vfs.File, error)) (vfs.File, error) {
	if err := f.disk.call(kind, name); err != nil {
		return nil, err
	}
	file, err := open()
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, disk: f.disk, path: name, sync: Sync}, nil
}

func (f *faultFS) call(kind Kind, name string, do func() error) error {
	if err := f.disk.call(kind, name); err != nil {
		return err
	}
	return do()
}

func (f *faultFS) Link(oldname, newname string) error {
	return f.call(Create, newname, func() error { return f.FS.Link(oldname, newname) })
}

func (f *faultFS) Remove(name string) error {
	return f.call(Remove, name, func() error { return f.FS.Remove(name) })
}

func (f *faultFS) RemoveAll(name string) error {
	return f.call(Remove, name, func() error { return f.FS.RemoveAll(name) })
}

func (f *faultFS) Rename(oldname, newname string) error {
	return f.call(Rename, oldname, func() error { return f.FS.Rename(oldname, newname) })
}

func (f *faultFS) MkdirAll(dir string, perm fs.FileMode) error {
	return f.call(Mkdir, dir, func() error { return f.FS.MkdirAll(dir, perm) })
}

func (f *faultFS) Lock(name string) (lock io.Closer, err error) {
	err = f.call(Lock, name, func() (err error) {
		lock, err = f.FS.Lock(name)
		return err
	})
	return lock, err
}

func (f *faultFS) List(dir string) (names []string, err error) {
	err = f.call(List, dir, func() (err error) {
		names, err = f.FS.List(dir)
		return err
	})
	return names, err
}

func (f *faultFS) Stat(name string) (info vfs.FileInfo, err error) {
	err = f.call(Stat, name, func() (err error) {
		info, err = f.FS.Stat(name)
		return err
	})
	return info, err
}

// GetDiskUsage tells the room that Disk.Fill left.
func (f *faultFS) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	const size = 1 << 40
	if err := f.disk.call(Usage, path); err != nil {
		return vfs.DiskUsage{}, err
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.quota < 0 {
		return vfs.DiskUsage{AvailBytes: size, TotalBytes: size}, nil
	}
	free := uint64(f.disk.quota)
	return vfs.DiskUsage{AvailBytes: free, TotalBytes: size, UsedBytes: size - free}, nil
}

// Unwrap is nil, so that nobody reaches around the faults.
func (f *faultFS) Unwrap() vfs.FS { return nil }

// faultFile asks its disk before each call.
type faultFile struct {
	vfs.File
	disk *Disk
	path string
	sync Kind // Sync or SyncDir
}

func (f *faultFile) Read(p []byte) (int, error) {
	if err := f.disk.call(Read, f.path); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.disk.call(Read, f.path); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *faultFile) Write(p []byte) (int, error) {
	return f.write(len(p), func(n int) (int, error) { return f.File.Write(p[:n]) })
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	return f.write(len(p), func(n int) (int, error) { return f.File.WriteAt(p[:n], off) })
}

// write writes as much of n bytes as the disk has room for.
func (f *faultFile) write(n int, do func(n int) (int, error)) (int, error) {
	if err := f.disk.call(Write, f.path); err != nil {
		return 0, err
	}
	fits, full := f.disk.take(n)
	done, err := do(fits)
	if err != nil {
		return done, err
	}
	return done, full
}

func (f *faultFile) Sync() error {
	if err := f.disk.call(f.sync, f.path); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultFile) SyncData() error {
	if err := f.disk.call(f.sync, f.path); err != nil {
		return err
	}
	return f.File.SyncData()
}

// SyncTo promises nothing, as package vfs allows.
func (f *faultFile) SyncTo(int64) (full bool, err error) { return false, nil }

func (f *faultFile) Stat() (vfs.FileInfo, error) {
	if err := f.disk.call(Stat, f.path); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

func (f *faultFile) Close() error {
	if err := f.disk.call(Close, f.path); err != nil {
		return err
	}
	return f.File.Close()
}
