package leaf

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// protocol is the version of nats-server whose way with leaf nodes this is.
const protocol = "2.15.2"

// serverInfo is what matters of a server's INFO.
type serverInfo struct {
	ServerID    string `json:"server_id"`
	Version     string `json:"version"`
	Nonce       string `json:"nonce"`
	Headers     bool   `json:"headers"`
	TLSRequired bool   `json:"tls_required"`
	MaxPayload  int    `json:"max_payload"`
	ClientIP    string `json:"client_ip"` // told to clients only
}

// greeting is CONNECT, of a leaf node or of a client.
type greeting struct {
	Version  string `json:"version"`
	Name     string `json:"name"`
	Headers  bool   `json:"headers"`
	Protocol int    `json:"protocol"`

	ID string `json:"server_id,omitempty"` // of a leaf node

	Lang string `json:"lang,omitempty"` // of a client, as the next
	Echo *bool  `json:"echo,omitempty"`
	TLS  bool   `json:"tls_required,omitempty"`

	Verbose  bool   `json:"verbose"`
	Pedantic bool   `json:"pedantic"`
	User     string `json:"user,omitempty"`
	Password string `json:"pass,omitempty"`
	Token    string `json:"auth_token,omitempty"`
	NKey     string `json:"nkey,omitempty"`
	JWT      string `json:"jwt,omitempty"`
	Sig      string `json:"sig,omitempty"`
}

// connect makes one connection, and returns it when the server has let it in.
func (l *Link) connect(ctx context.Context, u *url.URL) (*conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	n, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = n.Close() })
	defer stop()
	c, err := l.greet(n, u)
	if err != nil {
		_ = n.Close() // it failed already
		l.interest.clear()
		return nil, err
	}
	return c, nil
}

// greet does the handshake on a fresh connection.
func (l *Link) greet(n net.Conn, u *url.URL) (*conn, error) {
	if err := n.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return nil, err
	}
	var err error
	if l.options.TLSHandshakeFirst {
		if n, err = l.secure(n, u); err != nil {
			return nil, err
		}
	}
	info, err := readInfo(n)
	if err != nil {
		return nil, err
	}
	if (l.beside != nil) != (info.ClientIP != "") {
		return nil, errors.New("this port of the NATS server is for another kind of connection: --leaf wants its port for leaf nodes")
	}
	if !l.options.TLSHandshakeFirst {
		if n, err = l.secureIf(n, u, info.TLSRequired); err != nil {
			return nil, err
		}
	}
	hello, err := l.greeting(u, info)
	if err != nil {
		return nil, err
	}
	c := newConn(l, n, info)
	if err := c.enter(hello); err != nil {
		return nil, err
	}
	return c, n.SetDeadline(time.Time{})
}

// secureIf starts TLS when the server wants it. When only this side does, no secret
// is sent.
func (l *Link) secureIf(n net.Conn, u *url.URL, wanted bool) (net.Conn, error) {
	if wanted {
		return l.secure(n, u)
	}
	if u.Scheme == "tls" || l.options.TLSConfig != nil || l.options.RootCAsCB != nil || l.options.TLSCertCB != nil {
		return nil, errors.New("only one side wants TLS: the server has no tls block for this port")
	}
	return n, nil
}

func (l *Link) secure(n net.Conn, u *url.URL) (net.Conn, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if l.options.TLSConfig != nil {
		config = l.options.TLSConfig.Clone()
	}
	if l.options.TLSCertCB != nil {
		cert, err := l.options.TLSCertCB()
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	if l.options.RootCAsCB != nil {
		roots, err := l.options.RootCAsCB()
		if err != nil {
			return nil, err
		}
		config.RootCAs = roots
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	secure := tls.Client(n, config)
	if err := secure.Handshake(); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

// readInfo reads the server's first line, a byte at a time: TLS may follow.
func readInfo(n net.Conn) (*serverInfo, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < maxLine; {
		if _, err := n.Read(b); err != nil {
			return nil, fmt.Errorf("no greeting from the server: %w", err)
		}
		if b[0] == '\n' {
			break
		}
		line = append(line, b[0])
	}
	text, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("INFO "))
	info := &serverInfo{}
	if !ok || json.Unmarshal(text, info) != nil {
		return nil, errors.New("what answers is no NATS server")
	}
	if !info.Headers {
		return nil, errors.New("the NATS server has no headers: it is too old")
	}
	return info, nil
}

// greeting names who connects, and proves it.
func (l *Link) greeting(u *url.URL, info *serverInfo) (*greeting, error) {
	g := &greeting{Version: protocol, Name: l.name, Headers: true, Protocol: 1}
	if l.beside != nil {
		g.Lang, g.Echo = "go", new(bool)
	} else {
		g.ID = rand.Text()
	}
	o := l.options
	g.User, g.Password, g.Token, g.NKey = o.User, o.Password, o.Token, o.Nkey
	if u.User != nil {
		g.User, g.Password, g.Token, g.NKey = u.User.Username(), "", "", ""
		password, ok := u.User.Password()
		if g.Password = password; !ok {
			g.User, g.Token = "", u.User.Username()
		}
	}
	if l.options.UserJWT != nil && u.User == nil {
		jwt, err := o.UserJWT()
		if err != nil {
			return nil, err
		}
		g.JWT = jwt
	}
	if g.JWT != "" || g.NKey != "" {
		sig, err := o.SignatureCB([]byte(info.Nonce))
		if err != nil {
			return nil, fmt.Errorf("sign the server's nonce: %w", err)
		}
		g.Sig = base64.RawURLEncoding.EncodeToString(sig)
	}
	if l.beside == nil && g.Token != "" && g.User == "" {
		g.User = g.Token // where nats-server looks for a leaf node's token
	}
	return g, nil
}

// enter says hello, and returns once the server has answered: with PONG, or why not.
func (c *conn) enter(hello *greeting) error {
	text, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.net, "CONNECT %s\r\nPING\r\n", text); err != nil {
		return err
	}
	switch err := parse(c.reader, &entrance{c}); {
	case errors.Is(err, errEntered):
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return errors.New("the server closed the connection in the handshake")
	default:
		return err
	}
}

// entrance is the events before the server's PONG, which lets in.
type entrance struct{ *conn }

var errEntered = errors.New("entered")

func (e *entrance) pong() error { return errEntered }

func (e *entrance) ping() error {
	_, err := e.net.Write([]byte("PONG\r\n"))
	return err
}

func (e *entrance) refused(text string) error { return explain(text) }

// explain is an error of the server, and what to do about it.
func explain(text string) error {
	lower := strings.ToLower(text)
	switch {
	case strings.Contains(lower, "authorization") || strings.Contains(lower, "authentication"):
		return fmt.Errorf("the server refuses these credentials: %s", text)
	case strings.Contains(lower, "leaf") || strings.Contains(lower, "unknown protocol"):
		return fmt.Errorf("the server takes no leaf node here: %s", text)
	default:
		return fmt.Errorf("the server says: %s", text)
	}
}
