// Command masa-client drives a worker with the unmodified Go client of Masa's tee-worker and prints
// what the client made of it, one `name: value` per line.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/masa-finance/tee-worker/v2/api/types"
	"github.com/masa-finance/tee-worker/v2/pkg/client"
)

func main() {
	url, key := os.Args[1], os.Args[2]
	worker, err := client.NewClient(url, client.APIKey(key))
	must(err)

	// The four steps of the README, for a job that is done at once and for one that is polled.
	telemetry := types.Job{Type: "telemetry", Arguments: map[string]any{}}
	fmt.Println("telemetry:", must1(run(worker, telemetry, 1)))
	web := types.Job{Type: "web", Arguments: map[string]any{"url": "https://google.com", "depth": 1}}
	fmt.Println("web:", must1(run(worker, web, 20)))

	// The status can be asked for again, and its answer decrypted by hand.
	signature := must1(worker.CreateJobSignature(web))
	submitted := must1(worker.SubmitJob(signature))
	submitted.SetDelay(5 * time.Millisecond)
	first, second := must1(submitted.Get()), must1(submitted.Get())
	fmt.Println("again:", first == second, must1(worker.Decrypt(signature, second)))

	// An empty job can be signed.
	empty := must1(worker.CreateJobSignature(types.Job{Type: "web"}))
	fmt.Println("empty:", len(empty) > 100)

	// Errors come up to the caller.
	_, err = run(worker, types.Job{Type: "not-existing-job-type"}, 3)
	fmt.Println("unknown type:", err)
	_, _, err = worker.GetResult("00000000-0000-4000-8000-000000000000")
	fmt.Println("unknown job:", err)
	_, err = worker.SubmitJob("AAAA")
	fmt.Println("tampered:", err)
	_, err = worker.SubmitJob(signature)
	fmt.Println("replayed:", err)
	_, err = worker.Decrypt(signature, "AAAA")
	fmt.Println("undecryptable:", err)

	stranger, err := client.NewClient(url, client.APIKey("wrong"))
	must(err)
	_, err = stranger.CreateJobSignature(telemetry)
	fmt.Println("stranger:", err)
}

func run(worker *client.Client, job types.Job, retries int) (string, error) {
	signature, err := worker.CreateJobSignature(job)
	if err != nil {
		return "", err
	}
	submitted, err := worker.SubmitJob(signature)
	if err != nil {
		return "", err
	}
	submitted.SetDelay(5 * time.Millisecond)
	submitted.SetMaxRetries(retries)
	return submitted.GetDecrypted(signature)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func must1[T any](value T, err error) T {
	must(err)
	return value
}
