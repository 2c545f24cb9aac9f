# shellcheck shell=bash
# A lab from the outside: its state directory, and ways to run things in it.
#
#   $STATE/init     "PID START" of the lab's process 1
#   $STATE/builder  the `lab up` that is at work, while it is
#   $STATE/ns/NS    ip batch with every address and route of a namespace
#   $STATE/etc, zones, log   configuration and output of the servers
#   $STATE/faults   one line per fault; touched, stopped, hijacked: what to undo

die() { printf 'lab: %s\n' "$*" >&2; exit 1; }
usage_error() { printf "lab: %s ('lab help' lists the verbs)\n" "$*" >&2; exit 2; }

# start_time PID: tells a process from a later one with the same number
start_time() {
	local stat
	stat=$(2>/dev/null cat "/proc/$1/stat") || return 1
	read -r -a stat <<<"${stat##*) }"
	[[ ${stat[0]} != Z ]] && echo "${stat[19]}"
}

# alive FILE: does the process whose "PID START" stands in FILE still run?
alive() {
	local pid start
	{ read -r pid start <"$1"; } 2>/dev/null || return 1
	[[ -n $start && $(start_time "$pid") == "$start" ]]
}

note_process() { echo "$1 $(start_time "$1")"; }

need_lab() {
	[[ -d $STATE && ! -L $STATE && -O $STATE ]] || die "no lab '$LAB' is up"
	alive "$STATE/init" || die "lab '$LAB' has died; 'lab -n $LAB down' clears it away"
	INIT=$(cut -d' ' -f1 "$STATE/init")
}

need_ns() {
	[[ -e /proc/$INIT/root/run/netns/$1 ]] || usage_error "no namespace '$1' in lab '$LAB'"
}

# in_net NS CMD...: only the network is the namespace's; enough for ip and nft
in_net() {
	local ns=$1
	shift
	nsenter --net="/proc/$INIT/root/run/netns/$ns" "$@"
}

# enter_prefix NS: sets ENTER to the command that enters the lab wholly
enter_prefix() {
	ENTER=(nsenter -t "$INIT" --mount --pid --uts --ipc --net="/proc/$INIT/root/run/netns/$1")
}

# enter NS CMD...: in every namespace of the lab
enter() {
	enter_prefix "$1"
	"${ENTER[@]}" "${@:2}"
}

# root CMD...: inside the lab, but in no network
root() { nsenter -t "$INIT" --mount --pid --uts --ipc --net "$@"; }

# exec_in NS CMD...: what the user runs. Keeps the working directory, returns
# CMD's status, hands signals on, and leaves nothing behind when killed.
exec_in() {
	local dir=$PWD
	[[ -d /proc/$INIT/root$dir ]] || dir=/
	enter_prefix "$1"
	ENTER+=(--wdns="$dir" -- setpriv --pdeathsig KILL -- "${@:2}")
	# A terminal sends its signals to us and to CMD alike.
	[[ -t 0 ]] && exec "${ENTER[@]}"
	# Started by `lab exec … &` in a script, we ignore SIGINT and cannot trap it.
	if [[ $(trap -p INT) ]]; then
		exec env --default-signal=INT,QUIT "$HERE/lab" -n "$LAB" exec "$@"
	fi
	# Job control, because without it a background job ignores SIGINT as well.
	set -m
	setpriv --pdeathsig KILL "${ENTER[@]}" <&0 &
	CHILD=$!
	local signal status=0
	for signal in HUP INT QUIT TERM USR1 USR2; do
		# shellcheck disable=SC2064 # the signal's name is meant now
		trap "hand_on $signal" "$signal"
	done
	# A signal ends `wait` early; the loop ends with the child.
	{
		while wait "$CHILD"; status=$?; kill -0 "$CHILD"; do :; done
	} 2>/dev/null
	exit "$status"
}

# hand_on SIGNAL: nsenter waits in the foreground of CMD, so CMD is its child
hand_on() {
	local inner
	inner=$(2>/dev/null cat "/proc/$CHILD/task/$CHILD/children")
	kill -s "$1" "${inner:-$CHILD}" 2>/dev/null
}
