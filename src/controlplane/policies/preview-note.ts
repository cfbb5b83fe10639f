// What a preview of a kind does not judge: said beside it, so that silence is not taken for safety.

const NOTES: Readonly<Record<string, string>> = {
  AuthorizationPolicy: '',
  PeerAuthentication: '',
  MeshPolicy: '',
  Policy: '',
  RequestAuthentication:
    'Tokens are not recorded: whether one would be believed cannot be told, only that it is asked.',
  DestinationRule:
    'Judged are TLS and which endpoints there are; limits, balancing and outlier detection are not.',
  VirtualService:
    'Judged is where calls are led; timeouts, retries, faults and changed headers are not, nor what ' +
    'a gateway routes; and which of several routes a request takes is not recorded.',
  Sidecar:
    'Judged is whom the workloads still reach; the ports that they listen on (ingress) are not.',
  Telemetry:
    'A Telemetry decides what is logged, traced and counted, and never who may connect: nobody ' +
    'will be refused by it, and no connection is judged.',
};

/** Empty: all that the kind decides is judged. */
export const previewNote = (kind: string): string => NOTES[kind] ?? '';
