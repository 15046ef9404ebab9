# Sourced by the commands in this folder: brings what Millrace's own code needs, on a machine that has only Node 20 or
# newer and npm, and sets ROOT (the repository) and NODE (a Node 24). Costs milliseconds when nothing is missing.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
STAMP="$ROOT/node_modules/.millrace-stamp"

fail() {
  echo "$1" >&2
  exit 1
}

lockfile_hash() {
  cat "$ROOT/pnpm-lock.yaml" "$ROOT/pnpm-workspace.yaml" | cksum
}

is_installed() {
  # A stamp younger than both files needs no hash; a checkout touches files without changing them, so the hash decides.
  [ -f "$STAMP" ] || return 1
  [ "$STAMP" -nt "$ROOT/pnpm-lock.yaml" ] && [ "$STAMP" -nt "$ROOT/pnpm-workspace.yaml" ] && return 0
  [ "$(cat "$STAMP")" = "$(lockfile_hash)" ] && touch "$STAMP"
}

install_packages() {
  is_installed && return
  command -v npx >/dev/null || fail "npx is missing: install npm (it comes with Node.js)"
  echo "installing packages (once, about 20 s)" >&2
  local log hash
  log=$(mktemp)
  hash=$(lockfile_hash)
  if ! (cd "$ROOT" && CI=1 npx -y pnpm@12 install --frozen-lockfile) >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    fail "the packages could not be installed; see above"
  fi
  rm -f "$log"
  echo "$hash" >"$STAMP"
}

node_major() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  echo "${version%%.*}"
}

check_machine() {
  command -v node >/dev/null || fail "Node.js is missing: install version 20 or newer"
  SYSTEM_NODE_MAJOR=$(node_major node) || fail "node does not run: install Node.js 20 or newer"
  [ "$SYSTEM_NODE_MAJOR" -ge 20 ] || fail "Node.js $SYSTEM_NODE_MAJOR is too old: install version 20 or newer"
  if compgen -G '/lib/ld-musl-*' >/dev/null && ! compgen -G '/lib*/ld-linux*' >/dev/null; then
    fail "this system has musl instead of glibc, which the embedded ClickHouse needs: use a glibc-based one"
  fi
}

bootstrap() {
  check_machine
  if ! is_installed; then
    # Of two that start together one installs, and the other finds the work done.
    if command -v flock >/dev/null; then
      exec 9>"${TMPDIR:-/tmp}/millrace-install-$(id -u)-$(printf %s "$ROOT" | cksum | cut -d' ' -f1).lock"
      flock 9
      install_packages
      exec 9>&-
    else
      install_packages
    fi
  fi
  if [ "$SYSTEM_NODE_MAJOR" -ge 24 ]; then
    NODE=$(command -v node)
  else
    NODE="$ROOT/node_modules/node24/bin/node"
  fi
  export ROOT NODE
  export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-${HOME:-${TMPDIR:-/tmp}}/.cache/millrace/compile}"
}

bootstrap
