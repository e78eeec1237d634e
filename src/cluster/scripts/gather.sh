@HEAD@
# The last job: looks whether all elements are done and their products whole, and submits again those that are lost, with another
# gather job after them.
give_up() {
    echo "$1" >&2
    exit 78
}
set +u
@SETUP@
set -u
@RUN@
"${run[@]}"
status=$?
# Something was submitted again, and the next gather job will look at that.
[ "$status" -ne 75 ] || exit 0
exit "$status"
