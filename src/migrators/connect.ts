import { connectSsh, parseAddress } from "../lib/host/ssh/index.js";
import type { Connect } from "./session.js";

/**
 * Logs in to a source as rehome.yaml says.
 * @throws RehomeError usage, host-unreachable, host-key-unknown, host-key-changed, auth-failed, sudo-failed
 */
export const connectSource: Connect = (name, source, { acceptNewHostKey, signal }) => {
  const { address, identity, passwordFile, sudo, knownHosts, legacyCiphers } = source;
  return connectSsh(
    { ...parseAddress(address), identity, passwordFile, sudo, knownHosts, legacyCiphers },
    { name, acceptNewHostKey, ...(signal && { signal }) },
  );
};
