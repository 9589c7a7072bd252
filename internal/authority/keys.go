package authority

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
)

// Equip gives every user its key: the public one that given names for it, or the pair
// whose seed is in dir/<name>.nk, which is made, for its owner's eyes only, when it is
// not there. So the same call again changes nothing.
func Equip(users []User, given map[string]string, dir string) error {
	seen := map[string]bool{}
	for i := range users {
		u := &users[i]
		if seen[u.Name()] {
			return fmt.Errorf("%s is named twice", u.Name())
		}
		seen[u.Name()] = true
		if key, ok := given[u.Name()]; ok {
			if !nkeys.IsValidPublicUserKey(key) {
				return fmt.Errorf("the key of %s is no public user nkey: %q", u.Name(), key)
			}
			u.Key = key
			continue
		}
		pair, seed, err := keyPair(filepath.Join(dir, u.Name()+".nk"), nkeys.CreateUser)
		if err != nil {
			return err
		}
		if u.Key, err = pair.PublicKey(); err != nil {
			return fmt.Errorf("key of %s: %w", u.Name(), err)
		}
		if !nkeys.IsValidPublicUserKey(u.Key) {
			return fmt.Errorf("%s holds the seed of no user", filepath.Join(dir, u.Name()+".nk"))
		}
		u.Seed = seed
	}
	for name := range given {
		if !seen[name] {
			return fmt.Errorf("a key for %s, which is no user of this cluster", name)
		}
	}
	return nil
}

// keyPair reads the seed in file, or makes one.
func keyPair(file string, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, []byte, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return newKeyPair(file, create)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("seed: %w", err)
	}
	seed := bytes.TrimSpace(text)
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return pair, seed, nil
}

func newKeyPair(file string, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, []byte, error) {
	pair, err := create()
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	return pair, seed, writeSecret(file, append(bytes.Clone(seed), '\n'))
}

// writeSecret makes a file that only its owner reads, and replaces none.
func writeSecret(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}
