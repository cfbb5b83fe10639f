// isthmusd's settings: flags and environment in, checked values out. Pure.
import { OperatorError } from '#base/operator-error.ts';
import { parseHostPort, readFlags, usageError, type HostPort } from '#base/flags.ts';
import type { ActingRules } from './acting.ts';
import { UNDO_SECONDS } from './policies/keeper.ts';

export type ControlPlaneConfig = {
  /** How to reach the Kubernetes API. */
  readonly kubeconfigPath: string;
  /** Run the embedded API server in this process, with its data here. */
  readonly apiServerDataDir: string | undefined;
  /** What must outlive the process: joins, history. Made when it is needed. */
  readonly stateDir: string;
  /** xDS and certificates, TLS only. */
  readonly listen: HostPort;
  /** Health, metrics and debug; plain HTTP, so loopback unless said otherwise. */
  readonly monitoring: HostPort;
  /** The console and its API: plain HTTP on loopback, TLS anywhere else. */
  readonly console: HostPort;
  /** `off`: plain HTTP anywhere, for whoever puts TLS before it. */
  readonly consoleTls: 'auto' | 'off';
  /** Origins of pages that may show the console in a frame; empty: none may. */
  readonly consoleEmbed: readonly string[];
  /** What is applied from the console undoes itself after so long, unless it is confirmed. */
  readonly undoSeconds: number;
  /** In whose name the console writes. */
  readonly acting: ActingRules;
  /** Injection and validation, for the API server; TLS only. */
  readonly webhooks: HostPort;
  /** Where the API server reaches the webhooks; undefined: at the Service `istiod`. */
  readonly webhookUrl: string | undefined;
  /** Image of the sidecar that is injected. */
  readonly proxyImage: string;
  /** Further names and addresses that agents may know this control plane by. */
  readonly tlsNames: readonly string[];
  /** The Service range of the cluster: traffic to it is captured. */
  readonly serviceCidr: string;
};

export const CONTROL_PLANE_USAGE = `isthmus isthmusd --kubeconfig FILE | --apiserver-data-dir DIR [options]

  --kubeconfig FILE          the Kubernetes API to work with (or $KUBECONFIG)
  --apiserver-data-dir DIR   run the embedded API server too, with its data in DIR
  --state-dir DIR            joins and history, default DIR/isthmusd of --apiserver-data-dir, else
                             ./isthmusd-state
  --listen HOST:PORT         xDS and certificates, default 0.0.0.0:15012
  --monitoring HOST:PORT     health, metrics and debug, default 127.0.0.1:15014
  --console HOST:PORT        the console and its API, default 127.0.0.1:8080; TLS if not loopback
  --console-tls auto|off     off: plain HTTP also there, behind something that ends TLS
  --console-embed ORIGIN     pages of that origin may show the console in a frame (repeatable);
                             default none
  --undo-seconds SECONDS     an applied policy that nobody confirms is undone after, default 120
  --impersonate-group NAME   what is written for a user of the console is written with this group of
                             theirs (repeatable); default all but Kubernetes' own
  --webhooks HOST:PORT       injection and validation, default 0.0.0.0:15017
  --webhook-url URL          where the API server reaches --webhooks; default the Service istiod,
                             with the embedded API server this process
  --proxy-image IMAGE        the sidecar's image, default isthmus.dev/proxy:dev
  --tls-san NAME             further name or address in the server's certificate (repeatable)
  --service-cidr CIDR        the cluster's Service range, default 10.96.0.0/16`;

/** Of a control plane for a cluster that is there: where it was started. */
const STATE_DIR = './isthmusd-state';

/** @throws OperatorError USAGE or CONFIG_INVALID */
export function parseControlPlaneConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ControlPlaneConfig {
  const { values } = readFlags(argv, {
    usage: CONTROL_PLANE_USAGE,
    options: {
      kubeconfig: { type: 'string' },
      'apiserver-data-dir': { type: 'string' },
      'state-dir': { type: 'string' },
      listen: { type: 'string', default: '0.0.0.0:15012' },
      monitoring: { type: 'string', default: '127.0.0.1:15014' },
      console: { type: 'string', default: '127.0.0.1:8080' },
      'console-tls': { type: 'string', default: 'auto' },
      'console-embed': { type: 'string', multiple: true, default: [] },
      'undo-seconds': { type: 'string', default: String(UNDO_SECONDS.usual) },
      'impersonate-group': { type: 'string', multiple: true },
      webhooks: { type: 'string', default: '0.0.0.0:15017' },
      'webhook-url': { type: 'string' },
      'proxy-image': { type: 'string', default: 'isthmus.dev/proxy:dev' },
      'tls-san': { type: 'string', multiple: true, default: [] },
      'service-cidr': { type: 'string', default: '10.96.0.0/16' },
    },
  });
  const apiServerDataDir = values['apiserver-data-dir'];
  const embedded = apiServerDataDir && `${apiServerDataDir}/isthmusd.kubeconfig`;
  const kubeconfigPath = values.kubeconfig ?? embedded ?? env['KUBECONFIG'];
  if (!kubeconfigPath) {
    throw usageError('--kubeconfig and --apiserver-data-dir are both missing', CONTROL_PLANE_USAGE);
  }
  return {
    kubeconfigPath,
    apiServerDataDir,
    stateDir:
      values['state-dir'] ?? (apiServerDataDir ? `${apiServerDataDir}/isthmusd` : STATE_DIR),
    listen: parseHostPort('--listen', values.listen),
    monitoring: parseHostPort('--monitoring', values.monitoring),
    console: parseHostPort('--console', values.console),
    consoleTls: parseConsoleTls(values['console-tls']),
    consoleEmbed: values['console-embed'].map(parseOrigin),
    undoSeconds: parseUndoSeconds(values['undo-seconds']),
    acting: parseActing(values['impersonate-group']),
    webhooks: parseHostPort('--webhooks', values.webhooks),
    webhookUrl: parseWebhookUrl(values['webhook-url']),
    proxyImage: values['proxy-image'],
    tlsNames: values['tls-san'],
    serviceCidr: values['service-cidr'],
  };
}

/** @throws OperatorError USAGE */
function parseConsoleTls(text: string): 'auto' | 'off' {
  if (text === 'auto' || text === 'off') return text;
  throw usageError(`--console-tls ${text} is neither auto nor off`, CONTROL_PLANE_USAGE);
}

/** @throws OperatorError USAGE */
function parseActing(groups: readonly string[] | undefined): ActingRules {
  const bad = groups?.find((group) => group === '' || group.startsWith('system:'));
  if (bad === undefined) return { groups: groups && new Set(groups) };
  const why = bad === '' ? 'is empty' : `${bad} is one of Kubernetes' own groups`;
  throw usageError(`--impersonate-group ${why}`, CONTROL_PLANE_USAGE);
}

/** @throws OperatorError USAGE */
function parseUndoSeconds(text: string): number {
  const { min, max } = UNDO_SECONDS;
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds >= min && seconds <= max) return seconds;
  throw usageError(`--undo-seconds ${text} is not from ${min} to ${max}`, CONTROL_PLANE_USAGE);
}

/** Nothing but scheme, host and port: what stands in a policy stands for all of it. */
function parseOrigin(text: string): string {
  const { origin, protocol } = URL.parse(text) ?? {};
  const isWeb = protocol === 'https:' || protocol === 'http:';
  if (origin !== undefined && isWeb && (text === origin || text === `${origin}/`)) return origin;
  throw new OperatorError('CONFIG_INVALID', `--console-embed ${text} is no origin`, {
    remedy: 'give scheme and host of the page that embeds it, such as https://portal.example.com',
  });
}

/** As Kubernetes wants it of a webhook: https, and nothing but a place. */
function parseWebhookUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && !url.username && !url.password && !url.search && !url.hash;
  if (isPlain && url.protocol === 'https:') return url.href.replace(/\/$/, '');
  throw new OperatorError('CONFIG_INVALID', `--webhook-url ${text} is no plain https URL`, {
    remedy: 'give the address that the API server reaches, such as https://10.0.0.5:15017',
  });
}
