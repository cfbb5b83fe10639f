// The agent as a service of systemd: the text of its unit. Pure.
//
// It is root, for the files of Istio's layout are root's, with one capability and a file system that
// is its own directories. Envoy and capture outlive it: a restart, also of the unit, cuts nothing.

export const UNIT_NAME = 'isthmus-agent.service';
export const UNIT_PLACE = `/etc/systemd/system/${UNIT_NAME}`;

export type AgentUnit = {
  /** The program by its absolute path, then its words. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Directories that the agent and its Envoy write to. */
  readonly writable: readonly string[];
  /** By whose files' groups it may read what is not root's, such as `adm` for logs. */
  readonly groups: readonly string[];
};

export function renderUnit({ command, environment, writable, groups }: AgentUnit): string {
  const [program = '', ...words] = command;
  const variables = Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = [
    '# Written by `isthmus vm join`, and again by the next one; yours: systemctl edit isthmus-agent',
    '[Unit]',
    'Description=Isthmus agent, by which this machine is in the service mesh',
    // whatever fills the packet filter at the start has done so
    'After=network-online.target nftables.service',
    'Wants=network-online.target',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${[program, ...words].map(execWord).join(' ')}`,
    ...variables.map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    'Restart=always',
    'RestartSec=2',
    '# Envoy and its sessions live on; the next agent takes them up',
    'KillMode=process',
    'OOMPolicy=continue',
    'LimitNOFILE=1048576',
    '',
    '# packet filter, marked sockets, and ending sessions',
    'CapabilityBoundingSet=CAP_NET_ADMIN',
    ...(groups.length === 0 ? [] : [`SupplementaryGroups=${groups.join(' ')}`]),
    ...HARDENING,
    `ReadWritePaths=${writable.map(quoted).join(' ')}`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * Not here: MemoryDenyWriteExecute (V8 compiles as it runs), ProtectHome=yes (the program may be
 * installed there), PrivateNetwork (it is about the network).
 */
const HARDENING: readonly string[] = [
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  'ProtectHome=read-only',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelLogs=yes',
  'ProtectControlGroups=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'SystemCallArchitectures=native',
  // of what Node and Envoy call, mincore is in no group
  'SystemCallFilter=@system-service @pkey mincore',
  'SystemCallErrorNumber=EPERM',
  'UMask=0027',
];

/** In ExecStart a dollar begins a variable, too. */
const execWord = (text: string): string => quoted(text).replaceAll('$', '$$$$');

/** systemd.syntax(7): quotation marks around, escapes within; a percent sign begins a specifier. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll('%', '%%');
  return `"${escaped}"`;
}
