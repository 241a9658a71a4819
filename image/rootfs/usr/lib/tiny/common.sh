# Sourced by the scripts beside it.
PATH=/usr/bin
export PATH
state=/var/lib/tiny

# One line on the console, with the seconds since the kernel started.
say() {
    read -r up _ </proc/uptime
    echo "tiny [$up] $*" >/dev/console
}
