#!/usr/bin/env bash
# Installs everything into the project folder: Python packages in .venv, npm's in node_modules.
# Quick when nothing changed; may be interrupted and run again. Run through `make setup`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { echo "setup: $*" >&2; exit 1; }

# What an installation was made from, kept beside it: if it differs, it is made anew. The folder
# counts, because a virtual environment does not survive being moved.
fingerprint() { { pwd; cat tools/setup.sh "$@"; } | cksum; }
installed() { [ "$(cat "$1/.installed" 2>/dev/null)" = "$(fingerprint "$2")" ]; }
mark() { fingerprint "$2" > "$1/.installed"; }

find_python() {
    local candidate found
    for candidate in ${PYTHON:-python3.12 python3.11 python3}; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
            2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>/dev/null | head -n 1) || found=none
    fail "needs Python 3.11 or 3.12 (PYTHON=/path/to/python names one), found $found"
}

check_node() {
    local found
    found=$(node --version 2>/dev/null) || fail "needs Node.js 20 or later, found none"
    found=${found#v}
    [ "${found%%.*}" -ge 20 ] || fail "needs Node.js 20 or later, found $found"
    npm --version > /dev/null 2>&1 || fail "needs npm, found none"
}

install_python() {
    local python=$1 pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input -q)
    echo "setup: installing Python packages into .venv"
    "$python" -m venv --clear .venv ||
        fail "$python cannot make a virtual environment (on Debian: install python3-venv)"
    # setuptools first: two of the packages come as sources, and are built with the locked one.
    awk '/^[^ #]/ { wanted = /^setuptools==/ } wanted' requirements.lock > .venv/setuptools.lock
    "${pip[@]}" install --require-hashes -r .venv/setuptools.lock
    "${pip[@]}" install --require-hashes --no-build-isolation -r requirements.lock
    "${pip[@]}" install --no-deps --no-build-isolation -e .
    # Any Python of this environment finds the compiler and the local chain with nothing exported.
    cat > "$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')/prep_tools.pth" \
        <<'PTH'
import os, sys; os.environ["PATH"] = os.path.join(sys.prefix, "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
import os, sys; os.environ.setdefault("SOLCX_BINARY_PATH", os.path.join(os.path.dirname(sys.prefix), "tools", "solc"))
PTH
    mark .venv requirements.lock
}

install_node() {
    echo "setup: installing npm packages into node_modules"
    npm ci --loglevel=error
    mark node_modules package-lock.json
}

# Anvil writes the state after every block into the user's home, gigabytes in a few test runs, and
# becomes slow by it. Nothing here looks further back than a few blocks.
keep_history_short() {
    rm -f .venv/bin/anvil
    printf '#!/bin/sh\nexec "%s" --prune-history 50 "$@"\n' "$PWD/$1" > .venv/bin/anvil
    chmod +x .venv/bin/anvil
}

# The native programs themselves: npm's own launchers would start a Node process for each.
link_tools() {
    local tool found
    for tool in anvil cast forge; do
        found=$(ls -d node_modules/@foundry-rs/"$tool"-*/bin/"$tool" 2>/dev/null | head -n 1)
        if [ -n "$found" ] && [ "$tool" = anvil ]; then
            keep_history_short "$found"
        elif [ -n "$found" ]; then
            ln -sf "../../$found" ".venv/bin/$tool"
        elif ! command -v "$tool" > /dev/null; then
            fail "npm has no $tool for this platform; install Foundry 1.7.1 and run this again"
        fi
    done
}

# Both are checked before anything is installed.
python=$(find_python)
check_node
installed .venv requirements.lock || install_python "$python"
installed node_modules package-lock.json || install_node
link_tools
