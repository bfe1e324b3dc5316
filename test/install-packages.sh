#!/usr/bin/env bash
# usage: install-packages.sh LIST
# Installs the Debian packages that the file LIST names, one a line, # for comments. A line `a | b` wants one
# of them: the first that this Debian has. Asks nothing of apt when all of the list is there.
set -euo pipefail
list=$1

# make asks for several lists side by side, and apt takes one at a time.
exec {lock}<"$0"
flock "$lock"

installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}
known() {
  apt-cache show --no-all-versions "$1" &>/dev/null
}

# The lines of which nothing is installed.
missing=()
while read -r line; do
  there=
  for name in ${line//|/ }; do
    if installed "$name"; then there=yes; fi
  done
  [[ $there ]] || missing+=("$line")
done < <(grep -v '^#' "$list")
((${#missing[@]})) || exit 0

# What apt is asked for. Of a line that it knows nothing of, all: it says which.
wanted() {
  local line name
  for line in "${missing[@]}"; do
    for name in ${line//|/ }; do
      if known "$name"; then
        echo "$name"
        continue 2
      fi
    done
    echo "${line//|/ }"
  done
}

as_root=()
((EUID == 0)) || as_root=(sudo)
can_be_root() {
  ((EUID == 0)) || sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo true; }
}
fail() {
  local names
  names=$(wanted | tr '\n' ' ')
  echo "$list: $1; as root, run: apt-get update && apt-get install --no-install-recommends $names" >&2
  exit 1
}
install() {
  local names
  mapfile -t names < <(wanted | tr ' ' '\n')
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${names[@]}" </dev/null
}
command -v apt-get >/dev/null || fail 'this is no Debian, or its apt-get is not in PATH'
can_be_root || fail 'installing packages takes root, and sudo does not give it here'
# The package lists of a fresh machine are empty or old: the first failure asks for new ones.
install || { "${as_root[@]}" apt-get update </dev/null && install; } || fail 'packages could not be installed'
