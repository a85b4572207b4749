# shellcheck shell=bash
# rung.bash - bash completes rung's commands, flags, containers and values.
#
# What there is, is read out of --help and of `rung features`: so this knows no flag by itself, and is never behind.
# To try it: source step07_full_runtime/rung.bash. "make install" puts it where bash-completion finds it.

# The flags that --help lists: all, or those that take a value ("--memory SIZE").
_rung_flags() {
    "$@" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

_rung_flags_with_value() {
    "$@" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\) [A-Z].*/\1/p'
}

# _rung_values RUNG COMMAND FLAG: what its value may be. File names are bash's own affair.
_rung_values() {
    case $3 in
    --log-format) echo text json ;;
    --cgroup-manager) echo cgroupfs systemd disabled ;;
    --rootless) echo true false auto ;;
    --format) echo table json ;;
    --seccomp) echo default unconfined ;;
    --without) "$1" "$2" --help 2>/dev/null | sed -n '/^Safeguards/,$s/^  \([a-z-]*\) .*/\1/p' ;;
    --cap | --cap-add | --cap-drop) "$1" features 2>/dev/null | grep -o 'CAP_[A-Z_]*' && echo ALL ;;
    --env) compgen -e ;;
    esac
}

# Sets command and arguments (how many there are before the current word) of the command line up to there.
_rung_look_back() {
    local i word flags
    command='' arguments=0
    flags=$(_rung_flags_with_value "$1")
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == -* ]]; then
            # Its value is the next word, or comes after a "=".
            [[ ${COMP_WORDS[i + 1]-} != = ]] || ((i++))
            [[ ${COMP_WORDS[i]} != = && $'\n'$flags$'\n' != *$'\n'$word$'\n'* ]] || ((i++))
        elif [[ -z $command ]]; then
            command=$word
            flags=$(_rung_flags_with_value "$1" "$command")
        else
            ((arguments++))
        fi
    done
}

_rung() {
    local rung=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command arguments words='' flags
    [[ $current != = ]] || current=''
    [[ $previous != = ]] || previous=${COMP_WORDS[COMP_CWORD - 2]}
    _rung_look_back "$rung"
    flags=$(_rung_flags_with_value "$rung" ${command:+"$command"})
    if [[ $'\n'$flags$'\n' == *$'\n'$previous$'\n'* ]]; then
        words=$(_rung_values "$rung" "$command" "$previous")
    elif [[ $current == -* ]]; then
        words=$(_rung_flags "$rung" ${command:+"$command"})
    elif [[ -z $command || $command$arguments == help0 ]]; then
        words=$("$rung" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
    elif [[ $command == kill && $arguments == 1 ]]; then
        words=$(compgen -A signal SIG)
    elif [[ $command == @(start|state|exec|kill|delete|ps|pause|resume|update|events) && $arguments == 0 ]]; then
        words=$("$rung" list --quiet 2>/dev/null)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

# Where there is nothing to say, bash offers file names.
complete -o default -F _rung rung
