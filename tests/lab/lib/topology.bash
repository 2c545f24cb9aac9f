# shellcheck shell=bash disable=SC2034 # the tables are read by the other parts
# The lab's network as tables, and the ip(8) batches made from them.
#
#                       /- cn1 - cn2 - cn-edge | border-cn - core-cn - gw-cn  (.176 .179)
#   vantage - transit -<                                            \- gw-178 (.178)
#                |      \- ru1 - ru2 - ru-edge | border-ru - core-ru -/
#             anchors                                               \- gw-ru  (.177)
#
# Everything right of the bar keeps silent when a TTL expires. An interface is
# named after its peer, so `ip -br link` in any namespace reads like this map.

readonly ALL4=198.18.0.0/15 ALL6=2001:2::/48
readonly COUNTRY4=198.18.176.0/22
readonly NETS='176 177 178 179'

# router: its uplink's side faces the vantage
readonly ROUTERS='transit cn1 cn2 cn-edge border-cn core-cn gw-cn ru1 ru2 ru-edge border-ru core-ru gw-ru gw-178'
readonly SILENT='border-cn core-cn gw-cn border-ru core-ru gw-ru gw-178'
readonly ANCHORS='anchor-1 anchor-2 anchor-3'

# near far  near4 far4 (/30)  near6 far6 (/80); "near" is the vantage's side
readonly LINKS='
vantage   transit   198.19.1.2     198.19.1.1     2001:2:0:1::2         2001:2:0:1::1
transit   cn1       198.19.219.1   198.19.219.2   2001:2:0:219::1       2001:2:0:219::2
cn1       cn2       198.19.219.5   198.19.219.6   2001:2:0:219:1::5     2001:2:0:219:1::6
cn2       cn-edge   198.19.35.253  198.19.35.254  2001:2:0:35::253      2001:2:0:35::254
cn-edge   border-cn 198.19.34.1    198.19.34.2    2001:2:0:34::1        2001:2:0:34::2
border-cn core-cn   198.18.179.241 198.18.179.242 2001:2:0:179:1::241   2001:2:0:179:1::242
core-cn   gw-cn     198.18.179.245 198.18.179.246 2001:2:0:179:2::245   2001:2:0:179:2::246
core-cn   gw-178    198.18.178.245 198.18.178.246 2001:2:0:178:2::245   2001:2:0:178:2::246
transit   ru1       198.19.40.1    198.19.40.2    2001:2:0:40::1        2001:2:0:40::2
ru1       ru2       198.19.41.1    198.19.41.2    2001:2:0:41::1        2001:2:0:41::2
ru2       ru-edge   198.19.43.154  198.19.43.153  2001:2:0:43::154      2001:2:0:43::153
ru-edge   border-ru 198.19.43.157  198.19.43.158  2001:2:0:43:1::157    2001:2:0:43:1::158
border-ru core-ru   198.18.177.241 198.18.177.242 2001:2:0:177:1::241   2001:2:0:177:1::242
core-ru   gw-ru     198.18.177.245 198.18.177.246 2001:2:0:177:2::245   2001:2:0:177:2::246
core-ru   gw-178    198.18.178.241 198.18.178.242 2001:2:0:178:1::241   2001:2:0:178:1::242
'

# router, then what it reaches through which neighbour ("country": all four /24s)
readonly ROUTES='
vantage   transit   all
transit   cn1       176 179 198.19.219.0/24 198.19.32.0/22 2001:2:0:219::/64 2001:2:0:34::/64 2001:2:0:35::/64
transit   ru1       177 178 198.19.40.0/22 2001:2:0:40::/64 2001:2:0:41::/64 2001:2:0:43::/64
cn1       transit   all
cn1       cn2       country 198.19.32.0/22 2001:2:0:34::/64 2001:2:0:35::/64
cn2       cn1       all
cn2       cn-edge   country 198.19.34.0/30 2001:2:0:34::/64
cn-edge   cn2       all
cn-edge   border-cn country
border-cn cn-edge   all
border-cn core-cn   country
core-cn   border-cn all
core-cn   gw-cn     176 179
core-cn   gw-178    178
gw-cn     core-cn   all
ru1       transit   all
ru1       ru2       country 198.19.43.0/24 2001:2:0:43::/64
ru2       ru1       all
ru2       ru-edge   country 198.19.43.156/30 2001:2:0:43:1::/80
ru-edge   ru2       all
ru-edge   border-ru country
border-ru ru-edge   all
border-ru core-ru   country
core-ru   border-ru all
core-ru   gw-ru     177
core-ru   gw-178    178
gw-ru     core-ru   all
gw-178    core-ru   all
'

# name  third octet  last octet  what it runs (80, 443, dns) or "-"
readonly HOSTS='
anchor-1      0   1   -
anchor-2      0   2   -
anchor-3      0   3   -
tld-ns1       176 15  dns
tld-ns2       176 16  dns
cust-ns1      176 8   dns
cust-ns2      176 9   dns
naenara       176 67  80,443
rodong        176 68  80,443
airkoryo      176 69  80
kcna          176 71  80,443
vok           176 75  80,443
maritime      176 76  80,443
mfa           176 77  80,443
mediaryugyong 176 80  80,443
shared-81     176 81  80,443
web-91        176 91  80,443
ttk-gw        177 1   80
ttk-10        177 10  80
ttk-11        177 11  80
rtr-178-129   178 129 -
rtr-178-130   178 130 -
rtr-178-161   178 161 80
edu-ns        179 76  dns
'

# name server: the zones it serves; the first one's SOA shows that it is ready
readonly NAME_SERVERS='
tld-ns1  kp co.kp com.kp edu.kp gov.kp net.kp org.kp rep.kp
tld-ns2  kp co.kp com.kp edu.kp gov.kp net.kp org.kp rep.kp
cust-ns1 kcna.kp rodong.rep.kp com.kp gov.kp rep.kp
cust-ns2 kcna.kp rodong.rep.kp com.kp gov.kp rep.kp
edu-ns   star.edu.kp
'

# The same, looked up by name: `up` asks hundreds of times, so nothing here starts a process.
readonly -A GATEWAY=([0]=transit [176]=gw-cn [177]=gw-ru [178]=gw-178 [179]=gw-cn) # the router with its bridge
readonly -A LAN4=([0]=198.19.0 [176]=198.18.176 [177]=198.18.177 [178]=198.18.178 [179]=198.18.179)
declare -A HOST4 HOST6        # NAME: its addresses
declare -A NEIGHBOUR4 NEIGHBOUR6 # "NS PEER": the addresses of PEER on its link with NS
declare -A UPLINK             # ROUTER: its neighbour towards the vantage, the last one listed, which is in use
declare -A PREFIXES=([all]="$ALL4 $ALL6" [country]=$COUNTRY4) # a word of ROUTES: what it stands for

index_tables() {
	local near far near4 far4 near6 far6 name net last
	while read -r near far near4 far4 near6 far6; do
		[[ $near ]] || continue
		NEIGHBOUR4["$near $far"]=$far4 NEIGHBOUR4["$far $near"]=$near4
		NEIGHBOUR6["$near $far"]=$far6 NEIGHBOUR6["$far $near"]=$near6
		UPLINK[$far]=$near
	done <<<"$LINKS"
	while read -r name net last _; do
		[[ $name ]] || continue
		HOST4[$name]=${LAN4[$net]}.$last HOST6[$name]=2001:2:0:$net::$last
	done <<<"$HOSTS"
	for net in $NETS; do
		PREFIXES[$net]="198.18.$net.0/24 2001:2:0:$net::/64"
		PREFIXES[country]+=" 2001:2:0:$net::/64"
	done
}
index_tables

# rows TABLE: its lines without the empty ones
rows() { sed '/^$/d' <<<"$1"; }

# row TABLE NAME: the rest of the line that begins with NAME
row() { sed -n "s/^$2 *//p" <<<"$1"; }

host_names() { rows "$HOSTS" | cut -d' ' -f1; }
namespaces() { printf '%s\n' vantage "${ROUTERS// /$'\n'}"; host_names; }

# route_lines NS PEER WORD...: "NS<TAB>batch line"
route_lines() {
	local ns=$1 peer=$2 word prefix via
	shift 2
	for word; do
		for prefix in ${PREFIXES[$word]-$word}; do
			via=${NEIGHBOUR4["$ns $peer"]}
			[[ $prefix != *:* ]] || via=${NEIGHBOUR6["$ns $peer"]}
			printf '%s\troute replace %s via %s dev %s\n' "$ns" "$prefix" "$via" "$peer"
		done
	done
}

# create_lines DELAYED...: one batch that makes every link, but not the
# transit links named in DELAYED, which the link process makes
create_lines() {
	local near far net name
	while read -r near far _; do
		[[ $near == transit && " $* " == *" $far "* ]] && continue
		echo "link add name $far netns $near type veth peer name $near netns $far"
	done < <(rows "$LINKS")
	for net in 0 $NETS; do
		echo "link add name br$net netns ${GATEWAY[$net]} type bridge stp_state 0 mcast_snooping 0"
	done
	while read -r name net _; do
		echo "link add name $name netns ${GATEWAY[$net]} type veth peer name gw netns $name"
	done < <(rows "$HOSTS")
}

# setup_lines: every address and route of the lab as "NS<TAB>batch line".
# Each line may be repeated at any time: that is how `heal` undoes faults.
setup_lines() {
	local near far near4 far4 near6 far6 net name gw router peer words
	namespaces | sed 's/$/\tlink set lo up/'
	while read -r near far near4 far4 near6 far6; do
		device_lines "$near" "$far" "$near4/30" "$near6/80"
		device_lines "$far" "$near" "$far4/30" "$far6/80"
	done < <(rows "$LINKS")
	for net in 0 $NETS; do
		gw=${GATEWAY[$net]}
		device_lines "$gw" "br$net" "${LAN4[$net]}.254/24" "2001:2:0:$net::254/64"
	done
	while read -r name net _; do
		gw=${GATEWAY[$net]}
		printf '%s\tlink set %s master br%s up\n' "$gw" "$name" "$net"
		device_lines "$name" gw "${HOST4[$name]}/24" "${HOST6[$name]}/64"
		printf '%s\troute replace %s via %s dev gw\n' "$name" "$ALL4" "${LAN4[$net]}.254" \
			"$name" "$ALL6" "2001:2:0:$net::254"
	done < <(rows "$HOSTS")
	for router in $ROUTERS; do unreachable_lines "$router"; done
	while read -r router peer words; do
		# shellcheck disable=SC2086 # words are words
		route_lines "$router" "$peer" $words
	done < <(rows "$ROUTES")
}

# device_lines NS DEV ADDR4 ADDR6
device_lines() {
	printf '%s\tlink set %s up\n' "$1" "$2"
	printf '%s\taddr replace %s dev %s\n' "$1" "$3" "$2"
	printf '%s\taddr replace %s dev %s nodad\n' "$1" "$4" "$2"
}

# Without these a cut makes packets loop on the route back to the vantage.
unreachable_lines() {
	local prefix prefixes=${PREFIXES[country]}
	[[ $1 != transit ]] || prefixes+=" ${PREFIXES[all]}"
	for prefix in $prefixes; do
		printf '%s\troute replace unreachable %s metric 9999\n' "$1" "$prefix"
	done
}

# path_router PATH WHICH: first (behind the transit router), second, edge (the
# last visible hop), border, core
path_router() {
	local short
	case $1 in china-unicom) short=cn ;; transtelecom) short=ru ;; esac
	case $2 in
		first) echo "${short}1" ;; second) echo "${short}2" ;;
		edge) echo "$short-edge" ;; border) echo "border-$short" ;; core) echo "core-$short" ;;
	esac
}
