/** Where a machine is, as `user@host[:port]` says it. */
export interface SshAddress {
  readonly user: string;
  /** Name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A machine to log in to. */
export interface SshTarget extends SshAddress {
  /** Private key file. Without it the password, the agent and the usual keys in ~/.ssh are tried, in this order. */
  readonly identity?: string | undefined;
  /** File whose first line is the password, for the login and for sudo; nobody else may be able to read it. */
  readonly passwordFile?: string | undefined;
  /** Become root with sudo for every program that is run and every file that is touched. */
  readonly sudo?: boolean | undefined;
  /** known_hosts file; without it ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. */
  readonly knownHosts?: string | undefined;
  /** Offer the SHA-1 key exchanges, CBC ciphers and DSA host keys of CentOS 5/6 and Debian 6. */
  readonly legacyCiphers?: boolean | undefined;
}

export interface SshOptions {
  /** How messages name the machine; `user@host:port` without it. */
  readonly name?: string;
  /** Writes an unknown host key to known_hosts instead of refusing it. A changed key is always refused. */
  readonly acceptNewHostKey?: boolean;
  /** For the TCP connection, and again for the login; 15 s without it. */
  readonly connectTimeoutMs?: number;
  /** For the TCP connection alone; as long as `connectTimeoutMs` without it. */
  readonly dialTimeoutMs?: number;
  /** Four of these without a sign of life are a lost connection; 4 s without it. */
  readonly keepaliveMs?: number;
  readonly signal?: AbortSignal;
  /** Where SSH_AUTH_SOCK and HOME are looked up; the process's environment without it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}
