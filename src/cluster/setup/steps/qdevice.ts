import type { ClusterConfig } from "../../../lib/config/schema.js";
import { hostsOf } from "../members.js";
import { copyFile, serviceRuns, shell } from "./make.js";
import type { CommandStep, Step } from "./types.js";

const QNETD = "/etc/corosync/qnetd/nssdb";
const QDEVICE = "/etc/corosync/qdevice/net/nssdb";
/** Where certificates wait on their way; what is in it is of no use to anybody else, and no secret but the last. */
const STAGE = "/etc/rehome/qdevice";

/** What has no certificate of its own was never finished, and has signed nothing: it is set aside. */
const NEW_AUTHORITY = '[ ! -e "$1" ] || mv -- "$1" "$1.unfinished-$(date +%s)"; corosync-qnetd-certutil -i';

/**
 * The quorum device's certificates, as corosync-qdevice-net-certutil(8) describes it for machines that do not log in to
 * each other: the tie-breaker's authority signs a request of the first host, and the second gets the signed key.
 */
export function qdeviceSteps(cluster: ClusterConfig): readonly Step[] {
  const [first, ...others] = hostsOf(cluster).map(({ name }) => name);
  const { arbitrator, name: clusterName } = cluster;
  if (arbitrator.kind !== "qdevice" || first === undefined) return [];
  const arb = arbitrator.name;
  const signed = `${QNETD}/cluster-${clusterName}.crt`;
  const request = { machine: arb, path: `${STAGE}/${clusterName}.crq` };
  const certificate = { machine: first, path: `${STAGE}/${clusterName}.crt` };
  return [
    command(
      arb,
      shell(NEW_AUTHORITY, QNETD),
      ["test", "-s", `${QNETD}/qnetd-cacert.crt`],
      "the tie-breaker signs the hosts' certificates",
    ),
    serviceRuns(arb, "corosync-qnetd.service", [], "it gives the hosts a third vote"),
    ...[first, ...others].flatMap((host) => authority(host, arb)),
    command(
      first,
      ["corosync-qdevice-net-certutil", "-r", "-n", clusterName],
      ["test", "-s", `${QDEVICE}/qdevice-net-node.crq`],
      "the hosts ask the tie-breaker for a certificate",
    ),
    copyFile({ machine: first, path: `${QDEVICE}/qdevice-net-node.crq` }, request, "for the tie-breaker to sign"),
    command(
      arb,
      ["corosync-qnetd-certutil", "-s", "-c", request.path, "-n", clusterName],
      shell('test -s "$1" && ! test "$2" -nt "$1"', signed, request.path),
      "the tie-breaker signs the hosts' certificate",
    ),
    copyFile({ machine: arb, path: signed }, certificate, "signed by the tie-breaker"),
    command(
      first,
      ["corosync-qdevice-net-certutil", "-M", "-c", certificate.path],
      shell('test -s "$1" && ! test "$2" -nt "$1"', `${QDEVICE}/qdevice-net-node.p12`, certificate.path),
      "the host shows it to the tie-breaker",
    ),
    ...others.flatMap((host): readonly Step[] => [
      copyFile(
        { machine: first, path: `${QDEVICE}/qdevice-net-node.p12` },
        { machine: host, path: `${STAGE}/qdevice-net-node.p12` },
        "both hosts show the same certificate",
      ),
      command(
        host,
        ["corosync-qdevice-net-certutil", "-m", "-c", `${STAGE}/qdevice-net-node.p12`],
        has("Cluster Cert"),
        "both hosts show the same certificate",
      ),
    ]),
  ];
}

/** A database without the authority is what a run that was cut off leaves: it is made anew. */
function authority(host: string, arbitrator: string): readonly Step[] {
  const to = { machine: host, path: `${STAGE}/qnetd-cacert.crt` };
  const why = "the host knows its tie-breaker by it";
  return [
    copyFile({ machine: arbitrator, path: `${QNETD}/qnetd-cacert.crt` }, to, why),
    command(
      host,
      shell('rm -rf -- "$1" && corosync-qdevice-net-certutil -i -c "$2"', QDEVICE, to.path),
      has("QNet CA"),
      why,
    ),
  ];
}

function has(certificate: string): readonly string[] {
  return shell('certutil -L -d "$1" -n "$2" >/dev/null 2>&1', QDEVICE, certificate);
}

function command(machine: string, argv: readonly string[], unless: readonly string[], why: string): CommandStep {
  return { kind: "command", machine, argv, unless, why };
}
