#!/bin/sh
# Stands in for relistan/lazyraster: serves pages on 8000 and keeps what it served under RASTER_BASE_DIR.
base=${RASTER_BASE_DIR:-/data}
if [ "$1" = answer ]; then
    IFS=' ' read -r method path version
    while IFS= read -r line && [ "$line" != "$(printf '\r')" ] && [ -n "$line" ]; do :; done
    code="200 OK" type="text/html"
    case $path in
        /health|/healthz) type="application/json" body='{"status":"ok"}' ;;
        /documents/*|/) 
            key=$(printf %s "$path" | sha256sum | cut -c1-16)
            if [ -f "$base/$key" ]; then from=cache; else from=origin; printf '%s\n' "$path" >"$base/$key"; fi
            body="<h1>lazyraster</h1><p>$path from $from on $(hostname), ring $RASTER_RING_TYPE, $(ls "$base" | wc -l) in $base</p>" ;;
        *) code="404 Not Found" body="<h1>404</h1>" ;;
    esac
    body="$body
"
    printf 'HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' "$code" "$type" "${#body}"
    [ "$method" = HEAD ] || printf %s "$body"
    printf '%s "%s %s" %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$method" "$path" "${code%% *}" >&2
    exit 0
fi
mkdir -p "$base" || exit 1
echo "lazyraster (stand-in) listening on :8000, ring $RASTER_RING_TYPE, base dir $base"
trap 'echo "lazyraster shutting down"; exit 0' TERM INT
nc -ll -p 8000 -e /bin/lazyraster answer &
wait
