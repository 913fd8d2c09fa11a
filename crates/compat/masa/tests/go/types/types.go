// Package types has the shapes of the Masa routes' bodies, under the names that error texts show.
package types

import "time"

type JobType string

type JobArguments map[string]any

type Job struct {
	Type         JobType       `json:"type"`
	Arguments    JobArguments  `json:"arguments"`
	Quote        string        `json:"quote"`
	WorkerID     string        `json:"worker_id"`
	TargetWorker string        `json:"target_worker"`
	Timeout      time.Duration `json:"timeout"`
}

type JobRequest struct {
	EncryptedJob string `json:"encrypted_job"`
}

type EncryptedRequest struct {
	EncryptedResult  string `json:"encrypted_result"`
	EncryptedRequest string `json:"encrypted_request"`
}

type Key struct {
	Key       string `json:"key"`
	Signature string `json:"signature"`
}
