/** The device-mapper name that LVM gives a volume's device: a hyphen in a name is doubled. */
export function dmNameOf(group: string, volume: string): string {
  return `${group.replaceAll("-", "--")}-${volume.replaceAll("-", "--")}`;
}
