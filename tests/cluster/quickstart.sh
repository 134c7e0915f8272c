#!/bin/sh
# The demonstration of the README: three children, three inheritances, every value checked.
. "$(dirname "$0")/functions.sh"

hosts_up 2
runs "every value is as specified" on 0 norma run "${GUEST_EXAMPLES:?}/quickstart"
out_has "clone shares what is not inherited" '^ *none +16 MiB +NONE +shared +absent +absent *$'
out_has "create copies" '^ *copy +24 MiB +COPY +shared +copied +copied *$'
out_has "and shares" '^ *share +24 MiB +SHARE +shared +shared +shared *$'
out_lacks "no count is wrong" WRONG
runs "afterwards" on 0 norma ps
out_lacks "no task runs" running
finish
