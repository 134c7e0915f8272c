# Sourced by ./check, ./quickstart and ./bench: installs the packages of tests/packages.txt (or of
# other such lists) that are missing, and configures build directories. Works from the top of the
# tree; never asks anything.

# packages_missing LIST...
packages_missing() {
	sed 's/#.*//' "$@" | tr -s ' \t\n' '\n' | while read -r package; do
		[ -n "$package" ] || continue
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' ||
			echo "$package"
	done
}

# packages_install LIST...
packages_install() {
	if ! command -v dpkg-query >/dev/null; then
		echo "This is not Debian: install what $* names yourself; going on." >&2
		return 0
	fi
	missing=$(packages_missing "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "Packages are missing and only root may install them. Run:" >&2
		echo "  sudo apt-get install --no-install-recommends $missing" >&2
		return 1
	fi
	echo "Installing packages: $missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q </dev/null
	# shellcheck disable=SC2086 # one argument per package
	apt-get install -q -y --no-install-recommends $missing </dev/null
}

# build_directory DIR [MESON-OPTION...]: configures DIR as the options say, and builds it.
build_directory() {
	directory=$1
	shift
	if [ ! -f "$directory/build.ninja" ]; then
		meson setup "$directory" "$@"
	elif [ $# -gt 0 ]; then
		meson configure "$directory" "$@"
	fi
	ninja -C "$directory"
}
