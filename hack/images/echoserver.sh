#!/bin/sh
# Stands in for echoserver: answers every request on 8080 with what it was asked.
port=${PORT:-8080}
if [ "$1" = answer ]; then
    IFS=' ' read -r method path version
    headers= length=0
    while IFS= read -r line; do
        line=$(printf %s "$line" | tr -d '\r')
        [ -n "$line" ] || break
        headers="$headers	$line
"
        case $line in [Cc]ontent-[Ll]ength:*) length=${line#*:}; length=${length# } ;; esac
    done
    [ "$length" -gt 0 ] 2>/dev/null && sent=$(head -c "$length") || sent="-no body in request-"
    body="
Hostname: $(hostname)

Request Information:
	method=$method
	real path=$path
	request_version=${version#HTTP/}

Request Headers:
$headers
Request Body:
	$sent
"
    body=$(printf %s "$body" | tr -d '\r')
    printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n' "$((${#body} + 1))" "$body"
    echo "$method $path" >&2
    exit 0
fi
echo "echoserver (stand-in) listening on :$port"
trap 'exit 0' TERM INT
nc -ll -p "$port" -e /bin/echoserver answer &
wait
