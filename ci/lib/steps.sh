# shellcheck shell=bash Steps of a check, each with a name, the seconds that it took, and those that
# it kept a CPU busy, which depend less on what else runs on the machine. To be sourced, by bash.
# BNN_STEPS is the file that they are noted in; a script that another one starts adds to the same
# file.

export BNN_STEPS="${BNN_STEPS:-$(mktemp)}"
step_name='' step_lane=${BNN_LANE:-host} step_begun=$SECONDS step_cpu=0

# cpu_seconds: how long this script's children that have ended, and theirs, kept CPUs busy.
cpu_seconds() {
    local fields
    read -r -a fields </proc/$$/stat
    echo $(((fields[15] + fields[16]) / $(getconf CLK_TCK)))
}

# end_step: notes the step that is under way.
end_step() {
    [ -z "$step_name" ] || printf '%s\t%d\t%d\t%s\n' "$step_lane" $((SECONDS - step_begun)) \
        $(($(cpu_seconds) - step_cpu)) "$step_name" >>"$BNN_STEPS"
    step_name=''
}

# step NAME: ends the step before it and begins another.
step() {
    end_step
    step_name=$* step_begun=$SECONDS step_cpu=$(cpu_seconds)
    printf '\n== %s\n' "$*"
}

# table_of_steps: what each took, lane by lane.
table_of_steps() {
    end_step
    printf '\n%-16s %7s %7s  %s\n' lane seconds CPU step
    sort -s -t "$(printf '\t')" -k1,1 "$BNN_STEPS" | awk -F '\t' '{ printf "%-16s %7d %7d  %s\n", $1, $2, $3, $4 }'
    printf '%-16s %7d %7d\n' "all" "$SECONDS" "$(cpu_seconds)"
}
