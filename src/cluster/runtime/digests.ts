import { parameterDigest } from "../cib/digest.js";
import type { OperationDigests } from "../cib/record.js";
import type { AgentMetadata } from "./agents/metadata.js";
import type { Operation } from "./types.js";

/**
 * What is recorded of the parameters an operation was run with, so that a change of them is seen: of all of them and,
 * of a recurring one, the timeout; of those whose change calls for a restart; of those that are no secret. Recurring
 * operations are run anew in any case, so that nothing is said of them about restarts.
 */
export function operationDigests(
  operation: Pick<Operation, "params" | "intervalMs" | "timeoutMs">,
  metadata: AgentMetadata,
): OperationDigests {
  const { intervalMs, timeoutMs } = operation;
  const params = Object.entries(operation.params);
  const timeout: [string, string][] = intervalMs > 0 ? [["CRM_meta_timeout", `${timeoutMs}`]] : [];
  const { reload, restartParameters, privateParameters } = metadata;
  const isRestart = ([name]: [string, string]): boolean => restartParameters.includes(name);
  const isPublic = ([name]: [string, string]): boolean => !privateParameters.includes(name);
  return {
    all: parameterDigest([...params, ...timeout]),
    ...(reload !== undefined &&
      intervalMs === 0 && {
        restart: { digest: parameterDigest(params.filter(isRestart)), parameters: restartParameters },
      }),
    ...(privateParameters.length > 0 && {
      secure: { digest: parameterDigest(params.filter(isPublic)), parameters: privateParameters },
    }),
  };
}
