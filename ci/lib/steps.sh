# shellcheck shell=bash
# Steps of a check, each with a name and the seconds that it took. To be sourced, by bash.
# BNN_STEPS is the file that they are noted in; a script that another one starts adds to the same file.

export BNN_STEPS="${BNN_STEPS:-$(mktemp)}"
step_name='' step_lane=${BNN_LANE:-host} step_begun=$SECONDS

# end_step: notes the step that is under way.
end_step() {
    [ -z "$step_name" ] || printf '%s\t%d\t%s\n' "$step_lane" $((SECONDS - step_begun)) "$step_name" >>"$BNN_STEPS"
    step_name=''
}

# step NAME: ends the step before it and begins another.
step() {
    end_step
    step_name=$* step_begun=$SECONDS
    printf '\n== %s\n' "$*"
}

# table_of_steps: what each took, lane by lane.
table_of_steps() {
    end_step
    printf '\n%-16s %7s  %s\n' lane seconds step
    sort -s -t "$(printf '\t')" -k1,1 "$BNN_STEPS" | awk -F '\t' '{ printf "%-16s %7d  %s\n", $1, $2, $3 }'
    printf '%-16s %7d\n' "all" "$SECONDS"
}
