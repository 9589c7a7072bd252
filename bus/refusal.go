package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/nats-io/nats.go"
)

// Unreachable reports whether err, of connecting, may pass by itself: no server is
// there, or not yet. Everything else is a mistake to mend.
func Unreachable(err error) bool {
	var (
		timeout net.Error
		dial    *net.OpError
	)
	switch {
	case errors.Is(err, nats.ErrTLS): // ends like a lost connection, and means a missing certificate
		return false
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout),
		errors.Is(err, nats.ErrMaxConnectionsExceeded), errors.Is(err, io.EOF):
		return true
	case errors.As(err, &timeout) && timeout.Timeout():
		return true
	default:
		return errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "read" || dial.Op == "write")
	}
}

// advise adds to err, of connecting, what to do about it.
func advise(err error) error {
	if advice := adviceOn(err); advice != "" {
		return fmt.Errorf("%w (%s)", err, advice)
	}
	return err
}

func adviceOn(err error) string {
	var (
		unverified *tls.CertificateVerificationError
		hostname   x509.HostnameError
		remote     *net.OpError
		notTLS     tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired),
		errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return "the server refuses these credentials"
	case errors.Is(err, nats.ErrNkeysNotSupported):
		return "the server knows no nkeys"
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted), errors.As(err, &notTLS):
		return "one side wants TLS and the other does not"
	case errors.As(err, &unverified), errors.As(err, &hostname):
		return "the server's certificate does not verify: check the CA file and the host name"
	case errors.Is(err, nats.ErrTLS), errors.As(err, &remote) && remote.Op == "remote error":
		return "the server refuses the TLS handshake: check the client's certificate"
	case Unreachable(err):
		return "is a nats-server running there? is the address right?"
	default:
		return ""
	}
}

// redact hides the user info of URLs.
func redact(urls string) string {
	parts := strings.Split(urls, ",")
	for i, u := range parts {
		scheme, rest, found := strings.Cut(u, "://")
		if !found {
			scheme, rest = "nats", u
		}
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			rest = "xxxxx" + rest[at:]
		}
		parts[i] = scheme + "://" + rest
	}
	return strings.Join(parts, ",")
}
