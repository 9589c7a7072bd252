package node

import (
	"cmp"
	"runtime/debug"
	"strings"
	"sync"
)

// version is set by release builds: -ldflags "-X .../internal/node.version=1.2.3".
var version string

// Version is the version of this program as semantic versioning has it: that of
// the release, else that of the module, else 0.0.0-devel with the commit.
var Version = sync.OnceValue(func() string {
	info, _ := debug.ReadBuildInfo()
	return versionOf(version, info)
})

func versionOf(stamped string, info *debug.BuildInfo) string {
	if stamped != "" {
		return strings.TrimPrefix(stamped, "v")
	}
	if info == nil {
		return "0.0.0-devel"
	}
	if v, ok := strings.CutPrefix(info.Main.Version, "v"); ok {
		return v
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	revision := setting["vcs.revision"]
	if revision == "" {
		return "0.0.0-devel"
	}
	dirty := map[string]string{"true": ".dirty"}[setting["vcs.modified"]]
	return "0.0.0-devel+" + cmp.Or(revision[:min(12, len(revision))], "unknown") + dirty
}
