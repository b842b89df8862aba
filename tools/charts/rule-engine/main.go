// Evaluates alerting rules over given series with Prometheus' own engine, as Prometheus does: each rule at each step, and
// ALERTS for what is pending or firing. Reads one test from standard input as JSON, writes the answers of its queries.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
)

type test struct {
	Step int64 `json:"stepSeconds"`
	// A `load` command of Prometheus' own test language.
	Load  string `json:"load"`
	Rules []struct {
		Alert string `json:"alert"`
		Expr  string `json:"expr"`
		For   int64  `json:"forSeconds"`
	} `json:"rules"`
	Queries []struct {
		Expr string `json:"expr"`
		At   int64  `json:"atSeconds"`
	} `json:"queries"`
}

type sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

func main() {
	var t test
	fail(json.NewDecoder(os.Stdin).Decode(&t))
	series, err := promqltest.NewLazyLoader(t.Load, promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true})
	fail(err)
	defer series.Close()
	answers := make([][]sample, len(t.Queries))
	last := int64(0)
	for _, q := range t.Queries {
		last = max(last, q.At)
	}
	// Since when each rule has held, by rule and labels.
	active := make([]map[string]int64, len(t.Rules))
	for i := range active {
		active[i] = map[string]int64{}
	}
	for at := int64(0); at <= last; at += t.Step {
		series.WithSamplesTill(time.Unix(at, 0), fail)
		app := series.Storage().Appender(series.Context())
		for i, rule := range t.Rules {
			held := map[string]int64{}
			for _, s := range evaluate(series, rule.Expr, at) {
				key := s.Metric.String()
				since, was := active[i][key]
				if !was {
					since = at
				}
				held[key] = since
				state := "pending"
				if at-since >= rule.For {
					state = "firing"
				}
				b := labels.NewBuilder(s.Metric)
				b.Set(labels.MetricName, "ALERTS").Set("alertname", rule.Alert).Set("alertstate", state)
				_, err := app.Append(0, b.Labels(), at*1000, 1)
				fail(err)
			}
			active[i] = held
		}
		fail(app.Commit())
		for i, q := range t.Queries {
			if q.At < at || q.At >= at+t.Step {
				continue
			}
			answers[i] = []sample{}
			for _, s := range evaluate(series, q.Expr, at) {
				answers[i] = append(answers[i], sample{s.Metric.Map(), s.F})
			}
		}
	}
	fail(json.NewEncoder(os.Stdout).Encode(answers))
}

func evaluate(series *promqltest.LazyLoader, expr string, at int64) promql.Vector {
	query, err := series.QueryEngine().NewInstantQuery(series.Context(), series.Queryable(), nil, expr, time.Unix(at, 0))
	fail(err)
	defer query.Close()
	answer := query.Exec(series.Context())
	fail(answer.Err)
	vector, err := answer.Vector()
	fail(err)
	return vector
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
