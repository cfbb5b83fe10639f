// Who calls the control plane: proxies and agents, by their certificates.
import { parsePeerIdentity } from '#ca/peer-identity.ts';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { GrpcCall } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import type { Admission } from '#xds/server.ts';

/** What a proxy is follows from its certificate, never from what it says of itself. */
export function admit(
  { peer }: GrpcCall,
  options: { readonly trustDomain: string; readonly nowMs: number },
): Admission<WorkloadIdentity> {
  const refuse = (message: string): Admission<WorkloadIdentity> => ({
    ok: false,
    code: GrpcStatus.unauthenticated,
    message,
  });
  if (!peer) return refuse('present a client certificate of this mesh');
  const parsed = parsePeerIdentity(peer, options);
  if (!parsed.ok) return refuse(parsed.problem);
  const { namespace, serviceAccount, workload } = parsed.value;
  const id = workload ? `${workload.kind}/${namespace}/${workload.name}` : '';
  if (!workload)
    return refuse(`the certificate of ${namespace}/${serviceAccount} names no workload`);
  return { ok: true, proxy: parsed.value, id };
}
