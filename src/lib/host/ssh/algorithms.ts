import type { Algorithms, ServerHostKeyAlgorithm } from "ssh2";

const HOST_KEYS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};
const LEGACY_HOST_KEYS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-rsa": ["ssh-rsa"],
  "ssh-dss": ["ssh-dss"],
};

/**
 * What is offered to the server, best first. Types of keys that are known for it come before the others, so that a
 * known ed25519 key is used even if the server would rather show another. aes128-gcm is the fastest by far.
 * @param legacy adds, at the end, what OpenSSH 4 to 6 need: SHA-1 key exchanges and signatures, CBC ciphers
 */
export function algorithms(known: ReadonlySet<string>, legacy: boolean): Algorithms {
  const all = [...Object.entries(HOST_KEYS), ...(legacy ? Object.entries(LEGACY_HOST_KEYS) : [])];
  const ordered = [...all.filter(([type]) => known.has(type)), ...all.filter(([type]) => !known.has(type))];
  return {
    serverHostKey: ordered.flatMap(([, names]) => names),
    cipher: [
      "aes128-gcm@openssh.com",
      "aes256-gcm@openssh.com",
      "aes128-ctr",
      "aes192-ctr",
      "aes256-ctr",
      "chacha20-poly1305@openssh.com",
      ...(legacy ? (["aes128-cbc", "aes256-cbc", "3des-cbc"] as const) : []),
    ],
    ...(legacy && {
      kex: {
        append: ["diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"],
        prepend: [],
        remove: [],
      },
      hmac: { append: ["hmac-md5"], prepend: [], remove: [] },
    }),
  };
}
