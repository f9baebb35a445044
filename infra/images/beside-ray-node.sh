#!/bin/sh
# Run a command. Where MILLRACE_RAY_ADDRESS names a cluster, run it beside a node of that cluster
# which computes nothing: Ray lets a refresh join a cluster only from a machine that is one of its
# nodes. The node begins again when it ends, as it does with the head.
set -eu
if [ -n "${MILLRACE_RAY_ADDRESS:-}" ]; then
    while :; do
        ray start --address="$MILLRACE_RAY_ADDRESS" --num-cpus=0 --num-gpus=0 \
            --object-store-memory=1000000000 --block || true
        sleep 5
    done &
fi
exec "$@"
