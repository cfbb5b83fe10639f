#!/bin/bash
# Stands on the wire between the regions and writes down what passes, on demand. It runs in a network
# and a user namespace of its own in which it is not uid 0: as root, tcpdump would change to another
# user, and the sandbox has none.
#
# standard input: lines "LINK FILE"; each starts one capture, which SIGTERM to its process ends
set -eu
echo ready
while read -r link file; do
  tcpdump -i "$link" -w "$file" -U -n -s 0 --immediate-mode -B 16384 &
  echo "capture $file is process $!"
done
