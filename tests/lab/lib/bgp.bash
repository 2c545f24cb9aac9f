# shellcheck shell=bash
# BGP by bird2: which path carries .178 is what its routers tell each other. Each
# router is an AS of its own; transit tells the vantage's network, gw-178 its own,
# and both prefer TransTeleCom.

readonly BGP_ROUTERS='transit cn1 cn2 cn-edge border-cn core-cn ru1 ru2 ru-edge border-ru core-ru gw-178'
readonly BGP_HOLD=9 # seconds until a silent neighbour counts as lost

bgp_as() { echo $((64512 + $(tr ' ' '\n' <<<"$BGP_ROUTERS" | grep -n -x -- "$1" | cut -d: -f1))); }

# bgp_peers ROUTER: its neighbours that speak BGP
bgp_peers() {
	awk -v ns="$1" '$1 == ns { print $2 } $2 == ns { print $1 }' <<<"$LINKS" |
		grep -x -F -f <(tr ' ' '\n' <<<"$BGP_ROUTERS")
}

# bgp_origin ROUTER 4|6: the prefix that it tells as its own
bgp_origin() {
	case $1$2 in
	transit4) echo 198.19.1.0/24 ;;
	transit6) echo 2001:2:0:1::/64 ;;
	gw-1784) echo 198.18.178.0/24 ;;
	gw-1786) echo 2001:2:0:178::/64 ;;
	esac
}

bgp_config() {
	local ns=$1 peer family origin import
	echo "log \"$STATE/log/bird-$ns\" { warning, error, fatal, bug };"
	echo "router id ${NEIGHBOUR4["$(bgp_peers "$ns" | head -n 1) $ns"]};"
	echo 'protocol device { }'
	for family in 4 6; do
		local -n address=NEIGHBOUR$family
		echo "protocol kernel { ipv$family { import none; export where source = RTS_BGP; }; }"
		origin=$(bgp_origin "$ns" "$family")
		[[ -z $origin ]] || echo "protocol static { ipv$family; route $origin unreachable; }"
		for peer in $(bgp_peers "$ns"); do
			import=all
			[[ $ns-$peer == transit-ru1 || $ns-$peer == gw-178-core-ru ]] && import='filter { bgp_local_pref = 200; accept; }'
			printf 'protocol bgp %s_%s {\n\tlocal %s as %s;\n\tneighbor %s as %s;\n' "${peer//-/_}" "$family" \
				"${address["$peer $ns"]}" "$(bgp_as "$ns")" "${address["$ns $peer"]}" "$(bgp_as "$peer")"
			printf '\thold time %s;\n\tconnect delay time 1;\n\tconnect retry time 2;\n\terror wait time 1, 2;\n' "$BGP_HOLD"
			printf '\tipv%s { import %s; export all; };\n}\n' "$family" "$import"
		done
	done
}

bird_ctl() { root birdc -s "/run/lab/bird-$1.ctl" "${@:2}" </dev/null >/dev/null; }

# from then on .178 and the way back from it have the routes that BGP finds
fault_bgp() {
	local ns family
	! bgp_runs || die 'BGP runs already'
	[[ -x $(command -v bird) ]] || die 'there is no bird (Debian package bird2)'
	for ns in $BGP_ROUTERS; do
		touch_ns "$ns"
		bgp_config "$ns" >"$STATE/etc/bird-$ns.conf"
		enter "$ns" bird -c "$STATE/etc/bird-$ns.conf" -s "/run/lab/bird-$ns.ctl" -P "/run/lab/bird-$ns.pid" \
			</dev/null 9>&- || die "bird does not start in $ns"
	done
	for family in 4 6; do
		await 60 bgp_route transit "$family" "$(bgp_origin gw-178 "$family")" ru1 &&
			await 60 bgp_route gw-178 "$family" "$(bgp_origin transit "$family")" core-ru ||
			die 'BGP does not find its routes'
		in_net transit ip route delete "$(bgp_origin gw-178 "$family")" proto boot || die 'cannot delete a route'
	done
}

bgp_route() { in_net "$1" ip "-$2" route show "$3" proto bird | grep -q " dev $4 "; }

bgp_runs() { root test -e /run/lab/bird-transit.pid; }

# withdraw 178 PATH: .178 ends its sessions with this path's router
fault_withdraw() {
	local core
	[[ $1 == 178 ]] || usage_error "withdraw: only 178 is told by BGP, not '$1'"
	bgp_runs || die "withdraw: BGP does not run ('lab bgp' starts it)"
	core=$(path_router "$2" core)
	bird_ctl gw-178 disable "\"${core//-/_}_*\"" || die "cannot end the sessions with $core"
}

heal_bgp() {
	local ns
	bgp_runs || return 0
	for ns in $BGP_ROUTERS; do
		bird_ctl "$ns" down
		await 10 bird_is_gone "$ns" || die "bird in $ns does not end"
	done
}

# It removes its routes and its file when it ends.
bird_is_gone() { ! root test -e "/run/lab/bird-$1.pid"; }
