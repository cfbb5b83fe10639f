// Kubeconfig files with everything in them: address, authority, client certificate and key.
import type { KeyPair } from './authority.ts';

export type KubeconfigFields = {
  readonly server: string;
  readonly authorityPem: string;
  readonly user: string;
  readonly client: KeyPair;
};

export function renderKubeconfig({ server, authorityPem, user, client }: KubeconfigFields): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return `apiVersion: v1
kind: Config
clusters:
- name: isthmus
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(authorityPem)}
users:
- name: ${user}
  user:
    client-certificate-data: ${base64(client.certificatePem)}
    client-key-data: ${base64(client.keyPem)}
contexts:
- name: isthmus
  context:
    cluster: isthmus
    user: ${user}
    namespace: default
current-context: isthmus
preferences: {}
`;
}
