package authority

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/synod-paxos/synod/bus"
)

// Authorization is a part of nats-server's configuration that lets in users, and
// nobody else, in the server's one account.
func Authorization(s bus.Subjects, users []User) string {
	return "authorization {\n" + list(s, users, "  ") + "}\n"
}

// Account is a part of nats-server's configuration with an account of that name for
// the cluster, beside others that the configuration may have.
func Account(s bus.Subjects, users []User, name string) string {
	return "accounts {\n  " + strconv.Quote(name) + ": {\n" + list(s, users, "    ") + "  }\n}\n"
}

func list(s bus.Subjects, users []User, indent string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%susers: [\n", indent)
	for i := range users {
		u := &users[i]
		p := Permit(s, u, users)
		fmt.Fprintf(&b, "%s  # %s\n%s  { nkey: %s, permissions: {\n", indent, u.Name(), indent, u.Key)
		fmt.Fprintf(&b, "%s    publish: %s\n", indent, rule(p.Publish))
		fmt.Fprintf(&b, "%s    subscribe: %s\n%s  } }\n", indent, rule(p.Subscribe), indent)
	}
	fmt.Fprintf(&b, "%s]\n", indent)
	return b.String()
}

// rule allows subjects, and nothing else.
func rule(subjects []string) string {
	if len(subjects) == 0 {
		return `{ deny: ">" }`
	}
	quoted := make([]string, len(subjects))
	for i, s := range subjects {
		quoted[i] = strconv.Quote(s)
	}
	return "{ allow: [" + strings.Join(quoted, ", ") + "] }"
}

// JWTs makes a NATS operator and an account, with keys in dir beside the users', and
// writes each user whose seed is known a credentials file dir/<name>.creds, in place of an
// older one. For the others it writes the JWT, dir/<name>.jwt. It returns the part of
// nats-server's configuration that trusts the operator.
func JWTs(s bus.Subjects, users []User, account, dir string) (config string, err error) {
	operator, _, err := keyPair(filepath.Join(dir, "nats-operator.nk"), nkeys.CreateOperator)
	if err != nil {
		return "", err
	}
	issuer, _, err := keyPair(filepath.Join(dir, "nats-account.nk"), nkeys.CreateAccount)
	if err != nil {
		return "", err
	}
	operatorKey, err1 := operator.PublicKey()
	accountKey, err2 := issuer.PublicKey()
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	operatorClaims, accountClaims := jwt.NewOperatorClaims(operatorKey), jwt.NewAccountClaims(accountKey)
	operatorClaims.Name, accountClaims.Name = account+" operator", account
	operatorJWT, err1 := operatorClaims.Encode(operator)
	accountJWT, err2 := accountClaims.Encode(operator)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	for i := range users {
		if err := writeUser(s, &users[i], users, issuer, dir); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: {\n  %s: %s\n}\n", operatorJWT, accountKey, accountJWT), nil
}

func writeUser(s bus.Subjects, u *User, users []User, issuer nkeys.KeyPair, dir string) error {
	claims := jwt.NewUserClaims(u.Key)
	claims.Name = u.Name()
	p := Permit(s, u, users)
	claims.Pub, claims.Sub = permission(p.Publish), permission(p.Subscribe)
	token, err := claims.Encode(issuer)
	if err != nil {
		return fmt.Errorf("JWT of %s: %w", u.Name(), err)
	}
	file, text := filepath.Join(dir, u.Name()+".jwt"), []byte(token+"\n")
	if u.Seed != nil {
		file = filepath.Join(dir, u.Name()+".creds")
		if text, err = jwt.FormatUserConfig(token, bytes.Clone(u.Seed)); err != nil {
			return fmt.Errorf("credentials of %s: %w", u.Name(), err)
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeSecret(file, text)
}

func permission(subjects []string) jwt.Permission {
	if len(subjects) == 0 {
		return jwt.Permission{Deny: jwt.StringList{">"}}
	}
	return jwt.Permission{Allow: subjects}
}
