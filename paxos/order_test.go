package paxos

import (
	"strings"
	"testing"
)

// TestOrders reads what OrderCommand writes, and nothing else as an order.
func TestOrders(t *testing.T) {
	for _, o := range []Order{Upgrade{Version: 2}, Skip{Slot: 17}, Skip{Slot: 1 << 60, Command: 3}} {
		c := OrderCommand(o, "inbox")
		if got, err := ParseOrder(c); err != nil || got != o || c.Reply != "inbox" || !IsOrder(c) {
			t.Errorf("%+v came back as %+v, %v", o, got, err)
		}
	}
	if o, err := ParseOrder(Command{Subject: "propose", Data: []byte{2}}); o != nil || err != nil {
		t.Errorf("a proposal is the order %v, %v", o, err)
	}
	for _, c := range []struct{ subject, data string }{
		{UpgradeSubject, ""}, {UpgradeSubject, "\x00"}, {UpgradeSubject, "\x02\x00"}, {UpgradeSubject, "\x82\x00"},
		{SkipSubject, "\x01"}, {SkipSubject, "\x00\x01"}, {SkipSubject, "\x01\xff"}, {SkipSubject, "\x01\x80\x80\x80\x80\x10"},
		{"operator.dance", "\x01"},
	} {
		if o, err := ParseOrder(Command{Subject: c.subject, Data: []byte(c.data)}); o != nil || err == nil || !strings.HasPrefix(err.Error(), "paxos: ") {
			t.Errorf("%s %x is the order %v, %v; want an error", c.subject, c.data, o, err)
		}
	}
}

// TestSkipNames which commands it is for.
func TestSkipNames(t *testing.T) {
	one, all := Skip{Slot: 5, Command: 2}, Skip{Slot: 5}
	if !one.Of(5, 2) || one.Of(5, 1) || one.Of(4, 2) || !all.Of(5, 1) || !all.Of(5, 9) || all.Of(6, 1) {
		t.Error("a skip is for another command than it names")
	}
}
