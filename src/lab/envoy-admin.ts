// Reads what Envoy's admin interface, and its agent's, say of its state. Pure.

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

/** The agent's `/debug/status`: the process number of the Envoy that it looks after; 0 for none. */
export function parseEnvoyPid(json: string): number {
  const pid = fieldAt(fieldAt(JSON.parse(json), 'envoy'), 'pid');
  return typeof pid === 'number' ? pid : 0;
}

/** `/stats`: how many listeners and filter chains have been replaced and are being drained. */
export function parseDraining(stats: string): number {
  const draining = /^listener_manager\.total_(?:listeners|filter_chains)_draining: (\d+)$/gm;
  return [...stats.matchAll(draining)].reduce((sum, [, count]) => sum + Number(count), 0);
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
