import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { RehomeError } from "../../../../src/lib/errors.js";
import { formatAddress, parseAddress } from "../../../../src/lib/host/ssh/address.js";

describe("the address of a machine", () => {
  const me = userInfo().username;
  const good: Readonly<Record<string, readonly [string, string, number]>> = {
    "root@web1": ["root", "web1", 22],
    "root@web1:2222": ["root", "web1", 2222],
    "web1.example.org": [me, "web1.example.org", 22],
    "192.0.2.10:22": [me, "192.0.2.10", 22],
    "root@[2001:db8::1]": ["root", "2001:db8::1", 22],
    "root@[2001:db8::1]:2222": ["root", "2001:db8::1", 2222],
    "root@2001:db8::1": ["root", "2001:db8::1", 22],
  };
  for (const [text, [user, host, port]] of Object.entries(good)) {
    it(`reads ${text}`, () => {
      const address = parseAddress(text);
      assert.deepEqual(address, { user, host, port });
      assert.deepEqual(parseAddress(formatAddress(address)), address);
    });
  }

  const bad = [
    "",
    "root@",
    "@web1",
    "root@web1:",
    "root@web1:0",
    "root@web1:65536",
    "root@web1:ssh",
    "-oProxyCommand=x",
  ];
  for (const text of [...bad, "root@-x", "root@web1;reboot", "ro ot@web1", "root@[web1", "root@[]:22", "a:b@web1"]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseAddress(text),
        (error) => error instanceof RehomeError && error.code === "usage" && error.remedy !== undefined,
      );
    });
  }
});
