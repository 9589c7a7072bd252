package tracing

import "testing"

// FuzzTraceContext: what a client's header says of a trace is a valid one, which Format
// writes again, or none.
func FuzzTraceContext(f *testing.F) {
	for _, text := range []string{
		"NATS/1.0\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
		"NATS/1.0\r\ntraceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n\r\n",
		"NATS/1.0\r\ntraceparent:", "\r\ntraceparent:ff-", "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		c, ok := ofCommand(header)
		if !ok {
			return
		}
		if again, ok := parse(Format(c)); !c.IsValid() || !ok || again.TraceID() != c.TraceID() || again.SpanID() != c.SpanID() {
			t.Errorf("%q is of trace %v, written %q", header, c, Format(c))
		}
	})
}
