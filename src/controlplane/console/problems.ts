// From what is thrown to what a client is told.
import { OperatorError } from '#base/operator-error.ts';
import { KubeStatusError } from '#kube/status.ts';
import { ApiRefusal } from './route.ts';

/** Kubernetes' own refusals keep their status, as far as it is one of these. */
const CODES: Readonly<Record<number, string>> = {
  400: 'bad-request',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'gone',
  413: 'too-large',
  422: 'invalid',
  429: 'too-many',
};

/** @returns undefined: a bug, of which the client is told nothing */
export function refusalOf(error: unknown): ApiRefusal | undefined {
  if (error instanceof ApiRefusal) return error;
  if (error instanceof KubeStatusError) {
    const { code, message } = error.status;
    const known = CODES[code];
    if (known !== undefined) return new ApiRefusal(code, { code: known, message });
    return new ApiRefusal(502, { code: 'api-server', message: `the API server said: ${message}` });
  }
  if (error instanceof OperatorError) {
    const { code, message, remedy } = error;
    const status = OPERATOR_STATUS[code] ?? 503;
    return new ApiRefusal(status, {
      code: code.toLowerCase().replaceAll('_', '-'),
      message,
      remedy,
    });
  }
  return undefined;
}

const OPERATOR_STATUS: Partial<Record<OperatorError['code'], number>> = {
  CONFIG_INVALID: 400,
  NAME_TAKEN: 409,
  NOT_FOUND: 404,
  USAGE: 400,
};
