# Shared by the scripts in dev/. Sourced, never run.
#
# Progress goes to stderr, so that a script's stdout stays its answer.

# shellcheck disable=SC2034  # The scripts use it.
repo_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A plain user's PATH often lacks the system's programs.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '==> %s\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# have COMMAND: whether a program is installed.
have() { type -P "$1" >/dev/null; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo -- "$@"
    else
        die "this needs root, and sudo is not installed: $*"
    fi
}

# install_packages NAME…: installs Debian packages that are missing.
install_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    have apt-get || die "please install: ${missing[*]} (only apt-get is known here)"
    say "Installing ${missing[*]}"
    # The package lists of a fresh machine are empty or old. A broken foreign
    # source must not stop us: apt-get install tells what really is missing.
    quietly as_root apt-get update -qq || warn "apt-get update reported errors"
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
        die "could not install ${missing[*]}"
}

# quietly COMMAND…: shows a command's output only when it fails.
quietly() {
    local output status=0
    output=$("$@" 2>&1) || status=$?
    [ "$status" -eq 0 ] || printf '%s\n' "$output" | tail -n 40 >&2
    return "$status"
}

# wait_until SECONDS CONDITION…: polls a command; fails when the time is over.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}

# process_name PID: the name of a live process, nothing when there is none. One
# that has ended stays in /proc until its parent looks, which some inits put off.
process_name() {
    awk '$1 == "Name:" { name = $2 } $1 == "State:" && $2 != "Z" { print name }' \
        "/proc/$1/status" 2>/dev/null || true
}

# port_answers HOST PORT: whether something accepts TCP connections there.
port_answers() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# unix_socket_listens PATH: whether a process listens on a socket file. The
# table holds the path as it was bound, and 00010000 is its "listening" flag.
unix_socket_listens() {
    awk -v path="$1" '$4 == "00010000" && $8 == path { found = 1 } END { exit !found }' /proc/net/unix
}

# ---- Rust -----------------------------------------------------------------

# Ends the script when nothing can be compiled here.
require_rust() {
    # rustup's directory, for a shell that was open while it was installed.
    have cargo || PATH=$PATH:$HOME/.cargo/bin
    have cargo || die "no Rust toolchain: install one with rustup (https://rustup.rs), then run this again"
    # ring and SQLite compile C.
    have cc || install_packages gcc libc6-dev
}

# ---- Node.js --------------------------------------------------------------

node_major_min=18

# Ends the script when there is no Node.js that will do, and none to be had.
require_node() {
    local major
    # Debian's npm is a package of its own; Node.js from elsewhere brings it along.
    have node || install_packages nodejs
    have npm || install_packages npm
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge "$node_major_min" ] ||
        die "Node.js $node_major_min or newer is needed; this is $(node --version)"
}

# ---- PostgreSQL -----------------------------------------------------------

# Gives a script PostgreSQL for as long as it runs. One that was running before,
# for a quicker next time, goes on.
use_postgres() {
    local exports
    "$repo_root/dev/postgres" running || postgres_is_ours=yes
    exports=$("$repo_root/dev/postgres" start) || return
    eval "$exports"
}

# For the script's EXIT trap.
release_postgres() { [ -z "${postgres_is_ours:-}" ] || "$repo_root/dev/postgres" stop; }

# ---- Docker ---------------------------------------------------------------

# A `docker` earlier in PATH may be a bare client that cannot build with
# BuildKit; Debian's own can.
docker_program() {
    if [ -x /usr/bin/docker ]; then echo /usr/bin/docker; else type -P docker; fi
}

docker() { command "$(docker_program)" "$@"; }

docker_host() { echo "${SPACEPORT_DOCKER_HOST:-${DOCKER_HOST:-unix:///var/run/docker.sock}}"; }

# One engine for everything that a script starts: the client, the API, the tests.
export DOCKER_HOST
DOCKER_HOST=$(docker_host)

docker_answers() {
    [ -n "$(docker_program)" ] && timeout 20 "$(docker_program)" info >/dev/null 2>&1
}

# in_group_of_account GROUP: whether this user's next login has a group.
in_group_of_account() { [[ " $(id -nG "$(id -un)") " == *" $1 "* ]]; }

# ensure_docker SCRIPT ARGUMENT…: Docker for a script, which is started anew when
# its user joined the group docker only after this session began.
ensure_docker() {
    docker_answers && return
    "$repo_root/dev/docker"
    docker_answers || ! in_group_of_account docker || [ -n "${SPACEPORT_IN_SG:-}" ] ||
        SPACEPORT_IN_SG=yes exec sg docker -c "$(printf '%q ' exec setpriv --pdeathsig TERM "$@")"
    docker_answers || die "no Docker Engine answers at $DOCKER_HOST"
}
