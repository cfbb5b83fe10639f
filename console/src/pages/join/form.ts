// "Add a VM": what was typed, and what is wrong with it. The server checks again; this is so that
// nobody has to wait to be told about a typing error.
import type { JoinRequest } from '../../api/types.ts';

export type JoinForm = {
  readonly name: string;
  readonly namespace: string;
  readonly service: string;
  /** As typed: `5432`, `tcp-postgres:5432 9187`. */
  readonly ports: string;
  readonly serviceAccount: string;
  readonly network: string;
  readonly minutes: string;
  readonly address: string;
  readonly gateway: string;
};

export const EMPTY_FORM: JoinForm = {
  name: '',
  namespace: 'default',
  service: '',
  ports: '',
  serviceAccount: '',
  network: '',
  minutes: '15',
  address: '',
  gateway: '',
};

export type FormField = keyof JoinForm;

export type ParsedForm =
  | { readonly ok: true; readonly request: JoinRequest }
  | { readonly ok: false; readonly problems: Readonly<Partial<Record<FormField, string>>> };

/** RFC 1123, as Kubernetes has names. */
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const NETWORK = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PORT = /^(?:([a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?):)?(\d{1,5})$/;
const PORT_MAX = 65_535;
const MINUTES_MAX = 1_440;
const PORTS_MAX = 32;
/** Addresses and DNS names; the control plane knows better what is one. */
const PLACE = /^[A-Za-z0-9:.-]{1,253}$/;

const NAME_RULE = 'small letters, digits and hyphens, at most 63';

export function parseJoinForm(form: JoinForm): ParsedForm {
  const name = form.name.trim();
  const namespace = form.namespace.trim();
  const network = form.network.trim();
  const ports = form.ports.split(/[\s,]+/).filter((port) => port !== '');
  // As `isthmus vm token` has it: ports without a service are of one of the machine's name.
  const service = form.service.trim() || (ports.length > 0 ? name : '');
  const minutes = Number(form.minutes);
  const serviceAccount = form.serviceAccount.trim() || service.split('.')[0] || name;
  const problems: Partial<Record<FormField, string>> = {};
  if (name === '') problems.name = 'A machine needs a name.';
  else if (!SUBDOMAIN.test(name)) problems.name = `Not a name: ${NAME_RULE}.`;
  if (!LABEL.test(namespace)) problems.namespace = `Not a namespace: ${NAME_RULE}.`;
  if (service !== '' && !SUBDOMAIN.test(service)) problems.service = `Not a service: ${NAME_RULE}.`;
  const portProblem = problemOfPorts(ports, service);
  if (portProblem !== '') problems.ports = portProblem;
  if (name !== '' && !SUBDOMAIN.test(serviceAccount)) {
    problems.serviceAccount = `Not a service account: ${NAME_RULE}.`;
  }
  if (network !== '' && !NETWORK.test(network)) problems.network = 'Not the name of a network.';
  for (const place of ['address', 'gateway'] as const) {
    const text = form[place].trim();
    if (text !== '' && !PLACE.test(text)) problems[place] = 'Not an address.';
  }
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MINUTES_MAX) {
    problems.minutes = `Whole minutes, from 1 to ${MINUTES_MAX}.`;
  }
  if (Object.keys(problems).length > 0) return { ok: false, problems };
  const places = { address: form.address.trim(), gateway: form.gateway.trim() };
  const request = { name, namespace, service, ports, serviceAccount, network, ...places };
  return { ok: true, request: { ...request, ttlSeconds: minutes * 60 } };
}

/** The same invitation from a shell. Names have been checked: none needs quotation marks. */
export function tokenCommand(request: JoinRequest): string {
  const { name, namespace, service, ports, serviceAccount, network, ttlSeconds } = request;
  const words = ['isthmus vm token', name];
  for (const port of ports) words.push(port.split(':').toReversed().join(':'));
  if (service !== '' && service !== name) words.push(`--service ${service}`);
  words.push(`-n ${namespace}`);
  if (serviceAccount !== (service || name)) words.push(`--service-account ${serviceAccount}`);
  if (network !== '') words.push(`--network ${network}`);
  if (request.address) words.push(`--ip ${request.address}`);
  if (request.gateway) words.push(`--gateway ${request.gateway}`);
  if (ttlSeconds !== 900) words.push(`--token-duration ${ttlSeconds / 60}m`);
  return words.join(' ');
}

function problemOfPorts(ports: readonly string[], service: string): string {
  if (service !== '' && ports.length === 0) return 'A service needs a port, such as 5432.';
  if (ports.length > PORTS_MAX) return `At most ${PORTS_MAX} ports.`;
  const wrong = ports.find((port) => {
    const number = Number(PORT.exec(port)?.[3] ?? 0);
    return number < 1 || number > PORT_MAX;
  });
  if (wrong === undefined) return '';
  return `“${wrong}” is no port: 5432, or with a name tcp-postgres:5432.`;
}
