package cli

import (
	"errors"
	"reflect"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// parse reads args into k's grammar and checks all that was read. It goes on
// after a problem, so that all are found; command is the program and the
// subcommand, as far as one was named.
func parse(k *kong.Kong, args []string) (ctx *kong.Context, command string, errs []error) {
	args = joinNegative(args)
	guessing := false // after an unknown flag nobody knows which argument is its value
	for {
		ctx, err := k.Parse(args)
		if err == nil {
			return ctx, longer(command, commandOf(ctx)), append(errs, check(ctx)...)
		}
		cause := err
		if p := (*kong.ParseError)(nil); errors.As(err, &p) {
			cause, command = p.Unwrap(), longer(command, commandOf(p.Context))
		}
		if !guessing || !positional.MatchString(err.Error()) {
			errs = append(errs, cause)
		}
		name := flagIn.FindString(err.Error())
		guessing = guessing || strings.HasPrefix(err.Error(), "unknown flag")
		rest := without(args, name)
		if len(rest) == len(args) {
			return nil, command, errs
		}
		args = rest
	}
}

func commandOf(ctx *kong.Context) string {
	words := []string{ctx.Model.Name}
	for _, p := range ctx.Path {
		if p.Command != nil {
			words = append(words, p.Command.Name)
		}
	}
	return strings.Join(words, " ")
}

func longer(a, b string) string {
	if len(a) > len(b) {
		return a
	}
	return b
}

// joinNegative makes "--flag -1" into "--flag=-1": no flag of ours is a digit, so
// that is what was meant.
func joinNegative(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if strings.HasPrefix(a, "--") && !strings.Contains(a, "=") && i+1 < len(args) && negative.MatchString(args[i+1]) {
			i++
			a += "=" + args[i]
		}
		out = append(out, a)
	}
	return out
}

var (
	negative   = regexp.MustCompile(`^-[0-9.]`)
	flagIn     = regexp.MustCompile(`--?[a-zA-Z][a-zA-Z0-9-]*`)
	positional = regexp.MustCompile(`^(unexpected argument|expected )`)
)

// without is args less the first use of the flag name, and its value.
func without(args []string, name string) []string {
	if name == "" {
		return args
	}
	for i, a := range args {
		if strings.HasPrefix(a, name+"=") {
			return append(append([]string(nil), args[:i]...), args[i+1:]...)
		}
		if a != name {
			continue
		}
		end := i + 1
		if end < len(args) && !strings.HasPrefix(args[end], "-") {
			end++
		}
		return append(append([]string(nil), args[:i]...), args[end:]...)
	}
	return args
}

// check asks what was chosen, and every group of flags in it, what is wrong.
func check(ctx *kong.Context) []error {
	errs := checkValue(ctx.Model.Target)
	for _, p := range ctx.Path {
		if p.Command != nil {
			errs = append(errs, checkValue(p.Command.Target)...)
		}
	}
	return errs
}

func checkValue(v reflect.Value) []error {
	v = reflect.Indirect(v)
	var errs []error
	if c, ok := v.Addr().Interface().(Checker); ok {
		errs = c.Check()
	}
	if v.Kind() != reflect.Struct {
		return errs
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if _, embedded := f.Tag.Lookup("embed"); embedded {
			errs = append(errs, checkValue(v.Field(i))...)
		}
	}
	return errs
}
