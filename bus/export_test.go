package bus

// LimitPending makes later subscriptions of b drop what comes beyond n messages.
func LimitPending(b *Bus, n int) { b.pending = n }
