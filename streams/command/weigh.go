package command

// A Weight is what a command may cost beside its bytes.
type Weight struct {
	Reads  int // conditions and actions of a transaction that read a value
	Header int // bytes of the longest header of a message in it
}

// Weigh looks at a command without decoding all of it. What is malformed weighs as
// much as could be read.
func Weigh(data []byte) Weight {
	d := &decoder{b: data}
	kind := d.head()
	for range 3 { // the session
		d.uvarint()
	}
	var w Weight
	switch kind {
	case kindPublish:
		d.bytes()
		w.message(d)
	case kindBundle:
		for n := d.count(); n > 0 && d.err == nil; n-- {
			d.bytes()
			w.message(d)
			d.varint()
		}
	case kindTransaction:
		for n := d.count(); n > 0 && d.err == nil; n-- {
			w.count(ConditionKind(d.byte()).Reads())
			d.bytes()
			d.uvarint()
			d.bytes()
		}
		for range 2 { // Then and Else
			for n := d.count(); n > 0 && d.err == nil; n-- {
				w.count(ActionKind(d.byte()).Reads())
				d.bytes()
				w.message(d)
			}
		}
	}
	return w
}

// count notes a step.
func (w *Weight) count(reads bool) {
	if reads {
		w.Reads++
	}
}

// message takes a header and data.
func (w *Weight) message(d *decoder) {
	w.Header = max(w.Header, len(d.bytes()))
	d.bytes()
}
