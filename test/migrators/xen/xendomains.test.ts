import assert from "node:assert/strict";
import { parseXendomains } from "../../../src/migrators/xen/parse/xendomains.js";

const DEBIAN = "/etc/default/xendomains";
const OTHERS = "/etc/sysconfig/xendomains";

/** As Debian and Xen itself ship it, but for the comments. */
const SHIPPED = `## Type: string
XENDOMAINS_SYSRQ=""
XENDOMAINS_USLEEP=100000

# Directory to save running domains to. XENDOMAINS_AUTO=/not/this
XENDOMAINS_MIGRATE=""
XENDOMAINS_SAVE=/var/lib/xen/save
XENDOMAINS_SHUTDOWN="--halt --wait"
XENDOMAINS_RESTORE=true
XENDOMAINS_AUTO=/etc/xen/auto
XENDOMAINS_AUTO_ONLY=false
XENDOMAINS_STOP_MAXWAIT=300
`;

describe("the settings of xendomains", () => {
  const read = (text: string): ReturnType<typeof parseXendomains> => parseXendomains([{ path: DEBIAN, text }]);

  it("name the folder as they are shipped, and when there are none", () => {
    assert.deepEqual(read(SHIPPED), { folders: ["/etc/xen/auto"] });
    assert.deepEqual(parseXendomains([]), { folders: ["/etc/xen/auto"] });
    assert.deepEqual(read("XENDOMAINS_RESTORE=true\n"), { folders: ["/etc/xen/auto"] });
  });

  const named: Readonly<Record<string, string>> = {
    "XENDOMAINS_AUTO=/srv/xen/auto": "/srv/xen/auto",
    'XENDOMAINS_AUTO="/srv/xen/auto"': "/srv/xen/auto",
    "  export XENDOMAINS_AUTO='/srv/xen/auto/'  # here": "/srv/xen/auto",
    "XENDOMAINS_AUTO=/etc/xen/auto\nXENDOMAINS_AUTO=/srv/a-1.b_c\n": "/srv/a-1.b_c",
    "SAVE=$HOME/save\nSHUTDOWN=\"--wait $(date) 'x'\" # both\nXENDOMAINS_AUTO=/srv/a": "/srv/a",
  };
  for (const [text, folder] of Object.entries(named)) {
    it(`name another folder: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(read(text), { folders: [folder] });
    });
  }

  it("may say that nothing is started", () => {
    assert.deepEqual(read('XENDOMAINS_AUTO=""\n'), { folders: [] });
    assert.deepEqual(read("XENDOMAINS_AUTO=\n"), { folders: [] });
  });

  it("count in both places that scripts look for them, each once", () => {
    const files = [
      { path: DEBIAN, text: "XENDOMAINS_AUTO=/srv/auto\n" },
      { path: OTHERS, text: SHIPPED },
    ];
    assert.deepEqual(parseXendomains(files), { folders: ["/srv/auto", "/etc/xen/auto"] });
    assert.deepEqual(parseXendomains([...files, ...files]), { folders: ["/srv/auto", "/etc/xen/auto"] });
  });

  const unclear = [
    "XENDOMAINS_AUTO=$BASE/auto",
    'XENDOMAINS_AUTO="${BASE}/auto"',
    'XENDOMAINS_AUTO="$(cat /etc/where)"',
    "XENDOMAINS_AUTO=`cat /etc/where`",
    "XENDOMAINS_AUTO=/srv/xen/*",
    'XENDOMAINS_AUTO="/srv/one /srv/two"',
    "XENDOMAINS_AUTO=auto",
    "XENDOMAINS_AUTO=/srv/a\\ b",
    "XENDOMAINS_AUTO=/srv/'a'",
    "XENDOMAINS_AUTO=/srv/auto; XENDOMAINS_AUTO=/srv/other",
    "XENDOMAINS_AUTO=/srv/auto true",
    "XENDOMAINS_AUTO=/srv/auto\r",
    "XENDOMAINS_AUTO+=/more",
    "SAVE=${XENDOMAINS_AUTO:=/srv/auto}",
    'SAVE="${XENDOMAINS_AUTO:=/srv/auto}"',
    ": ${XENDOMAINS_AUTO:=/srv/auto}",
    ". /etc/xen/site.conf",
    "if [ -d /srv/auto ]; then",
    'SAVE="two',
  ];
  for (const line of unclear) {
    it(`are not guessed at: ${JSON.stringify(line)}`, () => {
      const { folders, unclear: found } = read(`${SHIPPED}\n${line}\nXENDOMAINS_AUTO=/srv/last\n`);
      const number = SHIPPED.split("\n").length + 1;
      assert.deepEqual(found, { path: DEBIAN, line: number, text: line.trim() });
      assert.deepEqual(folders, ["/etc/xen/auto"]);
    });
  }

  it("are not understood as a whole when one of two files is not", () => {
    const files = [
      { path: DEBIAN, text: SHIPPED },
      { path: OTHERS, text: "source /etc/xen/site.conf\n" },
    ];
    assert.equal(parseXendomains(files).unclear?.path, OTHERS);
  });
});
