#!/bin/bash
# Holds one machine of the lab: called inside the machine's network namespace and in new mount and
# host-name namespaces, gives it its own /etc, /run and /var, and stays. Other programs join it.
#
# usage: machine.sh NAME ROOT [KEPT…]   (ROOT has etc, run, var; KEPT stays visible though it is below)
set -eu
name=$1 root=$2
shift 2
hostname "$name"
for kept in "$@"; do
  mkdir -p "$root$kept"
  mount --rbind "$kept" "$root$kept"
done
# /run last: ROOT itself is below it.
for own in etc var run; do mount --rbind "$root/$own" "/$own"; done
echo ready
exec sleep infinity
