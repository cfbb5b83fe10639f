// Reads what Envoy's admin interface says of its state: certificates, listeners, clusters. Pure.

export type ServedCertificate = {
  readonly serialNumber: string;
  /** The SPIFFE ID. */
  readonly uri: string;
};

/** `/certs`: the workload's own certificates, not the roots. */
export function parseCertificates(json: string): ServedCertificate[] {
  const certificates = listAt(JSON.parse(json), 'certificates');
  const own = certificates.flatMap((certificate) => listAt(certificate, 'cert_chain'));
  const found = own.flatMap((certificate) => {
    const uris = listAt(certificate, 'subject_alt_names').map((name) => textAt(name, 'uri'));
    const uri = uris.find((text) => text !== '');
    return uri === undefined ? [] : [{ serialNumber: textAt(certificate, 'serial_number'), uri }];
  });
  const bySerial = new Map(found.map((certificate) => [certificate.serialNumber, certificate]));
  return [...bySerial.values()];
}

/** `/config_dump?resource=dynamic_listeners`: names of the filter chains in force, by listener. */
export function parseFilterChains(json: string): ReadonlyMap<string, readonly string[]> {
  const listeners = listAt(JSON.parse(json), 'configs');
  return new Map(
    listeners.map((listener) => {
      const active = fieldAt(fieldAt(listener, 'active_state'), 'listener');
      const chains = listAt(active, 'filter_chains').map((chain) => textAt(chain, 'name'));
      return [textAt(listener, 'name'), chains];
    }),
  );
}

/**
 * `/config_dump?resource=dynamic_active_clusters`: for each cluster in force (none that is still
 * warming), whether it is able to speak TLS.
 */
export function parseClusterTls(json: string): ReadonlyMap<string, boolean> {
  const clusters = listAt(JSON.parse(json), 'configs').map((config) => fieldAt(config, 'cluster'));
  return new Map(
    clusters.map((cluster) => [
      textAt(cluster, 'name'),
      JSON.stringify(cluster).includes('UpstreamTlsContext'),
    ]),
  );
}

/** `/server_info`: how long Envoy lets sessions drain, in milliseconds. */
export function parseDrainMs(json: string): number {
  const options = fieldAt(JSON.parse(json), 'command_line_options');
  return Number.parseFloat(textAt(options, 'drain_time')) * 1000;
}

/** `/stats`: one counter or gauge; 0 when it is not there. */
export function parseStat(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}: `));
  return line === undefined ? 0 : Number(line.slice(name.length + 2));
}

function fieldAt(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function listAt(value: unknown, name: string): readonly unknown[] {
  const list = fieldAt(value, name);
  return Array.isArray(list) ? list : [];
}

function textAt(value: unknown, name: string): string {
  const text = fieldAt(value, name);
  return typeof text === 'string' ? text : '';
}
