// ServiceEntries of one host and port that say different protocols: the oldest is believed.
import { numberAt, objectsAt, textAt, textsAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { exportScopes } from '../hosts.ts';
import { message, messageType } from '../message.ts';
import { at, fullName, SERVICE_ENTRY } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { goQuote, specOf } from '../selectors.ts';

const conflictingProtocols = messageType({
  code: 'IST0177',
  name: 'ConflictingServiceEntryProtocol',
  level: 'Warning',
  says: (names: string, host: string, port: number, protocols: string) =>
    `Multiple ServiceEntries (${names}) define the same host ${goQuote(host)} and port ` +
    `${port} with conflicting protocols (${protocols}).`,
});

type Claim = {
  readonly entry: Resource;
  readonly scope: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: string;
};

const EVERYBODY = '*';

export const serviceEntryProtocols: Analyzer = {
  name: 'serviceentry.ConflictingServiceEntryProtocolAnalyzer',
  description:
    'Checks if multiple ServiceEntries define the same host and port with different protocols',
  finds: [conflictingProtocols],
  *run(snapshot) {
    const claims = snapshot.of(SERVICE_ENTRY).flatMap(claimsOf);
    const reported = new Set<Resource>();
    for (const [, atPort] of Map.groupBy(claims, ({ host, port }) => `${host}:${port}`)) {
      for (const scope of new Set(atPort.map((claim) => claim.scope))) {
        const seen = atPort.filter((it) => it.scope === scope || it.scope === EVERYBODY);
        const protocols = [...new Set(seen.map(({ protocol }) => protocol))].toSorted();
        if (protocols.length < 2) continue;
        const names = [...new Set(seen.map(({ entry }) => fullName(entry)))].toSorted().join(', ');
        for (const { entry, host, port } of seen) {
          if (reported.has(entry)) continue;
          reported.add(entry);
          const place = at(entry, 'metadata', 'name');
          yield message(conflictingProtocols, place, names, host, port, protocols.join(', '));
        }
      }
    }
  },
};

function claimsOf(entry: Resource): readonly Claim[] {
  const spec = specOf(entry);
  const ports = objectsAt(spec, 'ports').map((port) => ({
    port: numberAt(port, 'number') ?? 0,
    protocol: textAt(port, 'protocol').toUpperCase(),
  }));
  return [...exportScopes(textsAt(spec, 'exportTo'), entry.namespace)].flatMap((scope) =>
    textsAt(spec, 'hosts').flatMap((host) => ports.map((it) => ({ entry, scope, host, ...it }))),
  );
}
