#!/usr/bin/env bash
# The power of a virtual machine is cut while it commits: qemu is killed at a random moment, and the next
# boot, whose kernel recovers the filesystem from its journal, must find every commit that was
# acknowledged over the serial line. By hand, not in CI: it fetches a kernel and qemu.
#
#   .ci/machine.sh [CUTS]      # 5 cuts, two minutes; needs qemu-system-x86, busybox-static, cpio, kmod
set -euo pipefail
cd "$(dirname "$0")/.."

cuts=${1:-5}
for tool in qemu-system-x86_64 busybox mkfs.ext4 cpio modprobe apt-get dpkg-deb; do
    if ! command -v "$tool" >/dev/null && ! [[ -x /usr/sbin/$tool ]]; then
        echo "machine: $tool is missing; apt-get install qemu-system-x86 busybox-static e2fsprogs cpio kmod" >&2
        exit 1
    fi
done
PATH=$PATH:/usr/sbin

work=$(mktemp -d)
chmod 755 "$work" # apt fetches as a user of its own
qemu=
trap 'if [[ -n $qemu ]]; then kill -9 "$qemu" 2>/dev/null || true; fi; rm -rf "$work"' EXIT

cargo build --locked --example machine
program=$(cargo metadata --format-version 1 --no-deps --locked |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/examples/machine

# A kernel as the distribution has it, not installed here.
package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
(cd "$work" && apt-get download -qq "$package" && dpkg-deb -x ./linux-image-*.deb kernel)
modules=$(echo "$work"/kernel/lib/modules/*)
release=$(basename "$modules")
# The package has no index of what needs what.
depmod -b "$work/kernel" "$release"

root=$work/root
mkdir -p "$root"/{bin,dev,proc,disk,modules,lib64,lib/x86_64-linux-gnu}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$program" "$root/bin/machine"
strip "$root/bin/machine"
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
for wanted in virtio_pci virtio_blk ext4; do
    modprobe -d "$work/kernel" -S "$release" --show-depends "$wanted" 2>/dev/null
done | awk '/^insmod/ { print $2 }' | awk '!seen[$0]++' >"$work/insmod"
number=10
while read -r module; do
    cp "$module" "$root/modules/$number-$(basename "$module")"
    number=$((number + 1))
done <"$work/insmod"
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
for module in /modules/*; do busybox insmod "$module"; done
busybox mount -t ext4 /dev/vda /disk && /bin/machine /disk
echo "ended"
busybox poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initramfs"

truncate -s 256M "$work/disk"
mkfs.ext4 -q "$work/disk"

last() { # last WORD: the number behind the last WORD that was said
    { grep -ao "$1 [0-9]*" "$work/said" || echo 0; } | tail -n 1 | grep -o '[0-9]*$'
}

sum=0
acknowledged=0
for ((cut = 1; cut <= cuts + 1; cut++)); do
    : >"$work/said"
    qemu-system-x86_64 -accel tcg -m 256 -nographic -no-reboot -nodefaults \
        -kernel "$work"/kernel/boot/vmlinuz-* -initrd "$work/initramfs" \
        -append "console=ttyS0 quiet panic=-1" -serial "file:$work/said" \
        -drive "file=$work/disk,if=virtio,format=raw,cache=writeback" </dev/null 2>"$work/qemu" &
    qemu=$!
    disown # its end is not worth a line
    for ((waited = 0; ; waited++)); do
        if grep -aq 'found [0-9][0-9]*.$' "$work/said"; then break; fi
        if ((waited > 3000)) || ! kill -0 "$qemu" 2>/dev/null; then
            echo "machine: boot $cut: it does not say what it found:" >&2
            tail -n 20 "$work/said" >&2
            exit 1
        fi
        sleep 0.1
    done
    found=$(last found)
    if ((found < acknowledged)); then
        echo "machine: LOST after cut $((cut - 1)): $acknowledged acknowledged, $found found" >&2
        exit 1
    fi
    if ((cut <= cuts)); then
        sleep "$((RANDOM % 3)).$((RANDOM % 10))$((RANDOM % 10))"
    fi
    kill -9 "$qemu"
    while kill -0 "$qemu" 2>/dev/null; do sleep 0.05; done
    qemu=
    if grep -aq '^ended' "$work/said"; then
        echo "machine: it stopped by itself:" >&2
        tail -n 20 "$work/said" >&2
        exit 1
    fi
    # A line that the cut left half was acknowledged too; it only says less.
    acknowledged=$(last acknowledged)
    acknowledged=$((acknowledged > found ? acknowledged : found))
    if ((cut <= cuts)); then
        echo "cut $cut: found $found, then acknowledged up to $acknowledged"
        sum=$((sum + acknowledged - found))
    fi
done
echo "$cuts power cuts of a virtual machine, $sum commits acknowledged, none lost"
