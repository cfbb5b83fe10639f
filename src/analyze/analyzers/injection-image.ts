// Proxies of another version than injection would put in today.
import { parse } from 'yaml';
import { fieldsOf, textAt, textMapOf } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { allContainers, INJECTION, proxyImage, REVISION } from '../in-mesh.ts';
import { injectorName, injectorValues, isInjectorSettings } from '../injector-values.ts';
import { message, messageType } from '../message.ts';
import { CONFIG_MAP, NAMESPACE, POD, PROXY_CONFIG } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { annotationsOf, goList, labelsOf, selects, specOf } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';

const proxyImageMismatch = messageType({
  code: 'IST0158',
  name: 'PodsIstioProxyImageMismatchInNamespace',
  level: 'Warning',
  says: (pods: readonly string[]) =>
    'The Istio proxy images of the pods running in the namespace do not match the image ' +
    `defined in the injection configuration (pod names: ${goList(pods)}). This often happens ` +
    'after upgrading the Istio control-plane and can be fixed by redeploying the pods.',
});

const OWN_IMAGE = 'sidecar.istio.io/proxyImage';
const OWN_CONFIG = 'proxy.istio.io/config';

export const injectionImage: Analyzer = {
  name: 'injection.ImageAnalyzer',
  description: 'Checks the image of auto-injection configured with the running proxies on pods',
  finds: [proxyImageMismatch],
  *run(snapshot) {
    const injectors = snapshot.of(CONFIG_MAP).filter(isInjectorSettings);
    const images = new Map(injectors.map((settings) => [settings.name, imageOf(settings)]));
    for (const namespace of snapshot.of(NAMESPACE)) {
      const image = images.get(injectorFor(namespace) ?? '');
      if (image === undefined) continue;
      const pods = snapshot.of(POD).filter((pod) => pod.namespace === namespace.name);
      const old = pods.filter((pod) => hasOtherImage(pod, image, snapshot));
      const names = old.map(({ name }) => name).toSorted();
      if (names.length > 0) yield message(proxyImageMismatch, namespace, names);
    }
  },
};

/** Undefined for a namespace without injection. */
function injectorFor(namespace: Resource): string | undefined {
  const { [REVISION]: revision, [INJECTION]: injection } = labelsOf(namespace);
  if (revision !== undefined) return injectorName(revision);
  return injection === 'enabled' ? injectorName('') : undefined;
}

/** `hub/image:tag`; an image with a path stands for itself. */
function imageOf(settings: Resource): string {
  const values = fieldsOf(injectorValues(settings)['global']);
  const image = textAt(fieldsOf(values['proxy']), 'image');
  return image.includes('/') ? image : `${textAt(values, 'hub')}/${image}:${textAt(values, 'tag')}`;
}

function hasOtherImage(pod: Resource, image: string, snapshot: Snapshot): boolean {
  const own = proxyImage(allContainers(specOf(pod)));
  if (own === '' || (annotationsOf(pod)[OWN_IMAGE] ?? '') !== '') return false;
  return own !== image && own !== `${image}-${variantOf(pod, snapshot)}`;
}

/** `distroless`, say: the Pod's own word, its workload's, its namespace's, the mesh's. */
function variantOf(pod: Resource, snapshot: Snapshot): string {
  const { rootNamespace, imageType } = snapshot.settings;
  const configs = snapshot.of(PROXY_CONFIG);
  const isSelecting = (config: Resource): boolean => specOf(config)['selector'] !== undefined;
  const inNamespace = configs.filter(({ namespace }) => namespace === pod.namespace);
  const chosen = inNamespace.filter(
    (config) => isSelecting(config) && selects(selectorOf(config), labelsOf(pod)),
  );
  const words = [
    imageTypeOf(ownConfig(pod)),
    ...chosen.map((config) => imageTypeOf(specOf(config))),
    ...inNamespace.filter((it) => !isSelecting(it)).map((it) => imageTypeOf(specOf(it))),
    ...configs
      .filter(({ namespace }) => namespace === rootNamespace)
      .map((it) => imageTypeOf(specOf(it))),
    imageType,
  ];
  const variant = words.find((word) => word !== '') ?? '';
  return variant === 'default' ? '' : variant;
}

const selectorOf = (config: Resource) =>
  textMapOf(fieldsOf(specOf(config), 'selector')['matchLabels']);

const imageTypeOf = (config: Fields): string => textAt(fieldsOf(config['image']), 'imageType');

function ownConfig(pod: Resource): Fields {
  try {
    return fieldsOf(parse(annotationsOf(pod)[OWN_CONFIG] ?? '', { maxAliasCount: 0 }));
  } catch {
    return {}; // not YAML: injection says so
  }
}
