module sealwork.test/go-client

go 1.24.0

require github.com/masa-finance/tee-worker/v2 v2.2.3

require (
	github.com/sirupsen/logrus v1.9.3 // indirect
	golang.org/x/exp v0.0.0-20251002181428-27f1f14c8bb9 // indirect
	golang.org/x/sys v0.37.0 // indirect
)
