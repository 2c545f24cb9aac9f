# shellcheck shell=bash disable=SC2016 # scripts for sh expand there
# The faults, and their undoing. Every rule goes into a table "fault", every
# touched namespace is noted before it is touched: `heal` needs no more.

readonly PATHS='china-unicom transtelecom'

# Neighbour discovery goes on under a silent fault. Otherwise the router before
# it would, after half a minute, begin to send Host Unreachable.
readonly DISCOVERY='icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept'

touch_ns() { echo "$1" >>"$STATE/touched"; }

# fault_chain NS FAMILY HOOK RULE...: a base chain of its own
fault_chain() {
	local ns=$1 family=$2 hook=$3 chain
	chain="f$(wc -l <"$STATE/touched")"
	shift 3
	touch_ns "$ns"
	{
		printf 'table %s fault {\nchain %s {\n' "$family" "$chain"
		echo "type filter hook $hook"
		printf '%s\n' "$@"
		printf '}\n}\n'
	} | in_net "$ns" nft -f - || die "cannot set rules in $ns"
}

# fault_link_down NS DEV
fault_link_down() {
	touch_ns "$1"
	in_net "$1" ip link set "$2" down || die "cannot take down $2 in $1"
}

need_path() {
	[[ " $PATHS " == *" $1 "* ]] || usage_error "'$1' is no path; there are: $PATHS"
}

need_host() {
	[[ -n ${HOST4[$1]-} ]] || usage_error "'$1' is no host; there are: $(host_names | paste -sd' ')"
}

# name_server WORD: sets SERVER; ns1 and ns2 mean the registry's
name_server() {
	case $1 in ns1 | ns2) SERVER=tld-$1 ;; *) SERVER=$1 ;; esac
	[[ -n $(row "$NAME_SERVERS" "$SERVER") ]] ||
		usage_error "'$1' is no name server; there are: $(rows "$NAME_SERVERS" | cut -d' ' -f1 | paste -sd' ')"
}

# cut PATH [--carrier] [--upstream]
fault_cut() {
	local path=$1 near far option carrier=''
	near=$(path_router "$path" edge) far=$(path_router "$path" border)
	for option in "${@:2}"; do
		case $option in
		--carrier) carrier=1 ;;
		--upstream) near=transit far=$(path_router "$path" first) ;;
		*) usage_error "cut: '$option' is neither --carrier nor --upstream" ;;
		esac
	done
	if [[ $carrier ]]; then
		fault_link_down "$near" "$far"
		# Left alone, Linux says so but once a second to one address.
		fault_chain "$near" inet 'prerouting priority 0' \
			'meta nfproto ipv4 fib daddr type unicast fib daddr oif missing reject with icmp type net-unreachable'
		return
	fi
	for option in ingress egress; do
		fault_chain "$near" netdev "$option device \"$far\" priority 0" \
			"$DISCOVERY" 'meta protocol { ip, ip6 } drop'
	done
}

# blackhole border|border-silent [PATH]: dead from the border on; with
# border-silent the last visible hop, too, swallows all before it looks at TTLs
fault_blackhole() {
	local path
	for path in ${2:-$PATHS}; do
		case $1 in
		border) fault_chain "$(path_router "$path" border)" inet 'forward priority 0' drop ;;
		border-silent) fault_chain "$(path_router "$path" edge)" inet 'prerouting priority raw' "$DISCOVERY" drop ;;
		*) usage_error "blackhole: '$1' is neither border nor border-silent" ;;
		esac
	done
}

# loss PATH PERCENT [to|from|both]: one way, so that the share of the answers
# that is missing is the one asked for
fault_loss() {
	local path=$1 share=$2 way=${3:-to} from
	[[ $share =~ ^([0-9]{1,3})(\.[0-9]{1,2})?%$ ]] || usage_error "loss: '$share' is no share such as 20% or 2.5%"
	share=$(awk -v p="${share%\%}" 'BEGIN { printf "%d", p * 100 }')
	((share <= 10000)) || usage_error 'loss: more than 100%'
	case $way in
	to) way=$(path_router "$path" first) ;;
	from) way=$(path_router "$path" edge) ;;
	both) way="$(path_router "$path" first) $(path_router "$path" edge)" ;;
	*) usage_error "loss: '$way' is none of to, from, both" ;;
	esac
	for from in $way; do
		fault_chain "$(path_router "$path" second)" inet 'forward priority 0' \
			"iifname \"$from\" numgen random mod 10000 < $share drop"
	done
}

# stop SERVER [--freeze]
fault_stop() {
	local signal=TERM session
	name_server "$1"
	case ${2-} in '') ;; --freeze) signal=STOP ;; *) usage_error "stop: '$2' is not --freeze" ;; esac
	session=$(server_session "$SERVER") || die "$SERVER is already stopped"
	echo "$SERVER" >>"$STATE/stopped"
	signal_session "$signal" "$session"
	[[ $signal == STOP ]] || await 5 server_is_gone "$SERVER" || die "$SERVER does not stop"
}

# server_session NAME: the process group of its server, as the lab counts
server_session() {
	root sh -c 'read -r pid <"/run/lab/$1/nsd.pid" && kill -s 0 -- "-$pid" && echo "$pid"' sh "$1" 2>/dev/null </dev/null
}

signal_session() { root sh -c 'kill -s "$1" -- "-$2"' sh "$1" "$2" </dev/null; }

server_is_gone() { ! server_session "$1" >/dev/null; }

fault_drop_udp53() {
	local name
	for name in $(if [[ -n ${1-} ]]; then name_server "$1" && echo "$SERVER"; else rows "$NAME_SERVERS" | cut -d' ' -f1; fi); do
		fault_chain "$name" inet 'input priority 0' 'udp dport 53 drop'
	done
}

# host-down NAME [--silent]. Without --silent its router forgets its neighbour,
# or it would take half a minute to find out that nobody is there.
fault_host_down() {
	local net
	need_host "$1"
	case ${2-} in
	'')
		read -r net _ <<<"$(row "$HOSTS" "$1")"
		fault_link_down "$1" gw
		touch_ns "${GATEWAY[$net]}"
		in_net "${GATEWAY[$net]}" ip neigh flush dev "br$net"
		;;
	--silent) fault_chain "$1" inet 'prerouting priority raw' "$DISCOVERY" drop ;;
	*) usage_error "host-down: '$2' is not --silent" ;;
	esac
}

fault_anchor_down() {
	[[ $1 =~ ^[1-3]$ ]] || usage_error "anchor-down: '$1' is none of 1, 2, 3"
	fault_host_down "anchor-$1" "${@:2}"
}

need_port() {
	[[ $1 =~ ^[1-9][0-9]{0,4}$ ]] || usage_error "'$1' is no port"
	(($1 < 65536)) || usage_error "'$1' is no port"
}

fault_rst() {
	need_host "$1" && need_port "$2"
	fault_chain "$1" inet 'input priority 0' "tcp dport $2 reject with tcp reset"
}

fault_drop() {
	need_host "$1" && need_port "$2"
	fault_chain "$1" inet 'input priority 0' "tcp dport $2 drop"
}

fault_drop_icmp() {
	local name
	[[ -z ${1-} ]] || need_host "$1"
	for name in ${1:-$(host_names | grep -v '^anchor-')}; do
		fault_chain "$name" inet 'input priority 0' 'icmp type echo-request drop' 'icmpv6 type echo-request drop'
	done
}

fault_silence_edge() {
	fault_chain "$(path_router "$1" edge)" inet 'output priority 0' \
		'icmp type time-exceeded drop' 'icmpv6 type time-exceeded drop'
}

fault_admin_prohibited() {
	local net
	need_host "$1"
	read -r net _ <<<"$(row "$HOSTS" "$1")"
	fault_chain "${GATEWAY[$net]}" inet 'forward priority 0' \
		"ip daddr ${HOST4[$1]} reject with icmp type admin-prohibited" \
		"ip6 daddr ${HOST6[$1]} reject with icmpv6 type admin-prohibited"
}

fault_vantage_down() {
	case ${1:-} in
	'') fault_link_down vantage transit ;;
	--silent) fault_chain transit inet 'prerouting priority raw' "$DISCOVERY" drop ;;
	*) usage_error "vantage-down: '$1' is not --silent" ;;
	esac
}

# The vantage keeps its anchors: only what goes to the two paths is lost.
fault_transit_down() {
	fault_chain transit inet 'forward priority 0' 'oifname { "cn1", "ru1" } drop' 'iifname { "cn1", "ru1" } drop'
}

# hijack NAME ADDR: every server that has NAME now answers ADDR
fault_hijack() {
	local name=${1%.} addr=$2 type=A record file files new=$STATE/new.zone
	case $addr in
	2001:2:0:*) type=AAAA ;;
	198.18.* | 198.19.*) ;;
	*) usage_error "hijack: '$addr' is outside $ALL4 and $ALL6" ;;
	esac
	[[ $name =~ ^[a-z0-9.-]+$ ]] || usage_error "hijack: '$name' is no name"
	record="^${name//./\\.}\\. IN $type "
	mapfile -t files < <(grep -l -e "$record" "$STATE"/zones/*.zone)
	((${#files[@]} > 0)) || usage_error "hijack: no zone has an $type record of '$name'"
	for file in "${files[@]}"; do
		sed "s/$record.*/$name. IN $type $addr/" "$file" >"$new"
		nsd-checkzone "$(basename "$file" .zone)" "$new" >/dev/null 2>&1 ||
			usage_error "hijack: '$addr' is no address"
		mv "$new" "$file"
	done
	echo "$name $type" >>"$STATE/hijacked"
	reload_zones
}

# reload_zones: and wait until the servers answer what the zones now say
reload_zones() {
	local server name type addr
	for server in $(running_servers); do
		root sh -c 'read -r pid <"/run/lab/$1/nsd.pid" && kill -s HUP "$pid"' sh "$server" </dev/null
	done
	while read -r name type; do
		addr=$(sed -n "s/^${name//./\\.}\\. IN $type //p" "$STATE"/zones/*.zone | head -n 1)
		for server in $(running_servers); do
			await 5 answers "$server" "$name" "$type" "$addr" || die "$server does not read its zones again"
		done
	done < <(sort -u "$STATE/hijacked")
}

running_servers() {
	local server
	for server in $(rows "$NAME_SERVERS" | cut -d' ' -f1); do
		grep -q -x "$server" "$STATE/stopped" || echo "$server"
	done
}

# answers SERVER NAME TYPE ADDR: asked at home, where no fault is in the way. A
# server that is not authoritative for NAME need not know.
answers() {
	enter "$1" kdig +tcp +norecurse +timeout=1 +retry=0 @127.0.0.1 "$2" "$3" </dev/null 2>&1 |
		awk -v addr="$4" '/Flags:/ && / aa;/ { aa = 1 } $NF == addr { found = 1 } /Flags:/ { asked = 1 }
			END { exit !(asked && (!aa || found)) }'
}

# move 178 PATH
fault_move() {
	local first
	fault_return "$@"
	first=$(path_router "$2" first)
	touch_ns transit
	route_lines transit "$first" 178 | cut -f2 | in_net transit ip -batch -
}

# return 178 PATH
fault_return() {
	[[ $1 == 178 ]] || usage_error "only 178 has two paths, not '$1'"
	touch_ns gw-178
	route_lines gw-178 "$(path_router "$2" core)" all | cut -f2 | in_net gw-178 ip -batch -
}

lab_heal() {
	heal_bgp
	sort -u "$STATE/touched" | on_each heal_ns || die 'cannot undo everything'
	cp "$HERE"/zones/*.zone "$STATE/zones/"
	heal_servers
	[[ ! -s $STATE/hijacked ]] || reload_zones
	forget_faults
}

forget_faults() {
	local list
	for list in faults touched stopped hijacked; do
		: >"$STATE/$list"
	done
}

# heal_ns NS: `add` makes `delete` safe where there is no such table
heal_ns() {
	in_net "$1" nft 'add table inet fault; delete table inet fault; add table netdev fault; delete table netdev fault' &&
		in_net "$1" ip -batch "$STATE/ns/$1" && in_net "$1" ip neigh flush all
}

heal_servers() {
	local name session
	sort -u "$STATE/stopped" | while read -r name; do
		if session=$(server_session "$name"); then
			signal_session CONT "$session"
		else
			start_server "$name"
			await 5 server_session "$name" >/dev/null || die "$name does not start again"
		fi
	done || exit
	: >"$STATE/stopped"
}
