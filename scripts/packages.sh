#!/bin/sh
# The Debian packages that trit needs, and the only place that lists them.
#
#   scripts/packages.sh --list    [GROUP...]   prints the packages, one a line
#   scripts/packages.sh --check   [GROUP...]   exit 1 and the command to run when some are missing
#   scripts/packages.sh --install [GROUP...]   installs what is missing (root, or sudo)
#
# Groups: build (default; compiling and testing), checks (second compiler, analyzers).
# SKIP_PACKAGES=1 skips check and install: for systems without dpkg, or tools from elsewhere.
set -eu

build='gcc libc6-dev make cmake ninja-build pkg-config
    libopenblas-dev libhdf5-dev libcjson-dev libpng-dev libcairo2-dev libxxhash-dev libcmocka-dev
    fonts-dejavu-core'
# Faster low-bit and bf16 products; installed where Debian has it, never demanded.
recommended='libdnnl-dev'
checks='clang clang-format clang-tidy libomp-dev valgrind'

usage() {
    sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,9p' >&2
    exit 2
}

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Prints those of its arguments that are not installed, on one line.
missing() {
    for package in "$@"; do
        installed "$package" || printf ' %s' "$package"
    done
}

available() {
    apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

action=${1:-}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- build
wanted='' optional=''
for group in "$@"; do
    case $group in
    build) wanted="$wanted $build" optional=$recommended ;;
    checks) wanted="$wanted $checks" ;;
    *) usage ;;
    esac
done

case $action in
--list)
    # Words are split on purpose, here and below: no package name has a blank.
    # shellcheck disable=SC2086
    printf '%s\n' $wanted $optional
    exit 0
    ;;
--check | --install) ;;
*) usage ;;
esac

[ -z "${SKIP_PACKAGES:-}" ] || exit 0
if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: no dpkg here; the build needs what these Debian packages hold:" \
        $wanted >&2
    exit 0
fi

absent=$(missing $wanted)
root='' who=''
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null; then root='sudo '; else who=' as root'; fi
fi

if [ "$action" = --check ]; then
    [ -n "$absent" ] || exit 0
    echo "Missing Debian packages:$absent" >&2
    echo "Install them$who with:" >&2
    echo "    ${root}apt-get update && ${root}apt-get install -y --no-install-recommends$absent$(missing $optional)" >&2
    exit 1
fi

absent_optional=$(missing $optional)
# What is only recommended is not worth a trip to the network on its own.
[ -n "$absent" ] || exit 0
if [ -n "$who" ]; then
    echo "Missing Debian packages:$absent; there is no sudo, so install them$who with:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends$absent" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
as_root() {
    if [ -n "$root" ]; then
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    else
        "$@"
    fi
}
echo "Installing Debian packages:$absent" >&2
# One unreachable list must not stop what the others can serve; install tells what is really absent.
as_root apt-get update || true
for package in $absent_optional; do
    if available "$package"; then absent="$absent $package"; fi
done
as_root apt-get install -y --no-install-recommends $absent
