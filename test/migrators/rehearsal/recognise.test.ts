import assert from "node:assert/strict";
import { plainConsole } from "../../../src/lib/console-text.js";
import { failedServices, late, recognise, saysDamaged, type Seen } from "../../../src/migrators/rehearsal/recognise.js";

function seen(changes: Partial<Seen>): Seen {
  return { console: "", screen: "", status: "running", agent: false, restarts: 0, ...changes };
}

/** As a machine writes it: with colours, carriage returns and whatever else. */
function onConsole(text: string): Seen {
  return seen({ console: plainConsole(text.replaceAll("\n", "\r\n")) });
}

const SYSTEMD = "[\x1b[0;32m  OK  \x1b[0m] ";

describe("what a starting guest's console says", () => {
  const boots: readonly [string, Seen, string][] = [
    ["a login prompt", onConsole("\nDebian GNU/Linux 12 web1 ttyS0\n\nweb1 login: "), "login prompt"],
    ["a prompt with messages after it", onConsole("web1 login: [   30.1] eth0: link up\n"), "login prompt"],
    ["a prompt on the screen only", seen({ screen: "Debian 6 web1 tty1\n\nweb1 login:" }), "login prompt"],
    [
      "systemd's target, named as of old",
      onConsole(`${SYSTEMD}Reached target \x1b[0;1;39mMulti-User System\x1b[0m.\n`),
      "systemd reached Multi-User System",
    ],
    [
      "systemd's target, with its unit",
      onConsole(`${SYSTEMD}Reached target graphical.target - Graphical Interface.\n`),
      "systemd reached Graphical Interface",
    ],
    [
      "a prompt after an error that GRUB went on from",
      onConsole("error: no suitable video mode found.\nBooting in blind mode\nweb1 login: "),
      "login prompt",
    ],
  ];
  for (const [what, given, by] of boots) {
    it(`${what}: it boots`, () => assert.deepEqual(recognise(given), { boots: true, by }));
  }

  const stuck: readonly [string, Seen, string][] = [
    [
      "GRUB's rescue prompt, on the screen alone",
      seen({
        screen: "GRUB loading.\nWelcome to GRUB!\n\nerror: no such partition.\nEntering rescue mode...\ngrub rescue>",
      }),
      "grub rescue prompt: no such partition",
    ],
    [
      "GRUB's own prompt",
      onConsole("\x1b[2J\x1b[1;1H  GNU GRUB  version 2.06\n\n   Minimal BASH-like line editing\n\n\x1b[5;1Hgrub> "),
      "grub prompt: it found no menu",
    ],
    [
      "GRUB Legacy's error",
      onConsole("GRUB Loading stage1.5.\n\n\nGRUB loading, please wait...\nError 15"),
      "grub error 15",
    ],
    [
      "no boot loader",
      seen({ screen: "Booting from Hard Disk...\n\nNo bootable device." }),
      "no boot loader on its first disk",
    ],
    [
      "a kernel without the driver of its disk",
      onConsole(
        "[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n[    2.2] CPU: 0",
      ),
      "kernel panic: VFS: Unable to mount root fs on unknown-block(0,0)",
    ],
    ["a panic that only QEMU saw", seen({ status: "guest-panicked" }), "kernel panic"],
    [
      "an initramfs that does not find its root",
      onConsole("ALERT!  UUID=1f2e-3d does not exist.  Dropping to a shell!\n\nBusyBox v1.35\n\n(initramfs) "),
      "initramfs shell: there is no UUID=1f2e-3d",
    ],
    [
      "dracut's shell",
      onConsole("Warning: /dev/vg/root does not exist\ndracut:/# "),
      "initramfs shell: there is no /dev/vg/root",
    ],
    [
      "rehome's own initramfs",
      onConsole("rehome: there is no UUID=12; this is a shell in the initramfs\n/ # "),
      "initramfs shell: there is no UUID=12",
    ],
    [
      "emergency mode, after a mount that failed",
      onConsole(
        "[\x1b[0;1;31mFAILED\x1b[0m] Failed to mount \x1b[0;1;39msrv.mount\x1b[0m - /srv.\nYou are in emergency mode. After logging in\n",
      ),
      "emergency mode: Failed to mount srv.mount - /srv",
    ],
    [
      "emergency mode without a password to enter it with",
      onConsole("Cannot open access to console, the root account is locked.\n\nPress Enter to continue.\n"),
      "emergency mode",
    ],
    [
      "systemd without a file system, before it says what comes of it",
      onConsole(
        "[\x1b[0;1;31m TIME \x1b[0m] Timed out waiting for device dev-vdb1.device\n[DEPEND] Dependency failed for boot.mount - /boot.\n[DEPEND] Dependency failed for loca\u2026l-fs.target - Local File Systems.\n",
      ),
      "emergency mode: Timed out waiting for device dev-vdb1.device",
    ],
    [
      "an initramfs that finds no init, and starts a shell instead",
      onConsole(
        "run-init: /sbin/init: No such file or directory\nTarget filesystem doesn't have requested /sbin/init.\nrun-init: /etc/init: No such file or directory\n/bin/sh: 0: can't access tty; job control turned off\n# ",
      ),
      "its root has no /sbin/init",
    ],
    ["one that switched itself off", seen({ status: "shutdown" }), "it switched itself off"],
    ["one that starts again and again", seen({ restarts: 5 }), "it restarted itself 5 times"],
    [
      "a panic after the login prompt",
      onConsole("web1 login: \n[9.1] Kernel panic - not syncing: Fatal\n"),
      "kernel panic: Fatal",
    ],
    [
      "a panic, whatever the agent did",
      seen({ console: "Kernel panic - not syncing: x\n", agent: true }),
      "kernel panic: x",
    ],
  ];
  for (const [what, given, why] of stuck) {
    it(`${what}: ${why}`, () => assert.deepEqual(recognise(given), { boots: false, why }));
  }

  for (const [what, given] of [
    ["nothing yet", seen({})],
    ["a kernel that is starting", onConsole("[    0.0] Linux version 6.1.0\n[    1.0] virtio_blk virtio1: [vda]\n")],
    ["a menu", seen({ screen: "GNU GRUB  version 2.06\n\n *Debian GNU/Linux\n  Advanced options" })],
    ["a basic target", onConsole(`${SYSTEMD}Reached target Basic System.\n`)],
    ["an agent: it is there in emergency mode as well", seen({ agent: true })],
    ["one that restarted once", seen({ restarts: 1 })],
    ["words about logins", onConsole("Starting User Login Management: it may take a while\n")],
  ] as const) {
    it(`${what}: nobody can tell`, () => assert.equal(recognise(given), undefined));
  }

  it("a guest that is late is described by what it said last, unless its agent is there", () => {
    const after = (text: string, agent = false) => late({ console: text, screen: "", agent });
    assert.deepEqual(after("error: file `/vmlinuz' not found.\nPress any key to continue...\n"), {
      boots: false,
      why: "no login prompt in time; grub says: file `/vmlinuz' not found",
    });
    assert.deepEqual(after("one\nA start job is running\n\n"), {
      boots: false,
      why: "no login prompt in time; it last said: A start job is running",
    });
    assert.deepEqual(after(""), { boots: false, why: "no login prompt in time, and nothing on its console" });
    assert.deepEqual(after("one\n", true), { boots: true, by: "guest agent" });
  });

  it("tells damage to file systems from everything else", () => {
    for (const text of [
      "/dev/vda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.",
      "[    5.0] EXT4-fs error (device vda1): ext4_lookup:1855: inode #12: comm systemd: iget: checksum invalid",
      "[    5.0] XFS (vdb1): Metadata corruption detected at xfs_agf_verify",
      "The root filesystem on /dev/vda1 requires a manual fsck",
    ]) {
      assert.equal(saysDamaged(text), true, text);
    }
    assert.equal(
      saysDamaged("EXT4-fs (vda1): mounted filesystem\nerror: no such partition.\nfsck from util-linux"),
      false,
    );
  });

  it("names what could not be started, once each", () => {
    const line = "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mnginx.service\x1b[0m - A web server.\n";
    assert.deepEqual(failedServices(plainConsole(`${line}${SYSTEMD}Started x.\n${line}`)), [
      "Failed to start nginx.service - A web server",
    ]);
  });

  it("a reason is short, and has nothing that acts on a terminal", () => {
    const verdict = recognise(onConsole(`Kernel panic - not syncing: \x1b]0;title\x07\x1b[31m${"x".repeat(5000)}\n`));
    assert.ok(verdict?.boots === false && verdict.why.length <= 160);
    assert.match(verdict.why, /^[\x20-\x7e]+$/);
  });
});
