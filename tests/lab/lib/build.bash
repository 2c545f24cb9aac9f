# shellcheck shell=bash disable=SC2016 # scripts for sh expand there
# up and down: how a lab comes to life and goes.

readonly UP_SECONDS=60
BUILDING='' DELAY_BY=''

lab_up() {
	local start=$EPOCHREALTIME
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap abandon EXIT
	claim_state
	start_init
	prepare
	build_network
	start_servers
	wait_ready "$UP_SECONDS"
	rm "$STATE/builder"
	trap - EXIT
	printf "lab '%s' is up: %s namespaces in %s s, round trip +%s ms (china-unicom) and +%s ms (transtelecom) by %s\n" \
		"$LAB" "$(namespaces | wc -l)" "$(seconds_since "$start")" "${DELAY%,*}" "${DELAY#*,}" "$(<"$STATE/delay")"
}

seconds_since() {
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

# The directory is the lock on the name.
claim_state() {
	local try
	for try in 1 2; do
		mkdir -m 0700 "$STATE" 2>/dev/null && BUILDING=1 && break
		[[ -d $STATE && ! -L $STATE && -O $STATE ]] || die "cannot make $STATE"
		alive "$STATE/init" && die "lab '$LAB' is already up; 'lab -n $LAB down' ends it"
		# One that has just begun may not have written its number yet.
		await 1 test -e "$STATE/builder" && alive "$STATE/builder" && die "lab '$LAB' is just coming up"
		[[ $try == 2 ]] || rm -rf "$STATE"
	done
	[[ $BUILDING ]] || die "cannot make $STATE"
	note_process $$ >"$STATE/builder"
	mkdir "$STATE/ns" "$STATE/etc" "$STATE/log" "$STATE/zones"
	forget_faults
}

abandon() {
	local file
	[[ $BUILDING ]] || return
	trap '' INT TERM
	for file in "$STATE"/log/*; do
		[[ -s $file ]] && sed "s|^|lab: ${file##*/}: |" "$file" >&2
	done
	lab_down
}

# The lab's process 1. It makes the place and then only reaps orphans: `wait`
# returns when sleep ends, which it never does.
readonly INIT_SCRIPT='
	mount -t tmpfs -o mode=0755 tmpfs /run &&
	mkdir -m 0755 /run/netns /run/lab /run/lock && mkdir -m 0750 /run/kpwatchd &&
	hostname "lab-$1" && ip link set lo up && : >"$2/made" || exit 1
	sleep infinity & wait'

start_init() {
	local outer
	(
		exec setsid unshare --mount --net --pid --uts --ipc --fork --kill-child=KILL --mount-proc \
			bash -c "$INIT_SCRIPT" init "$LAB" "$STATE" </dev/null >"$STATE/log/init" 2>&1
	) &
	outer=$!
	disown "$outer"
	note_process "$outer" >"$STATE/outer"
	await 5 init_made "$outer" || die "cannot make namespaces (root is needed)"
	note_process "$INIT" >"$STATE/init"
}

init_made() {
	INIT=$(2>/dev/null cat "/proc/$1/task/$1/children")
	INIT=${INIT% }
	[[ -n $INIT && -e $STATE/made ]]
}

# await SECONDS CMD...: until CMD succeeds, looked at every 10 ms
await() {
	local until=$((EPOCHSECONDS + $1))
	shift
	while ((EPOCHSECONDS <= until)); do
		"$@" && return 0
		sleep 0.01
	done
	return 1
}

# What needs no network yet: ip batches, server configuration, the link.
prepare() {
	[[ $DELAY == 0,0 ]] || choose_delay
	echo "${DELAY_BY:=plain veth}" >"$STATE/delay"
	setup_lines | awk -F'\t' -v dir="$STATE/ns/" '{ print $2 >(dir $1) }'
	cp "$HERE"/zones/*.zone "$STATE/zones/"
	write_server_configs
}

choose_delay() {
	if root tc qdisc add dev lo root netem delay 1ms 2>/dev/null; then
		root tc qdisc del dev lo root
		DELAY_BY=netem
		return
	fi
	DELAY_BY='link'
	[[ -n $LINK ]] && return
	LINK=$STATE/link
	"${CC:-cc}" -O2 -o "$LINK" "$HERE/link.c" || die "cannot compile the link; give --link PATH or --delay 0"
}

build_network() {
	local delayed=()
	[[ $DELAY_BY == link ]] && delayed=(cn1 ru1)
	{ namespaces | sed 's/^/netns add /'; create_lines "${delayed[@]}"; } | root ip -batch - ||
		die "cannot make the namespaces"
	[[ $DELAY_BY == link ]] && start_link
	namespaces | on_each set_up || die "cannot set up the namespaces"
	[[ $DELAY_BY == netem ]] && start_netem
	standing_rules
}

# on_each FUNCTION: for every name on standard input, two at a time a core
on_each() {
	export STATE INIT ROUTERS
	# shellcheck disable=SC2163 # the function named by $1
	export -f "$1" in_net enter enter_prefix
	xargs -P "$(($(nproc) * 2))" -I{} bash -c "$1 {}"
}

# set_up NS. ICMP errors must not be rationed, time-exceeded must come from the address the
# packet came in by, and IPv6 addresses must be there at once and stay.
set_up() {
	in_net "$1" sh -c '
		cd /proc/sys/net || exit 1
		case $2 in router)
			echo 1 >ipv4/ip_forward
			echo 1 >ipv6/conf/all/forwarding
			echo 1 >ipv4/icmp_errors_use_inbound_ifaddr ;;
		esac
		echo 0 >ipv4/icmp_ratelimit
		echo 0 >ipv6/icmp/ratelimit
		for conf in ipv4/conf/*; do
			echo 0 >"$conf/rp_filter"
			echo 0 >"$conf/send_redirects"
		done
		for conf in ipv6/conf/*; do
			echo 0 >"$conf/accept_dad"
			echo 0 >"$conf/accept_ra"
			echo 1 >"$conf/keep_addr_on_down"
		done
		exec ip -batch "$1"' sh "$STATE/ns/$1" "$([[ " $ROUTERS " == *" $1 "* ]] && echo router)"
}

start_link() {
	local one_way=("$(half "${DELAY%,*}")" "$(half "${DELAY#*,}")")
	root "$LINK" "${one_way[0]}" /run/netns/transit cn1 /run/netns/cn1 transit \
		"${one_way[1]}" /run/netns/transit ru1 /run/netns/ru1 transit || die "cannot start the link"
}

half() { awk -v ms="$1" 'BEGIN { print ms / 2 }'; }

start_netem() {
	local far ms
	for far in "cn1 ${DELAY%,*}" "ru1 ${DELAY#*,}"; do
		read -r far ms <<<"$far"
		ms=$(half "$ms")
		in_net transit tc qdisc add dev "$far" root netem limit 10000 delay "${ms}ms"
		in_net "$far" tc qdisc add dev transit root netem limit 10000 delay "${ms}ms"
	done
}

# What is no fault but how that country is: hops that keep silent, and one
# address that answers ICMP alone.
standing_rules() {
	local ns
	for ns in $SILENT; do
		in_net "$ns" nft -f - <<-'RULES'
			table inet standing {
				chain silent {
					type filter hook output priority 0
					icmp type time-exceeded drop
					icmpv6 type time-exceeded drop
				}
			}
		RULES
	done
	in_net rtr-178-130 nft -f - <<-'RULES'
		table inet standing {
			chain filtered {
				type filter hook input priority 0
				meta l4proto tcp drop
			}
		}
	RULES
}

write_server_configs() {
	local name what listen zone
	while read -r name _ _ what; do
		case $what in
		dns)
			sed "s|@NAME@|$name|; s|@ZONES@|$STATE/zones|" "$HERE/etc/nsd.conf" >"$STATE/etc/$name.conf"
			for zone in $(row "$NAME_SERVERS" "$name"); do
				printf 'zone:\n\tname: %s\n\tzonefile: %s.zone\n' "$zone" "$zone"
			done >>"$STATE/etc/$name.conf"
			;;
		*80*)
			listen='listen 80; listen [::]:80;'
			[[ $what == *443* ]] && listen+=' listen 443; listen [::]:443;'
			sed "s|@NAME@|$name|; s|@LISTEN@|$listen|" "$HERE/etc/nginx.conf" >"$STATE/etc/$name.conf"
			;;
		esac
	done < <(rows "$HOSTS")
}

start_servers() {
	awk '$4 ~ /80|dns/ { print $1 }' <<<"$HOSTS" | on_each start_server || die "cannot start a server"
}

# start_server NAME: in a session of its own, so that one signal reaches all of it
start_server() {
	local cmd=(nginx -c "$STATE/etc/$1.conf")
	grep -q '^zone:' "$STATE/etc/$1.conf" && cmd=(nsd -d -c "$STATE/etc/$1.conf")
	enter "$1" sh -c 'mkdir -p "/run/lab/$1" && shift && exec setsid -f "$@"' \
		sh "$1" "${cmd[@]}" </dev/null >>"$STATE/log/$1" 2>&1 9>&-
}

lab_down() {
	if [[ ! -d $STATE || -L $STATE || ! -O $STATE ]]; then
		echo "lab: no lab '$LAB' is up" >&2
		return 0
	fi
	# With its process 1 dies all else that runs in the lab, and unshare after it.
	[[ $BUILDING ]] || end_process "$STATE/builder"
	end_process "$STATE/init"
	end_process "$STATE/outer"
	rm -rf "$STATE"
}

end_process() {
	alive "$1" || return 0
	kill -KILL "$(cut -d' ' -f1 "$1")"
	await 5 gone "$1" || die "process $(cut -d' ' -f1 "$1") will not die"
}

gone() { ! alive "$1"; }
