// A Kubernetes client for tests that must not ask Kubernetes anything, or only what they say.
import type { KubeClient } from '#kube/client.ts';

const unused = (): never => {
  throw new Error('this test asks nothing of Kubernetes');
};

export const UNUSED_CLIENT: KubeClient = {
  server: 'https://fake',
  get: unused,
  list: unused,
  watch: unused,
  create: unused,
  update: unused,
  patch: unused,
  remove: unused,
  bind: unused,
  createToken: unused,
  reviewToken: unused,
  reviewUser: unused,
  reviewAccess: unused,
  as: unused,
  podLog: unused,
  close: () => undefined,
};
