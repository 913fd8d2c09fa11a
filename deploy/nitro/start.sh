#!/bin/sh
# The first process of the enclave: an interface to talk to itself on, a way in, the worker.
set -eu

# The enclave's own port, which the host connects to over vsock.
PORT=8080

ip link set lo up
mkdir -m 0700 -p "$DATA_DIR"
# The host carries bytes from here on: TLS ends in the worker.
socat "VSOCK-LISTEN:$PORT,fork,reuseaddr" "TCP:$LISTEN_ADDRESS" &
exec /usr/local/bin/sealwork serve
