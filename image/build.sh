#!/bin/sh
# Builds the tiny guest image:  image/build.sh [--force] [OUTPUT-DIRECTORY]
# The work is done by the Python package beside this file.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 >/dev/null || {
    echo "image: python3 is missing; install it with: apt-get install python3" >&2
    exit 1
}
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 exec python3 -m builder "$@"
