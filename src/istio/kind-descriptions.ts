// What `kubectl explain` says of each kind: one sentence of our own.
export const KIND_DESCRIPTIONS: ReadonlyMap<string, string> = new Map([
  ['AuthorizationPolicy', 'Who may call which workloads: by identity, address, port and request.'],
  ['DestinationRule', 'How clients speak to a host: TLS, subsets, pools, load balancing.'],
  ['EnvoyFilter', "Changes of Envoy's configuration by hand; not acted on here."],
  ['Gateway', 'Ports and hosts that a proxy at the edge of the mesh opens.'],
  [
    'HTTPRoute',
    'Where HTTP requests that come in by a gateway go, in the words of the Gateway API.',
  ],
  ['MeshPolicy', "Mutual TLS for the whole mesh, as in Istio's first versions."],
  ['PeerAuthentication', 'Whether workloads take mutual TLS only, plaintext too, or none.'],
  ['Policy', "Mutual TLS for a namespace or some of its services, as in Istio's first versions."],
  ['ProxyConfig', 'Settings of proxies: environment variables and worker threads.'],
  ['RequestAuthentication', 'Which JSON Web Tokens requests may carry, and who signs them.'],
  ['ServiceEntry', 'A service that Kubernetes does not know: a host, its ports, its endpoints.'],
  ['Sidecar', 'What workloads may reach, and how theirs is reached.'],
  ['Telemetry', 'Which access logs are written, and what is in them.'],
  ['TrafficExtension', 'Code for proxies to run; not acted on here.'],
  ['VirtualService', 'Where calls to a host go: by path, header, weight, with retries and faults.'],
  ['WasmPlugin', 'WebAssembly for proxies to run; not acted on here.'],
  ['WorkloadEntry', 'A workload outside of Kubernetes, such as a VM: address, labels, identity.'],
  ['WorkloadGroup', 'What workloads outside of Kubernetes have in common.'],
]);
