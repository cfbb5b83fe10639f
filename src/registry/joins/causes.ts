// Why a join may not get on, the likeliest first, with one command each by which to see. Pure.
import type { JoinCause, JoinStepName } from '#api/joins.ts';

export type CauseFacts = {
  readonly name: string;
  readonly namespace: string;
  /** What leads to the control plane. */
  readonly host: string;
  readonly port: number;
  /** Of the workload. */
  readonly ports: readonly number[];
  /** Of the step; empty: it only takes long. */
  readonly problem: string;
};

const AGENT_LOG = '/var/log/istio/isthmus-agent.log';

export function causesOf(step: JoinStepName, facts: CauseFacts): readonly JoinCause[] {
  const { name, namespace } = facts;
  const inNamespace = `-n ${namespace}`;
  switch (step) {
    case 'token-issued':
      return [];
    case 'agent-called-in':
      return callingIn(facts);
    case 'machine-proven':
    case 'certificate-issued':
      return [
        { text: 'The agent does not run on the VM, or cannot go on.', command: tail(AGENT_LOG) },
        { text: "The VM's clock is wrong.", command: 'date -u' },
        {
          text: 'The control plane refuses it: its log says why.',
          command: 'kubectl logs -n istio-system deployment/isthmusd --since=10m',
        },
      ];
    case 'configuration-accepted':
      return configuration(facts);
    case 'traffic-captured':
      return [
        {
          text: 'Another program has changed the rules, or nftables is missing.',
          command: 'nft list table inet isthmus',
        },
        { text: "The agent's log says what it tried.", command: tail(AGENT_LOG) },
      ];
    case 'registered':
      return [
        {
          text: 'The WorkloadEntry or the Service is not there, or was changed.',
          command: `kubectl get service,serviceentry,workloadentry ${inNamespace}`,
        },
        {
          text: 'A policy hides the service from its clients.',
          command: `isthmus analyze ${inNamespace}`,
        },
      ];
    case 'healthy':
      return health(facts);
    case 'first-encrypted-bytes':
      if (facts.problem !== '') return clearText(facts);
      return [
        {
          text: 'No workload of the mesh has called it yet.',
          command: `isthmus why CLIENT ${name}.${namespace}${portOf(facts)}`,
        },
      ];
    default:
      return [];
  }
}

const portOf = ({ ports: [port] }: CauseFacts): string => (port === undefined ? '' : `:${port}`);

const tail = (path: string): string => `tail -n 20 ${path}`;

function callingIn({ host, port, name, namespace }: CauseFacts): readonly JoinCause[] {
  return [
    {
      text: `The VM does not reach ${host}, TCP port ${port}: a firewall is between them.`,
      command: `timeout 3 bash -c '</dev/tcp/${host}/${port}' && echo open`,
    },
    {
      text: 'The line was not run on the VM yet, or its token has been used; make another.',
      command: `isthmus vm token ${name} -n ${namespace}`,
    },
  ];
}

/** Envoy: `cannot bind '0.0.0.0:15006': Address already in use`. */
const BIND = /cannot bind '?[^' ]*?:(\d{1,5})'?/;

function configuration({ problem, name, namespace }: CauseFacts): readonly JoinCause[] {
  const [, port] = BIND.exec(problem) ?? [];
  const taken =
    port === undefined && !/address already in use|is in use/i.test(problem)
      ? []
      : [
          {
            text: `Another program listens on port ${port ?? 'that Envoy needs'}.`,
            command: port === undefined ? 'ss -ltnp' : `ss -ltnp 'sport = :${port}'`,
          },
        ];
  return [
    ...taken,
    {
      text: "Envoy's own log says more.",
      command: `isthmus logs ${name} -n ${namespace} --source proxy`,
    },
    { text: 'What was sent, and what came of it.', command: 'isthmus proxy-status' },
  ];
}

function clearText({ name, namespace }: CauseFacts): readonly JoinCause[] {
  return [
    {
      text: 'The client is not in the mesh, or a policy or a DestinationRule has TLS off.',
      command: `isthmus proxy-config tls CLIENT ${name}.${namespace}`,
    },
    {
      text: 'Its server speaks first (MySQL does): that is encrypted only where it must be.',
      command: `kubectl get peerauthentication -n ${namespace}`,
    },
  ];
}

function health({ ports, name, namespace }: CauseFacts): readonly JoinCause[] {
  return [
    ...ports.slice(0, 4).map((port) => ({
      text: `Nothing listens on port ${port} of the VM.`,
      command: `ss -ltnp 'sport = :${port}'`,
    })),
    {
      text: 'The agent says what is missing.',
      command: 'curl -s http://localhost:15021/healthz/ready',
    },
    {
      text: "The agent's log.",
      command: `isthmus logs ${name} -n ${namespace} --source agent`,
    },
  ];
}
