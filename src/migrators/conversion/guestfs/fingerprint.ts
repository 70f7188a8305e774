/** No longer than that is spent on it, in seconds: a tree without end must not hold a cutover up. */
const LIMIT_S = 120;
export const FINGERPRINT_TIMEOUT_MS = 300_000;

const LIST = "/tmp/rehome-fingerprint";

/** LVM's notes of its own changes, new with each snapshot that rehome makes on a server; an initramfs has none of them. */
const NOTES = ["etc/lvm/archive", "etc/lvm/backup"].map((path) => `-path ${path} -prune -o`).join(" ");

/**
 * For the appliance's shell, where the guest is below /sysroot: one digest over the guest's configuration (every file
 * below /etc by its content) and over its programs and drivers (every file below /usr, /lib and so on by name, size, inode and the
 * time of its last change, which nothing but a clock that is set back can forge). It fails rather than leave something out. guestfish takes it word by word, so
 * nothing in it may need quotes.
 */
export const FINGERPRINT_SCRIPT = [
  "set -e",
  "cd /sysroot",
  "for folder in etc usr; do if [ -L $folder ] || [ ! -d $folder ]; then exit 1; fi; done",
  "set -- usr",
  "for folder in lib lib32 lib64 libx32 bin sbin; do if [ -e $folder ]; then set -- $@ $folder; fi; done",
  `timeout ${LIMIT_S} find $@ ! -type d -exec stat -c %N:%s:%z:%i:%f {} + >${LIST}`,
  `timeout ${LIMIT_S} find etc ${NOTES} -type f -exec sha256sum {} + >>${LIST}`,
  `timeout ${LIMIT_S} find etc ${NOTES} ! -type f -exec stat -c %N:%f {} + >>${LIST}`,
  `LC_ALL=C sort -o ${LIST} ${LIST}`,
  `sha256sum ${LIST}`,
].join("; ");

/** The digest out of what the script printed. */
export function parseFingerprint(output: string): string | undefined {
  return /^([0-9a-f]{64}) /.exec(output)?.[1];
}
