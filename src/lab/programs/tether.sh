#!/bin/sh
# Runs a program that ends with whoever started it: where no namespace ends it with the lab. A signal
# is passed on; when this shell or the process that started it is gone, the program gets SIGTERM.
#
# usage: tether.sh COMMAND [ARGUMENT…]
exec 3<&0
parent=$PPID
"$@" <&3 3<&- &
child=$!
exec 3<&-
trap 'kill -TERM "$child" 2>/dev/null' TERM
trap 'kill -INT "$child" 2>/dev/null' INT
(
  trap '' INT
  while kill -0 "$child" 2>/dev/null; do
    kill -0 "$$" 2>/dev/null && kill -0 "$parent" 2>/dev/null || kill -TERM "$child" 2>/dev/null
    sleep 1
  done
) </dev/null >/dev/null 2>&1 &
watcher=$!
# a signal ends `wait` before the program has ended
while kill -0 "$child" 2>/dev/null; do
  wait "$child"
  status=$?
done
kill -KILL "$watcher" 2>/dev/null
exit "$status"
