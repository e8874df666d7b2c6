#!/usr/bin/env bash
# Makes the mount namespace it runs in a node of its own, with its own folders at a real host's paths, then runs a command.
#
#   prepare-node.sh NAME FOLDER KUBERNETES CONTAINERD COMMAND...
#
# FOLDER/etc is laid over /etc; FOLDER/disk holds /var/lib and /var/log, on FOLDER/disk.img where that is; the folders of
# kubernetes' and containerd's programs appear below /run/testbed.
set -euo pipefail
name=$1 folder=$2 kubernetes=$3 containerd=$4
shift 4

hostname "$name"

mkdir -p "$folder/disk" "$folder/run"
if [ -e "$folder/disk.img" ]; then mount -n -o loop "$folder/disk.img" "$folder/disk"; fi
mkdir -p "$folder/disk/lib" "$folder/disk/log"

mount -n -t tmpfs -o mode=755 tmpfs "$folder/run"
own=$folder/run/testbed
mkdir -p "$folder/run/netns" "$folder/run/lock" "$own"/{kubernetes,containerd,lib,log,etc/upper,etc/work}
mount -n --bind "$kubernetes" "$own/kubernetes"
mount -n --bind "$containerd" "$own/containerd"
mount -n --bind "$folder/disk/lib" "$own/lib"
mount -n --bind "$folder/disk/log" "$own/log"

cp -a "$folder/etc/." "$own/etc/upper/"
mount -n -t overlay overlay -o "lowerdir=/etc,upperdir=$own/etc/upper,workdir=$own/etc/work" /etc

# kubelet sets these for the whole machine where they differ; here it finds what it wants and leaves the machine alone.
wanted() {
  printf '%s\n' "$2" >"$own/${1//\//.}"
  mount -n --bind "$own/${1//\//.}" "/proc/sys/$1"
}
wanted vm/overcommit_memory 1
wanted vm/panic_on_oom 0
wanted kernel/panic 10
wanted kernel/panic_on_oops 1
wanted kernel/keys/root_maxkeys 1000000
wanted kernel/keys/root_maxbytes 25000000

# FOLDER itself may lie below one of these, so nothing of it is needed from here on.
mount -n --move "$folder/run" /run
mount -n --move /run/testbed/lib /var/lib
mount -n --move /run/testbed/log /var/log
mount -n --make-rshared /
exec "$@"
