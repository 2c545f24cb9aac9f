#!/bin/bash
# Every C file is as clang-format writes it.  usage: format.sh SOURCE_DIR
set -u
cd "$1" || exit 1
find lib daemon ctl tests -name '*.[ch]' -print0 | sort -z |
    xargs -0 clang-format --dry-run --Werror
