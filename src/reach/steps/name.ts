// Step 1: what does the client's resolver make of the name?
import type { Mesh } from '#model/mesh.ts';
import { isVisibleIn } from '#model/service.ts';
import type { MeshService } from '#model/service.ts';
import { buildHostAddresses, isAnswerable } from '#resolve/host-addresses.ts';
import { canonicalIp } from '#base/ip.ts';
import { clusterDomain, shortHost } from '../hosts.ts';
import { failed, fix, objectOf, passed, unknown } from '../step.ts';
import type { Finding } from '../step.ts';
import { nearest } from '../suggest.ts';
import type { Walk } from '../walk.ts';

export function nameStep(walk: Walk): Finding {
  const { question, evidence } = walk;
  const { name, target } = question;
  if (target.kind === 'address' || canonicalIp(name) !== undefined) {
    return passed('configured', `${name} is an address: there is no name to look up`);
  }
  if (target.kind === 'hidden') return hidden(walk, target.service);
  const { dns } = evidence.answers;
  if (dns) return answered(walk, dns);
  return target.kind === 'service' ? predicted(walk, target.service) : notKnown(walk);
}

function answered(
  walk: Walk,
  dns: { readonly addresses: readonly string[]; readonly problem: string },
): Finding {
  const { question, service } = walk;
  if (dns.problem !== '' || dns.addresses.length === 0) {
    const why = dns.problem || 'no address';
    if (service === undefined) return misspelt(walk, 'probed', `the resolver answers ${why}`);
    const evidence = [`the mesh has ${service.host}`];
    const whom = question.from.name;
    const summary = `${question.name} is a service, but ${whom} resolves it to ${why}`;
    const mend = fix('let the agent answer for the mesh on that machine', {
      command: `isthmus join-status ${question.from.name}`,
    });
    return failed('probed', summary, { evidence, object: objectOf(service), fix: mend });
  }
  const addresses = dns.addresses.join(', ');
  const known = service ? expected(walk, service) : [];
  const isForeign = known.length > 0 && !dns.addresses.some((address) => known.includes(address));
  const evidence = isForeign ? [`the mesh would answer ${known.join(', ')}`] : [];
  const whose = isForeign || service === undefined ? 'another resolver' : 'mesh DNS';
  return passed('probed', `${question.name} → ${addresses} (${whose})`, { evidence });
}

function predicted({ question, mesh }: Walk, service: MeshService): Finding {
  const object = objectOf(service);
  if (!isAnswerable(service)) {
    const summary = `${question.name} has no address of its own: only DNS knows where it is`;
    return unknown('configured', summary, { object });
  }
  const addresses = addressesOf(mesh, service);
  if (addresses.length === 0) {
    const summary = `${question.name} has no address: no endpoint is ready`;
    return failed('configured', summary, { object });
  }
  return passed('configured', `${question.name} → ${addresses.join(', ')} (mesh DNS)`, { object });
}

const addressesOf = (mesh: Mesh, service: MeshService): readonly string[] =>
  buildHostAddresses(service, mesh.endpoints.get(service.key)).addresses ?? [];

const expected = ({ mesh }: Walk, service: MeshService): readonly string[] =>
  isAnswerable(service) ? addressesOf(mesh, service) : [];

function hidden({ question }: Walk, service: MeshService): Finding {
  const { namespace } = question.from;
  const { exportTo } = service;
  const whom = exportTo === 'all' || exportTo.length === 0 ? 'nobody' : exportTo.join(', ');
  const summary = `${service.host} is exported to ${whom}, and not to ${namespace}`;
  const mend = fix(`add ${namespace} to its exportTo`);
  return failed('configured', summary, { object: objectOf(service), fix: mend });
}

/** Of a name that nothing in the mesh has: a wrong one, or one of the world outside. */
function notKnown(walk: Walk): Finding {
  const { question, mesh } = walk;
  const name = question.name.replace(/\.$/, '');
  const isOfCluster = !name.includes('.') || name.endsWith(`.${clusterDomain(mesh)}`);
  if (isOfCluster || suggestion(walk) !== undefined) {
    return misspelt(walk, 'configured', `the mesh has no service ${name}`);
  }
  return unknown('configured', `${name} is no service of the mesh; only its resolver can tell`);
}

function misspelt(walk: Walk, source: Finding['source'], problem: string): Finding {
  const near = suggestion(walk);
  if (near === undefined) return failed(source, `${walk.question.name}: ${problem}`);
  return failed(source, `${walk.question.name}: ${problem}; did you mean ${near}?`, {
    fix: fix(`dial ${near} instead`),
  });
}

function suggestion({ mesh, question }: Walk): string | undefined {
  const { namespace } = question.from;
  const hosts = [...mesh.services.entries()]
    .map(([, service]) => service)
    .filter((service) => isVisibleIn(service, namespace))
    .map(({ host }) => host);
  const name = question.name.toLowerCase();
  const forms = hosts.flatMap((host) => {
    const short = shortHost(mesh, host, namespace);
    const inFull = shortHost(mesh, host, '');
    return [...new Set([short, inFull, host])];
  });
  return nearest(name, forms);
}
