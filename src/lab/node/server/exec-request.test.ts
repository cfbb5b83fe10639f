import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { isAllowed } from './allowed-client.ts';
import { exitStatus, parseExecRequest, parseTerminalSize, quoteWord } from './exec-request.ts';
import { createServingCertificate } from './serving-certificate.ts';

test('exec: words of the command keep their order; a terminal has no standard error', () => {
  const query = 'command=sh&command=-c&command=a+b&stdin=true&stdout=1&stderr=true';
  assert.deepEqual(parseExecRequest(new URLSearchParams(query)), {
    command: ['sh', '-c', 'a b'],
    hasStdin: true,
    hasStdout: true,
    hasStderr: true,
    isTerminal: false,
  });
  const terminal = parseExecRequest(new URLSearchParams('command=sh&stderr=true&tty=true'));
  assert.deepEqual([terminal?.isTerminal, terminal?.hasStderr], [true, false]);
  const kubelets = parseExecRequest(new URLSearchParams('command=sh&input=1&output=1&error=1'));
  assert.deepEqual(
    [kubelets?.hasStdin, kubelets?.hasStdout, kubelets?.hasStderr],
    [true, true, true],
  );
  assert.equal(parseExecRequest(new URLSearchParams('stdin=true')), undefined);
});

test('the end of a program as a Status', () => {
  assert.equal(exitStatus(0), '{"metadata":{},"status":"Success"}');
  assert.deepEqual(JSON.parse(exitStatus(3)), {
    metadata: {},
    status: 'Failure',
    message: 'command terminated with non-zero exit code: exit status 3',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  });
});

test('sizes of a terminal', () => {
  assert.deepEqual(parseTerminalSize('{"Width":80,"Height":24}'), { columns: 80, rows: 24 });
  for (const text of ['', 'null', '{}', '{"Width":0,"Height":1}', '{"Width":1e9,"Height":1}']) {
    assert.equal(parseTerminalSize(text), undefined, text);
  }
});

test('words for a shell', () => {
  assert.equal(quoteWord(`it's $HOME`), `'it'\\''s $HOME'`);
});

const CLIENTS: readonly [says: string, subject: object | undefined, expected: boolean][] = [
  ['the API server', { CN: 'kube-apiserver-kubelet-client' }, true],
  ['an administrator', { CN: 'ada', O: ['staff', 'system:masters'] }, true],
  ['the control plane', { CN: 'isthmusd' }, false],
  ['another node', { CN: 'system:node:other', O: 'system:nodes' }, false],
  ['nobody', undefined, false],
];

for (const [says, subject, expected] of CLIENTS) {
  test(`the endpoint lets in: ${says}`, () => {
    assert.equal(isAllowed(subject === undefined ? {} : { subject }), expected);
  });
}

test('the endpoint’s certificate is its own root and names its address', () => {
  const nowMs = Date.now();
  const { certificatePem, keyPem } = createServingCertificate('10.24.0.2', nowMs);
  const certificate = new X509Certificate(certificatePem);
  assert.equal(certificate.checkIP('10.24.0.2'), '10.24.0.2');
  assert(certificate.verify(certificate.publicKey));
  assert.match(keyPem, /BEGIN PRIVATE KEY/);
});
