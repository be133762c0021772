#!/usr/bin/env bash
# Resolves requirements.lock and package-lock.json from pyproject.toml and package.json.
# Versions already locked are kept where they still fit, unless --upgrade is given.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 -m venv --clear .cache/lock
.cache/lock/bin/python -m pip --disable-pip-version-check -q install uv
# No index and no local folder of this machine may get into the lock.
.cache/lock/bin/uv pip compile pyproject.toml --extra dev \
    --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" --quiet "$@" -o requirements.lock
npm install --package-lock-only --loglevel=error
rm -rf .cache/lock
