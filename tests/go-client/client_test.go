// Package goclient drives the unmodified Go client of Masa's workers against a Sealwork worker.
//
// scripts/test-go-client.sh starts the worker and names it in WORKER_URL and WORKER_API_KEY.
package goclient

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/masa-finance/tee-worker/v2/api/types"
	"github.com/masa-finance/tee-worker/v2/pkg/client"
)

func connect(t *testing.T, key string) *client.Client {
	t.Helper()
	url := os.Getenv("WORKER_URL")
	if url == "" {
		t.Fatal("WORKER_URL is not set: run scripts/test-go-client.sh")
	}
	c, err := client.NewClient(url, client.APIKey(key), client.IgnoreTLSCert())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func submit(t *testing.T, c *client.Client, job types.Job) (client.JobSignature, *client.JobResult) {
	t.Helper()
	signature, err := c.CreateJobSignature(job)
	if err != nil {
		t.Fatal(err)
	}
	result, err := c.SubmitJob(signature)
	if err != nil {
		t.Fatal(err)
	}
	result.SetMaxRetries(100)
	result.SetDelay(100 * time.Millisecond)
	return signature, result
}

func TestTelemetryIsDoneWhenAddAnswers(t *testing.T) {
	c := connect(t, os.Getenv("WORKER_API_KEY"))
	signature, result := submit(t, c, types.Job{Type: "telemetry"})
	sealed, ok, err := c.GetResult(result.UUID)
	if err != nil || !ok {
		t.Fatalf("the first status call gave no result: %v", err)
	}
	text, err := c.Decrypt(signature, sealed)
	if err != nil {
		t.Fatal(err)
	}
	var telemetry struct {
		BootTime int64                     `json:"boot_time"`
		WorkerID string                    `json:"worker_id"`
		Stats    map[string]map[string]int `json:"stats"`
	}
	if err := json.Unmarshal([]byte(text), &telemetry); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if telemetry.BootTime == 0 || telemetry.WorkerID == "" || telemetry.Stats == nil {
		t.Fatalf("a field is missing: %s", text)
	}
}

func TestACrawlComesBackDecrypted(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html><body><h1>Wax seals</h1><p>They broke when opened.</p></body></html>")
	}))
	defer site.Close()
	c := connect(t, os.Getenv("WORKER_API_KEY"))
	for _, name := range []string{"web", "web-scraper"} {
		job := types.Job{Type: types.JobType(name), Arguments: map[string]any{"url": site.URL, "depth": 1}}
		signature, result := submit(t, c, job)
		text, err := result.GetDecrypted(signature)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(text, "Wax seals") || !strings.Contains(text, "They broke when opened.") {
			t.Fatalf("%s: the page's text is missing: %s", name, text)
		}
		again, err := result.GetDecrypted(signature)
		if err != nil || again != text {
			t.Fatalf("%s: the second fetch differs: %v", name, err)
		}
	}
}

func TestErrorsOfJobsReachTheClient(t *testing.T) {
	c := connect(t, os.Getenv("WORKER_API_KEY"))
	_, result := submit(t, c, types.Job{Type: "nonsense"})
	result.SetMaxRetries(3)
	if _, err := result.Get(); err == nil || !strings.Contains(err.Error(), "unknown job type: nonsense") {
		t.Fatalf("got %v", err)
	}
}

func TestASignatureRunsOnce(t *testing.T) {
	c := connect(t, os.Getenv("WORKER_API_KEY"))
	signature, _ := submit(t, c, types.Job{Type: "telemetry"})
	if _, err := c.SubmitJob(signature); err == nil || !strings.Contains(err.Error(), "job already executed") {
		t.Fatalf("got %v", err)
	}
}

func TestAForeignResultDoesNotDecrypt(t *testing.T) {
	c := connect(t, os.Getenv("WORKER_API_KEY"))
	_, one := submit(t, c, types.Job{Type: "telemetry"})
	other, _ := submit(t, c, types.Job{Type: "telemetry"})
	sealed, err := one.Get()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Decrypt(other, sealed); err == nil {
		t.Fatal("a result opened with another job's request")
	}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	c := connect(t, "wrong")
	_, err := c.CreateJobSignature(types.Job{Type: "telemetry"})
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Fatalf("got %v", err)
	}
}
