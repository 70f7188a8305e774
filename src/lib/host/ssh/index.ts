export { formatAddress, parseAddress } from "./address.js";
export { connectSsh } from "./connect.js";
export type { SshAddress, SshOptions, SshTarget } from "./types.js";
