#!/bin/bash
# Each header compiles alone.  usage: headers.sh SOURCE_DIR BUILD_DIR CC
set -u
cd "$1" || exit 1
fail=0
count=0
while read -r header; do
    count=$((count + 1))
    "$3" -std=c17 -D_GNU_SOURCE -I. -I"$2/gen" -Wall -Wextra -Werror -fsyntax-only -x c - <<<"#include \"$header\"" ||
        { echo "$header does not compile alone"; fail=1; }
done < <(find lib daemon ctl -name '*.h' | sort)
[ "$count" -gt 0 ] || { echo "no headers found"; fail=1; }
echo "$count headers"
exit "$fail"
