package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/synod-paxos/synod/internal/node/cli"
)

// completionCommand prints what a shell needs to complete synod's arguments.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"One of ${enum}."`
}

// Help shows what to do with it.
func (c *completionCommand) Help() string {
	return `Examples:
  source <(synod completion bash)                                  # this bash
  synod completion bash > /etc/bash_completion.d/synod             # each bash
  synod completion zsh > "${fpath[1]}/_synod"
  synod completion fish > ~/.config/fish/completions/synod.fish`
}

// Run prints the script.
func (c *completionCommand) Run(_ context.Context, s cli.Streams, k *kong.Context) error {
	commands := completed(k.Model)
	write := map[string]func([]completable) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	_, err := fmt.Fprint(s.Out, write(commands))
	return err
}

// completable is one subcommand: the words that call it, and its flags.
type completable struct {
	path  []string
	help  string
	flags []completableFlag
}

type completableFlag struct {
	name   string // with the dashes
	help   string
	values []string // that it takes, if there are only so many
	takes  bool     // it takes a value
}

// completed are the subcommands of the program, and those of these.
func completed(model *kong.Application) []completable {
	var out []completable
	for _, leaf := range model.Leaves(true) {
		c := completable{path: strings.Fields(leaf.Path()), help: leaf.Help}
		for _, group := range leaf.AllFlags(true) {
			for _, f := range group {
				flag := completableFlag{name: "--" + f.Name, help: sentence(f.Help), takes: !f.IsBool()}
				if f.Enum != "" {
					flag.values = f.EnumSlice()
				}
				c.flags = append(c.flags, flag)
			}
		}
		sort.Slice(c.flags, func(i, j int) bool { return c.flags[i].name < c.flags[j].name })
		out = append(out, c)
	}
	return out
}

// sentence is the first sentence of a help, less what shells take for more.
func sentence(help string) string {
	text, _, _ := strings.Cut(help, ". ")
	text, _, _ = strings.Cut(text, " (")
	return strings.NewReplacer("'", "", `"`, "", "`", "", "[", "(", "]", ")", ":", ",", "\n", " ").Replace(strings.TrimSuffix(text, "."))
}

// words are what may come after the words of path: the next word of each command.
func words(commands []completable, path []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, c := range commands {
		if len(c.path) > len(path) && strings.Join(c.path[:len(path)], " ") == strings.Join(path, " ") && !seen[c.path[len(path)]] {
			seen[c.path[len(path)]] = true
			out = append(out, c.path[len(path)])
		}
	}
	return out
}

// prefixes are the beginnings of all commands, the empty one first.
func prefixes(commands []completable) [][]string {
	out := [][]string{{}}
	seen := map[string]bool{"": true}
	for _, c := range commands {
		for n := 1; n <= len(c.path); n++ {
			if p := strings.Join(c.path[:n], " "); !seen[p] {
				seen[p] = true
				out = append(out, c.path[:n])
			}
		}
	}
	return out
}

// bashScript and zshScript differ in how they are hooked in: zsh runs bash's.
func bashScript(commands []completable) string {
	var b strings.Builder
	b.WriteString("# bash completion of synod; made by `synod completion bash`\n_synod() {\n")
	b.WriteString("  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= i\n")
	b.WriteString("  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"$path ${COMP_WORDS[i]}\" in\n")
	for _, p := range prefixes(commands)[1:] {
		fmt.Fprintf(&b, "      ' %s') path=' %s' ;;\n", strings.Join(p, " "), strings.Join(p, " "))
	}
	b.WriteString("    esac\n  done\n  case \"$path $prev\" in\n")
	for _, c := range commands {
		for _, f := range c.flags {
			switch at := strings.Join(c.path, " ") + " " + f.name; {
			case len(f.values) > 0:
				fmt.Fprintf(&b, "    ' %s') COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", at, strings.Join(f.values, " "))
			case f.takes:
				fmt.Fprintf(&b, "    ' %s') COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", at)
			}
		}
	}
	b.WriteString("  esac\n  case \"$path\" in\n")
	for _, p := range prefixes(commands) {
		list := words(commands, p)
		for _, c := range commands {
			if strings.Join(c.path, " ") == strings.Join(p, " ") {
				for _, f := range c.flags {
					list = append(list, f.name)
				}
			}
		}
		at := ""
		if len(p) > 0 {
			at = " " + strings.Join(p, " ")
		}
		fmt.Fprintf(&b, "    '%s') COMPREPLY=($(compgen -W '%s' -- \"$cur\")) ;;\n", at, strings.Join(list, " "))
	}
	b.WriteString("  esac\n}\ncomplete -o default -F _synod synod\n")
	return b.String()
}

func zshScript(commands []completable) string {
	return "#compdef synod\nautoload -U +X bashcompinit && bashcompinit\n" + bashScript(commands)
}

func fishScript(commands []completable) string {
	var b strings.Builder
	b.WriteString("# fish completion of synod; made by `synod completion fish`\ncomplete -c synod -f\n")
	for _, p := range prefixes(commands) {
		for _, w := range words(commands, p) {
			fmt.Fprintf(&b, "complete -c synod -n %s -a %s -d '%s'\n", fishCondition(p, words(commands, p)), w, sentence(helpFor(commands, append(p, w))))
		}
	}
	for _, c := range commands {
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c synod -n %s -l %s -d '%s'", fishCondition(c.path, nil), f.name[2:], f.help)
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(&b, " -x -a '%s'", strings.Join(f.values, " "))
			case f.takes:
				b.WriteString(" -r -F")
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// fishCondition holds after the words of path, before any of next.
func fishCondition(path, next []string) string {
	var parts []string
	for _, w := range path {
		parts = append(parts, "__fish_seen_subcommand_from "+w)
	}
	if len(next) > 0 {
		parts = append(parts, "not __fish_seen_subcommand_from "+strings.Join(next, " "))
	}
	return "'" + strings.Join(parts, "; and ") + "'"
}

func helpFor(commands []completable, path []string) string {
	for _, c := range commands {
		if strings.Join(c.path, " ") == strings.Join(path, " ") {
			return c.help
		}
	}
	return "Commands"
}
