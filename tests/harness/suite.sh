# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# suite.sh - packages of a suite that is not this machine's, by apt with a state of its own: the machine's
# lists stay as they are. Sourced by tests/kernels/fetch and tests/libraries/fetch, which set
#   state         a folder for it
#   ubuntu_keys   the keys that Ubuntu's suites are signed with; unset or empty: the suites are Debian's
# and define die(), which says why and ends.

# mirror LABEL -> the machine's mirror for it
mirror() {
	# shellcheck disable=SC2016 # apt's own placeholders
	apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' -v label="$1" '$1 == label && !seen++ { print $2 }'
}

own_apt() {
	local tool=$1
	shift
	"$tool" -qq -o "Dir::Etc::sourcelist=$state/sources.list" -o "Dir::Etc::sourceparts=$state/none" \
		-o "Dir::Etc::preferences=/dev/null" -o "Dir::Etc::preferencesparts=$state/none" \
		-o "Dir::State::Lists=$state/lists" -o Dir::State::status=/dev/null -o "Dir::Cache=$state/cache" \
		-o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}

# source_line SUITE -> its line of sources.list: Debian's by the machine's mirrors, Ubuntu's by its own
source_line() {
	local label=Debian url keys=/usr/share/keyrings/debian-archive-keyring.gpg components=main
	case $1 in
	*-security) label=Debian-Security ;;
	esac
	url=$(mirror "$label")
	if [ -n "${ubuntu_keys-}" ]; then
		url=${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu} keys=$ubuntu_keys components='main universe'
	fi
	[ -n "$url" ] || die "apt knows no $label mirror; run apt-get update first"
	echo "deb [signed-by=$keys arch=amd64] $url $1 $components"
}

# refresh SUITE...: its lists, at most twelve hours old
refresh() {
	local stamp=$state/refreshed suite
	if [ -n "$(find "$stamp" -mmin -720 2>/dev/null)" ]; then return; fi
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/none"
	for suite in "$@"; do source_line "$suite"; done >"$state/sources.list"
	own_apt apt-get update >&2 || die "apt-get update failed"
	touch "$stamp"
}
