import { RehomeError } from "../../../lib/errors.js";
import { composeInitramfs } from "../initramfs/compose.js";
import { kernelsIn } from "../kernels.js";
import { NOTHING } from "../text.js";
import type { Edit, Step, StepContext } from "../types.js";

/** A kernel in /boot, for a guest whose hypervisor's host had it: see chooseKernel. */
export const kernel: Step = {
  name: "kernel",
  async check(context) {
    const { files, machine, supplies, plan } = context;
    if (machine.boot === undefined) return NOTHING;
    const found = await kernelsIn(files);
    if (found.some(({ initramfs }) => initramfs !== undefined)) return NOTHING;
    const supplied = await supplies.kernel();
    if (supplied === undefined) {
      if (found.length > 0) return NOTHING;
      throw new RehomeError("guest-unsupported", "the guest has no kernel in /boot, and none was prepared for it", {
        machine: plan.name,
        remedy: "stage it again: rehome plan then says where a kernel can come from",
      });
    }
    const { release, image, ramdisk, modules } = supplied;
    if (found.some((own) => own.release === release)) return NOTHING;
    const edits: Edit[] = [
      { kind: "write", path: `/boot/vmlinuz-${release}`, content: image, what: [`the kernel ${release} is in /boot`] },
    ];
    if (ramdisk !== undefined) {
      edits.push({
        kind: "write",
        path: `/boot/initrd.img-${release}`,
        content: ramdisk,
        what: ["with its initramfs"],
      });
    }
    if (modules !== undefined) {
      edits.unshift({ kind: "unpack", path: "/lib/modules", archive: modules, what: [`the modules of ${release}`] });
    }
    const warnings = [
      `dpkg does not know of the kernel ${release}: install one of the distribution in the guest when it runs`,
    ];
    return { edits, warnings };
  },
};

/** An initramfs of rehome's own for a guest whose kernels have none. */
export const ownInitramfs: Step = {
  name: "own initramfs",
  async check(context) {
    if (context.machine.boot === undefined) return NOTHING;
    const [newest] = await kernelsIn(context.files); // those with an initramfs come first
    if (newest === undefined || newest.initramfs !== undefined) return NOTHING;
    const { release } = newest;
    const content = await composeInitramfs(
      context.files,
      release,
      rootFormat(context),
      await context.supplies.busybox(),
    );
    const what = [`an initramfs for ${release} that mounts the root from a virtio disk`];
    return { edits: [{ kind: "write", path: `/boot/initrd.img-${release}`, content, what }], warnings: [] };
  },
};

/** @throws RehomeError guest-unsupported for a root that it takes more to mount than a driver */
function rootFormat({ mounts, plan }: StepContext): string {
  const root = mounts.get("/");
  if (root?.format !== undefined && root.path.startsWith("/dev/vd")) return root.format;
  throw new RehomeError(
    "guest-unsupported",
    "the guest's kernel has no initramfs, and its root is on no plain partition",
    {
      machine: plan.name,
      remedy: "install a kernel of the distribution with its initramfs on the source, and stage it again",
    },
  );
}
