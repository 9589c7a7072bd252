package deploy

import (
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestComposeFile is what Docker Compose takes, with the roles that it should have.
func TestComposeFile(t *testing.T) {
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: tree + "docker", ConfigFiles: []types.ConfigFile{{Filename: tree + "docker/compose.yaml"}},
	}, func(o *loader.Options) { o.Profiles = []string{"cli"} })
	if err != nil {
		t.Fatal(err)
	}
	names := project.ServiceNames()
	for _, want := range []string{"n1", "n2", "n3", "a1", "a2", "a3", "init", "p1", "p2", "l1", "l2", "cli"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no service %s", want)
		}
	}
	for _, id := range []string{"a1", "a2", "a3", "l1", "l2"} {
		s := project.Services[id]
		if len(s.Volumes) != 1 || s.Volumes[0].Source != id || s.Volumes[0].Target != "/var/lib/synod" {
			t.Errorf("%s has the volumes %+v, want one of its own", id, s.Volumes)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s is not confined", id)
		}
	}
}
