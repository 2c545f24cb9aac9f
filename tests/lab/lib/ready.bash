# shellcheck shell=bash
# Does every host answer, as the vantage sees it?

# wait_ready SECONDS: a host is ready when its server answers over both families,
# or ping where it has none
wait_ready() {
	local silent
	silent=$(host_checks | READY_UNTIL=$((EPOCHSECONDS + $1)) enter vantage xargs -P 64 -d '\n' -n 1 bash -c "$CHECK" check)
	[[ -z $silent ]] || die "no answer within $1 s from $(sort <<<"$silent" | by_host)"
}

# "NAME CHECK" lines to "NAME (CHECK CHECK), NAME (CHECK)"
by_host() {
	awk '$1 != name { printf "%s%s (%s", (name ? "), " : ""), $1, $2; name = $1; next }
		{ printf " %s", $2 }
		END { print ")" }'
}

# One line per check: "NAME KIND ADDRESS [ZONE]"
host_checks() {
	local name what addr zone
	while read -r name _ _ what; do
		[[ $what == dns ]] && zone=$(row "$NAME_SERVERS" "$name")
		for addr in "${HOST4[$name]}" "${HOST6[$name]}"; do
			case $what in
			dns) echo "$name dns $addr ${zone%% *}" ;;
			-) echo "$name ping $addr" ;;
			*) echo "$name ${what##*,} $addr" ;; # nginx listens everywhere before it answers
			esac
		done
	done < <(rows "$HOSTS")
}

# Runs in the vantage, once for each line. Prints the check that failed.
# shellcheck disable=SC2016
readonly CHECK='
read -r name kind addr zone <<<"$1"
ask() {
	case $kind in
	ping) ping -q -n -c 1 -W 2 "$addr" ;;
	dns) kdig +norecurse +timeout=2 +retry=0 "@$addr" "$zone" SOA | grep -q "Flags:.* aa;" ;;
	*) timeout 2 bash -c "exec 3<>/dev/tcp/$addr/$kind" ;;
	esac >/dev/null 2>&1
}
while ! ask; do
	((EPOCHSECONDS <= READY_UNTIL)) || exec echo "$name $kind/IPv$([[ $addr == *:* ]] && echo 6 || echo 4)"
	sleep 0.05
done'
