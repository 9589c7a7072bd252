package node

import (
	"errors"
	"fmt"
)

// stack is what was started, bottom first, and how each part is stopped.
type stack struct{ parts []part }

type part struct {
	name string
	stop func() error
}

func (s *stack) push(name string, stop func() error) {
	s.parts = append(s.parts, part{name, stop})
}

// stop stops all parts, top first. A part that fails to stop does not keep those
// below it from stopping. A second call does nothing.
func (s *stack) stop() error {
	var errs []error
	for len(s.parts) > 0 {
		top := s.parts[len(s.parts)-1]
		s.parts = s.parts[:len(s.parts)-1]
		if err := top.stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", top.name, err))
		}
	}
	return errors.Join(errs...)
}
