// Paths to fields in the words of Kubernetes: `spec.ports[0].name`, `metadata.labels[app]`.

export function fieldOf(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

export function itemOf(path: string, index: number): string {
  return `${path}[${index}]`;
}

/** A value in a map with keys of the user's choice. */
export function keyOf(path: string, key: string): string {
  return `${path}[${key}]`;
}
