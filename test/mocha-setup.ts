/** What root has in its PATH and a user on Debian has not: crm_simulate, sshd, debugfs and others. */
process.env["PATH"] = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
