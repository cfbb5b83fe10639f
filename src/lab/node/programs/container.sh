#!/bin/bash
# PID 1 of one container: called inside the Pod's network namespace and in new mount, PID, IPC and
# host-name namespaces, makes its root and runs its program. It forwards SIGTERM to the program,
# kills it on SIGUSR1 (so that the end is the program's, with its status), and reaps what is
# re-parented to it. When it ends, the kernel ends everything else in the container.
#
# usage: container.sh HOSTNAME ROOT FSTAB WORKDIR USER COMMAND [ARGUMENT…]   (USER: UID:GID or -)
# descriptor 3: one line, "started PID" (as seen from outside) or why not; PATH is the program's
set -eu
wanted=$PATH
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
hostname=$1 root=$2 fstab=$3 workdir=$4 user=$5
shift 5
exec 4>&2 2>&3 # what goes wrong from here on is why it did not start
read -r pid _ </proc/self/stat
hostname "$hostname"
# Any user of a Pod may listen on any port, as with containerd.
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
mount --all --fstab "$fstab"
cd "$root"
mkdir .host
pivot_root . .host
cd /
umount --lazy /.host
rmdir /.host

refuse() {
  echo "refused exec: \"$1\": $2" >&3
  exit 128
}
cd -- "$workdir" || refuse "$workdir" "the working directory cannot be entered"
program=$1
if [[ $program == */* ]]; then
  [ -e "$program" ] || refuse "$program" "stat $program: no such file or directory"
  [ -x "$program" ] && [ ! -d "$program" ] || refuse "$program" "permission denied"
else
  PATH=$wanted type -P -- "$program" >/dev/null ||
    refuse "$program" "executable file not found in \$PATH"
fi
if [ "$user" != - ]; then
  set -- "$(type -P unshare)" --user "--map-user=${user%:*}" "--map-group=${user#*:}" -- "$@"
fi

set -m # its own process group, and signals as they are by default
unset SHLVL OLDPWD
export PATH=$wanted
"$@" 2>&4 3>&- 4>&- &
child=$!
trap 'kill -s TERM -- "$child"' TERM
trap 'kill -s KILL -- "$child"' USR1
echo "started $pid" >&3
exec 2>/dev/null 3>&- 4>&- # from here on it has nothing to say itself
while kill -0 "$child"; do wait "$child" || :; done
# Only now its status: a wait that one of our signals ends says nothing of the program, and it may
# have ended before anybody waited. The shell keeps the status of what has ended.
if wait "$child"; then status=0; else status=$?; fi
exit "$status"
