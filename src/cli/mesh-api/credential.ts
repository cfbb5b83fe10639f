// As whom commands ask: with the kubeconfig's token, or, where the user has a client certificate,
// with an assertion that its key signs anew for each request.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { signAssertion } from '#controlplane/console/client-assertion.ts';
import type { KubeConfig } from '#kube/kubeconfig.ts';

/** What stands after `Bearer`. */
export type Credential = () => Promise<string>;

/** Fails, when it is used, with OperatorError CONFIG_INVALID or FILE_UNREADABLE. */
export function credentialOf({ credentials }: KubeConfig, clock: Clock): Credential {
  const { token, tokenFile, certificate } = credentials;
  if (tokenFile !== undefined) return () => readToken(tokenFile);
  if (token !== undefined) return () => Promise.resolve(token);
  return () => {
    const options = { nowMs: clock.nowMs(), id: randomUUID() };
    const assertion = certificate && signAssertion(certificate, options);
    if (assertion !== undefined) return Promise.resolve(assertion);
    const what = certificate ? 'a key of a kind that is not known here' : 'no credentials';
    const message = `the kubeconfig's user has ${what}`;
    const remedy = 'use a user with a token: kubectl create token NAME';
    return Promise.reject(new OperatorError('CONFIG_INVALID', message, { remedy }));
  };
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError('FILE_UNREADABLE', `${path} cannot be read: ${problem}`, {
      remedy: 'check that the token file of the kubeconfig is there',
      cause,
    });
  }
}
