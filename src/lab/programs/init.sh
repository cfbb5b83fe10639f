#!/bin/bash
# PID 1 of the lab's namespaces. It reaps what is re-parented to it (an Envoy outlives its agent) and
# ends when the lab's program ends or when standard input, the line to the outside, is closed: the
# kernel closes it whatever way the outside dies. When PID 1 ends, the kernel ends everything else.
#
# usage: init.sh ID COMMAND [ARGUMENT…]
set -eu
id=$1
shift
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/isthmus-lab/hosts /run/isthmus-lab/logs
printf '%s' "$id" >/run/isthmus-lab/id
ip link set lo up
# Processes in the background get /dev/null as standard input: the line goes in under another number.
exec 9<&0
cat <&9 >/dev/null &
lifeline=$!
"$@" </dev/null 9<&- &
status=0
wait -n -p ended "$lifeline" $! || status=$?
# Ended from outside is no success, whatever the command would have said: as if by SIGKILL.
[ "$ended" != "$lifeline" ] || status=137
exit "$status"
