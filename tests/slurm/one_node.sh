#!/bin/sh
# Slurm on this machine alone, for a test: one_node.sh start DIR | one_node.sh stop DIR
#
# Everything lives in DIR; no file of the system is touched. Commands find it by
# SLURM_CONF=DIR/slurm.conf. Needs root, and Debian's slurm-wlm and munge. Exit code 77: cannot run
# here, with the reason. Partition high preempts low by requeueing; signals come with 20 s of grace.
set -eu
dir=${2:?usage: one_node.sh start|stop DIR}
PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF="$dir/slurm.conf"

cannot() {
    echo "one_node: $*"
    exit 77
}

# Repeats a command five times a second: within SECONDS COMMAND...
within() {
    left=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.2
    done
}

ready() { sinfo -h -o %T | grep -Eqx 'idle|mixed|allocated'; }
no_jobs() { [ -z "$(squeue -h)" ]; }
munge_answers() { munge -n -S "$dir/munge.socket" | unmunge -S "$dir/munge.socket"; }
# A process that ended may stay a zombie where nobody waits for it.
ended() { ! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null; }

write_config() {
    host=$(hostname -s)
    cat >"$dir/slurm.conf" <<EOF
ClusterName=trit
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=cred_expire=5,socket=$dir/munge.socket
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/ctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,bf_interval=5,sched_interval=5
ReturnToService=2
KillWait=10
SlurmctldParameters=preempt_send_user_signal
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=$host NodeAddr=127.0.0.1 CPUs=1 RealMemory=500 State=UNKNOWN
PartitionName=low Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=20
PartitionName=high Nodes=$host MaxTime=INFINITE State=UP PriorityTier=9 PreemptMode=OFF
EOF
    # The plugin for version 2 refuses to start without systemd; this one is never used.
    echo CgroupPlugin=cgroup/v1 >"$dir/cgroup.conf"
}

launch() {
    setsid "$@" </dev/null >"$dir/$1.out" 2>&1 &
    echo "$1 $!" >>"$dir/daemons"
}

start() {
    [ "$(id -u)" = 0 ] || cannot "only root can start Slurm's daemons"
    for program in munged slurmctld slurmd sbatch; do
        command -v "$program" >/dev/null || cannot "$program is missing (packages slurm-wlm, munge)"
    done
    getent ahostsv4 "$(hostname -s)" >/dev/null || cannot "this host's name has no address"
    mkdir -p "$dir/state" "$dir/spool"
    chmod 755 "$dir"
    : >"$dir/daemons"
    write_config
    (umask 077 && head -c 1024 /dev/urandom >"$dir/munge.key")
    launch munged --foreground --force --socket="$dir/munge.socket" --key-file="$dir/munge.key" \
        --pid-file="$dir/munged.pid" --log-file="$dir/munged.log" --seed-file="$dir/munge.seed"
    within 20 munge_answers || give_up munged
    launch slurmctld -D -f "$SLURM_CONF"
    launch slurmd -D -f "$SLURM_CONF"
    within 60 ready || give_up slurmctld
}

give_up() {
    tail -n 5 "$dir"/*.log "$dir/$1.out" 2>/dev/null || :
    stop
    cannot "$1 does not come up"
}

stop() {
    scancel --user=root 2>/dev/null || :
    within 20 no_jobs || :
    tac "$dir/daemons" | while read -r name pid; do
        kill "$pid" 2>/dev/null || continue
        within 15 ended "$pid" || kill -9 "$pid" || echo "one_node: $name ($pid) is still alive"
    done
}

case $1 in
start) start ;;
stop) stop ;;
*) exit 2 ;;
esac
