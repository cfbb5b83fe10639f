// Where the key and its certificate survive a restart: sealed, 0600, in a directory of mode 0700.
import { OperatorError } from '#base/operator-error.ts';
import { parseCertificates } from '#ca/certificate-reader.ts';
import type { ControlPlaneConfig, CredentialsConfig } from './config.ts';
import { makePrivateDir, parseState, readFileIfPresent, writeFileAtomic } from './files.ts';
import { parseSvid, type Svid } from './identity.ts';
import type { Seal } from './sealed-file.ts';

/**
 * Key and chain are one file, so that a crash between two writes cannot leave a key that fits no
 * certificate. What the file holds is checked when it is read: one that makes no sense counts as
 * none.
 *
 * @param askedFor the identity of the settings: after they have changed, the stored one is not used
 */
export async function loadSvid(
  path: string,
  { seal, askedFor }: { readonly seal: Seal; readonly askedFor: string },
): Promise<Svid | undefined> {
  const content = await seal.read(path);
  if (content === undefined || content === 'broken') return undefined;
  const state = parseState(Buffer.from(content).toString('utf8'));
  const { keyPem, chainPem, issuedRootsPem } = state;
  if (state['askedFor'] !== askedFor) return undefined;
  if (typeof keyPem !== 'string' || typeof chainPem !== 'string') return undefined;
  const roots = typeof issuedRootsPem === 'string' ? issuedRootsPem : '';
  const svid = parseSvid(keyPem, `${chainPem}\n${roots}`);
  return svid.ok ? svid.value : undefined;
}

/**
 * @param options.outputDir Istio's OUTPUT_CERTS: the same as three files for others to read
 * @throws OperatorError STORE_FAILED; the former files are then whole
 */
export async function saveSvid(
  path: string,
  svid: Svid,
  options: {
    readonly seal: Seal;
    readonly askedFor: string;
    readonly outputDir: string | undefined;
    readonly rootsPem: string;
  },
): Promise<void> {
  const { seal, askedFor, outputDir, rootsPem } = options;
  const { keyPem, chainPem, issuedRootsPem } = svid;
  const state = JSON.stringify({ askedFor, keyPem, chainPem, issuedRootsPem });
  await seal.write(path, Buffer.from(state));
  if (outputDir === undefined) return;
  await makePrivateDir(outputDir);
  await writeFileAtomic(`${outputDir}/key.pem`, keyPem);
  await writeFileAtomic(`${outputDir}/cert-chain.pem`, chainPem);
  await writeFileAtomic(`${outputDir}/root-cert.pem`, rootsPem);
}

/** Istio's PROV_CERT: a key and a certificate that an operator has put there. */
export async function loadProvisioned(config: CredentialsConfig): Promise<Svid | undefined> {
  const keyPem = await readFileIfPresent(`${config.provCertDir}/key.pem`);
  const chainPem = await readFileIfPresent(`${config.provCertDir}/cert-chain.pem`);
  if (keyPem === undefined || chainPem === undefined) return undefined;
  const svid = parseSvid(keyPem, chainPem);
  return svid.ok ? svid.value : undefined;
}

/** @throws OperatorError FILE_UNREADABLE when there is none: without it nobody can be trusted */
export async function loadTrustAnchor(config: ControlPlaneConfig): Promise<string> {
  for (const path of config.rootCertFiles) {
    const pem = await readFileIfPresent(path);
    if (pem === undefined) continue;
    const parsed = parseCertificates(pem);
    if (parsed.ok && parsed.value.length > 0) return pem;
    throw new OperatorError('FILE_UNREADABLE', `${path} is not a PEM certificate`, {
      remedy: 'put the root-cert.pem of the mesh there (ConfigMap istio-ca-root-cert)',
    });
  }
  const files = config.rootCertFiles.join(' or ');
  throw new OperatorError('FILE_UNREADABLE', `there is no mesh root certificate at ${files}`, {
    remedy: 'put root-cert.pem of the ConfigMap istio-ca-root-cert there',
  });
}
