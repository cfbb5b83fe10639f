// To whom an object is exported that does not say: what the mesh's settings say of its kind.
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { THE_MESH } from './inputs.ts';
import type { Inputs } from './inputs.ts';

type Field = Extract<keyof MeshConfig, `default${string}ExportTo`>;

/** Tracked apart from the rest of the settings, so that a change of those touches no object. */
export function deriveDefaultExport(
  graph: Graph,
  { meshConfig }: Pick<Inputs, 'meshConfig'>,
  options: { readonly field: Field; readonly defaults: MeshConfig },
): () => readonly string[] {
  const { field, defaults } = options;
  const said = graph.derive(field, meshConfig, (config) => config[field], equalData);
  return () => said.get(THE_MESH) ?? defaults[field];
}
