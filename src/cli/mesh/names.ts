// Which node of the map a user means. Pure.
import type { MeshNode } from '#api/graph.ts';
import { OperatorError } from '#base/operator-error.ts';

const LISTED_MAX = 10;

/**
 * By its id, `name.namespace`, `namespace/name`, its name, or the name of one of its instances.
 *
 * @param namespace where a bare name is looked for first
 * @throws OperatorError NOT_FOUND
 */
export function findNode(
  nodes: Iterable<MeshNode>,
  text: string,
  namespace: string | undefined,
): MeshNode {
  const all = [...nodes];
  for (const matches of readings(text, namespace)) {
    const found = all.filter(matches);
    const [first, ...others] = found;
    if (first && others.length === 0) return first;
    if (first) throw notOne(`${text} may be any of ${listOf(found)}`);
  }
  throw notOne(`the mesh has no ${text}; it has ${listOf(all)}`);
}

const notOne = (problem: string): OperatorError =>
  new OperatorError('NOT_FOUND', problem, {
    remedy: 'name it as NAME.NAMESPACE, or its namespace with -n',
  });

const fullName = ({ name, namespace }: MeshNode): string =>
  namespace === '' ? name : `${name}.${namespace}`;

function readings(
  text: string,
  namespace: string | undefined,
): readonly ((node: MeshNode) => boolean)[] {
  const isNamed = (node: MeshNode): boolean =>
    node.name === text || node.instances.some(({ key }) => key.split('/')[2] === text);
  return [
    ({ id }) => id === text,
    (node) => fullName(node) === text || `${node.namespace}/${node.name}` === text,
    (node) => node.namespace === namespace && isNamed(node),
    isNamed,
    ({ services }) => services.includes(text),
  ];
}

function listOf(nodes: readonly MeshNode[]): string {
  if (nodes.length === 0) return 'none';
  const names = nodes.map(fullName).toSorted();
  const shown = names.slice(0, LISTED_MAX).join(', ');
  return names.length > LISTED_MAX ? `${shown} and ${names.length - LISTED_MAX} more` : shown;
}
