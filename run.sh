#!/usr/bin/env bash
# Candor: starts the server and the programs beside it. `./run.sh help` lists them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

PY=.venv/bin/python

# A program is a file of tools/ that can be run; its first docstring line is its description.
programs() {
  local file name
  for file in tools/*.py tools/*/__main__.py; do
    grep -qs '^if __name__ == "__main__":' "$file" || continue
    name=${file#tools/}
    name=${name%/__main__.py}
    name=${name%.py}
    # `bench_detectors` is a part of `bench`, and asked for as `bench detectors`.
    [ "$name" != "${name%%_*}" ] && [ -e "tools/${name%%_*}.py" ] && continue
    printf '%s\t%s\n' "${name//_/-}" "$(sed -n '1s/^"""\(.*[^"]\)"*$/\1/p' "$file")"
  done | sort
}
is_program() { programs | cut -f1 | grep -qx -- "$1"; }

show_help() {
  cat <<'HELP'
Usage: ./run.sh [command] [arguments]

  ./run.sh              Sets up what is missing and starts the server (http://localhost:5000).
  ./run.sh test         Runs every check and test; with arguments only pytest, which gets them.
  ./run.sh setup        Sets up and stops there.
  ./run.sh help         This list.

Programs (each says more with --help):
HELP
  programs | while IFS=$'\t' read -r name line; do printf '  ./run.sh %-12s  %s\n' "$name" "$line"; done
}

make_env_file() { # `.env` from `.env.example`, with a secret of its own
  [ -e .env ] && return 0
  local secret part
  secret=$("$PY" -c 'import secrets; print(secrets.token_hex(32))')
  part=.env.$$
  (
    umask 077
    sed "s/^PROCTOR_SECRET_KEY=.*/PROCTOR_SECRET_KEY=$secret/" .env.example >"$part"
  )
  # A link fails where a start at the same time was faster; its secret then stands.
  if ln "$part" .env 2>/dev/null; then echo "Made .env from .env.example with a fresh secret."; fi
  rm -f "$part"
}

run_tests() {
  ./setup.sh --tests --if-needed
  PATH=$PWD/.venv/bin:$PATH
  if [ $# -gt 0 ]; then exec "$PY" -m pytest "$@"; fi

  local failed=()
  check() { # name command...
    local name=$1 started=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
      printf '== %s: passed (%d s)\n' "$name" $((SECONDS - started))
    else
      printf '== %s: FAILED (%d s)\n' "$name" $((SECONDS - started))
      failed+=("$name")
    fi
  }
  # Real time and real cameras on a machine that others may stall: what failed is tried once more,
  # alone. What fails twice has failed; both tries stay in the output.
  pytest_twice() {
    "$PY" -m pytest "$@" && return 0
    printf '\n== once more: what failed\n'
    "$PY" -m pytest "$@" -n 0 --last-failed --last-failed-no-failures none
  }
  check "ruff check" "$PY" -m ruff check .
  check "ruff format" "$PY" -m ruff format --check .
  check "mypy" "$PY" -m mypy
  check "tsc" npm run --silent check
  check "node --test" npm run --silent test
  if command -v shellcheck >/dev/null 2>&1; then check "shellcheck" shellcheck setup.sh run.sh .ci/run; fi
  check "pytest: units" "$PY" -m pytest tests --ignore tests/integration --ignore tests/e2e \
    -n auto --maxprocesses 4 --dist loadfile -q
  # Processes mostly wait for one another; what is measured in real time needs the machine to itself.
  check "pytest: processes" pytest_twice tests/integration -n 3 --dist worksteal -q
  check "pytest: browsers" pytest_twice tests/e2e -m "not long and not alone" -n 2 --dist loadfile -q
  check "pytest: alone" pytest_twice tests/e2e -m "alone and not long"
  if [ ${#failed[@]} -gt 0 ]; then
    printf '\nFailed: %s\n' "${failed[*]}"
    return 1
  fi
  printf '\nEverything passed (%d s).\n' "$SECONDS"
}

command=${1:-}
[ $# -gt 0 ] && shift
case "$command" in
  "")
    ./setup.sh --if-needed
    make_env_file
    exec "$PY" -m app
    ;;
  setup) exec ./setup.sh "$@" ;;
  test) run_tests "$@" ;;
  help | -h | --help) show_help ;;
  *)
    if ! is_program "$command"; then
      printf 'There is no command %s.\n\n' "$command" >&2
      show_help >&2
      exit 2
    fi
    ./setup.sh --if-needed
    make_env_file
    exec "$PY" -m "tools.${command//-/_}" "$@"
    ;;
esac
