# Finds the config drive: a file system labelled config-2, ISO 9660 or FAT, on
# a virtio disk, or (when $config_drive_drivers is "all") on a CD-ROM.

# label_of DEVICE: the volume label, without opening it as a file system. ISO
# 9660 has it at 32808, FAT16 at 43, FAT32 at 71.
label_matches() {
    for offset in 32808 43 71; do
        case $(dd if="$1" bs=1 skip=$offset count=8 2>/dev/null) in
        config-2 | CONFIG-2) return 0 ;;
        esac
    done
    return 1
}

config_drive_find() {
    if [ "$config_drive_drivers" = all ]; then
        modprobe -a ata_piix virtio_scsi sr_mod sd_mod 2>/dev/null
        usleep 300000
    fi
    for path in /sys/class/block/vd[b-z] /sys/class/block/sr[0-9] /sys/class/block/sd[a-z]; do
        [ -e "$path" ] || continue
        if label_matches "/dev/${path##*/}"; then
            mkdir -p /dev/disk/by-label
            ln -sf "/dev/${path##*/}" /dev/disk/by-label/config-2
            echo "/dev/${path##*/}"
            return 0
        fi
    done
    return 1
}

# Prints where it was mounted.
config_drive_mount() {
    device=$(config_drive_find) || return 1
    modprobe -a isofs vfat nls_cp437 nls_ascii 2>/dev/null
    mkdir -p /run/tiny/config-drive
    mount -t iso9660 -o ro "$device" /run/tiny/config-drive 2>/dev/null ||
        mount -t vfat -o ro "$device" /run/tiny/config-drive 2>/dev/null || return 1
    echo /run/tiny/config-drive
}
