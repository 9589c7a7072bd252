// Package deploy checks the files of deploy/ with the code of those who read them:
// Prometheus and Kubernetes. It is a module of its own, so that Synod needs neither.
package deploy

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

const tree = "../../deploy/"

// TestAlertsAreRules as Prometheus takes them: expressions, durations and templates.
func TestAlertsAreRules(t *testing.T) {
	groups, errs := rulefmt.ParseFile(tree+"prometheus/alerts.yml", false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if groups == nil || len(groups.Groups) != 1 || len(groups.Groups[0].Rules) < 10 {
		t.Errorf("groups %+v", groups)
	}
}

// TestDashboardAsksInPromQL: every query of a panel parses, once Grafana has put in
// what it knows.
func TestDashboardAsksInPromQL(t *testing.T) {
	data, err := os.ReadFile(tree + "grafana/synod.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Annotations struct{ List []struct{ Expr string } }
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	known := strings.NewReplacer("$__rate_interval", "1m", "$cluster", "main")
	n := 0
	check := func(where, expr string) {
		n++
		if _, err := parser.NewParser(parser.Options{}).ParseExpr(known.Replace(expr)); err != nil {
			t.Errorf("%s: %s: %v", where, expr, err)
		}
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
		}
	}
	for _, a := range dashboard.Annotations.List {
		check("annotation", a.Expr)
	}
	if n < 30 {
		t.Errorf("only %d queries", n)
	}
}

// TestManifestsAreStrict: Kubernetes knows every field, and what refers to another
// object by its labels finds it.
func TestManifestsAreStrict(t *testing.T) {
	data, err := os.ReadFile(tree + "kubernetes/synod.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	pods := map[string]map[string]string{} // labels of pods, by the component
	var selectors []map[string]string
	for _, document := range bytes.Split(data, []byte("\n---\n")) {
		var object struct{ Kind string }
		if err := yaml.Unmarshal(document, &object); err != nil {
			t.Fatal(err)
		}
		kinds[object.Kind]++
		decode := func(into any) {
			if err := yaml.UnmarshalStrict(document, into); err != nil {
				t.Errorf("%s: %v", object.Kind, err)
			}
		}
		switch object.Kind {
		case "ConfigMap":
			decode(&corev1.ConfigMap{})
		case "Service":
			var s corev1.Service
			decode(&s)
			selectors = append(selectors, s.Spec.Selector)
		case "StatefulSet":
			var s appsv1.StatefulSet
			decode(&s)
			selectors = append(selectors, s.Spec.Selector.MatchLabels)
			pods[s.Name] = s.Spec.Template.Labels
			checkPod(t, s.Name, &s.Spec.Template.Spec)
		case "Deployment":
			var d appsv1.Deployment
			decode(&d)
			selectors = append(selectors, d.Spec.Selector.MatchLabels)
			pods[d.Name] = d.Spec.Template.Labels
			checkPod(t, d.Name, &d.Spec.Template.Spec)
		case "Job":
			var j batchv1.Job
			decode(&j)
			pods[j.Name] = j.Spec.Template.Labels
		case "PodDisruptionBudget":
			var p policyv1.PodDisruptionBudget
			decode(&p)
			selectors = append(selectors, p.Spec.Selector.MatchLabels)
		default:
			t.Errorf("nothing checks a %s", object.Kind)
		}
	}
	if kinds["StatefulSet"] != 2 || kinds["Deployment"] != 1 || kinds["Job"] != 1 || kinds["PodDisruptionBudget"] != 3 {
		t.Errorf("kinds %v", kinds)
	}
	for _, s := range selectors {
		if !selectsSome(s, pods) {
			t.Errorf("%v selects no pod of %v", s, pods)
		}
	}
}

func selectsSome(selector map[string]string, pods map[string]map[string]string) bool {
	for _, labels := range pods {
		all := len(selector) > 0
		for k, v := range selector {
			all = all && labels[k] == v
		}
		if all {
			return true
		}
	}
	return false
}

// checkPod holds what every pod of a role has.
func checkPod(t *testing.T, name string, pod *corev1.PodSpec) {
	t.Helper()
	if pod.SecurityContext == nil || pod.SecurityContext.RunAsNonRoot == nil || !*pod.SecurityContext.RunAsNonRoot {
		t.Errorf("%s may run as root", name)
	}
	for _, c := range pod.Containers {
		if c.LivenessProbe == nil || c.ReadinessProbe == nil || c.StartupProbe == nil {
			t.Errorf("%s lacks a probe", name)
			continue
		}
		if c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
			t.Errorf("%s is probed at %s and %s", name, c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path)
		}
		if leaf := slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == "SYNOD_LEAF" }); leaf != (name == "learner") {
			t.Errorf("%s has SYNOD_LEAF: %v", name, leaf)
		}
		if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s may write to its image", name)
		}
	}
}
