# shellcheck shell=sh
# Debian packages, installed quietly and only where they are missing. To be sourced.

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Runs a command and shows what it printed only where it fails.
quietly() {
    quiet_log=$(mktemp)
    quiet_status=0
    "$@" >"$quiet_log" 2>&1 || quiet_status=$?
    [ "$quiet_status" = 0 ] || cat "$quiet_log" >&2
    rm -f "$quiet_log"
    return "$quiet_status"
}

# install PACKAGE..
install() {
    missing=
    for debian_package in "$@"; do
        case $(dpkg-query --show --showformat='${db:Status-Status}' "$debian_package" 2>/dev/null || true) in
            installed*) ;;
            *) missing="$missing $debian_package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    export DEBIAN_FRONTEND=noninteractive
    # One at a time: the package manager does not wait for another that is at work.
    lock="flock ${TMPDIR:-/tmp}/bnn-install.lock"
    # Mirrors are caught in the middle of an update now and then.
    # shellcheck disable=SC2086  # lists of words
    {
        quietly as_root $lock apt-get update || quietly as_root $lock apt-get update
        quietly as_root $lock apt-get install -y --no-install-recommends $missing
    }
}
