// Where a VirtualService sends what: every destination in it, with its place.
import { fieldsOf, objectsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Path, Resource } from './resource.ts';
import { specOf } from './selectors.ts';

export type RouteDestination = {
  readonly destination: Fields;
  /** Of its host. */
  readonly path: Path;
  readonly isMirror: boolean;
};

export function destinationsOf(service: Resource): readonly RouteDestination[] {
  const spec = specOf(service);
  const routed = (['tcp', 'tls', 'http'] as const).flatMap((protocol) =>
    objectsAt(spec, protocol).flatMap((route, index) =>
      objectsAt(route, 'route').map(({ destination }, position) => ({
        destination: fieldsOf(destination),
        path: ['spec', protocol, index, 'route', position, 'destination', 'host'],
        isMirror: false,
      })),
    ),
  );
  return [...routed, ...objectsAt(spec, 'http').flatMap(mirrorsOf)];
}

function mirrorsOf(route: Fields, index: number): readonly RouteDestination[] {
  const { mirror } = route;
  const single =
    mirror === undefined || mirror === null
      ? []
      : [{ destination: fieldsOf(mirror), path: ['spec', 'http', index, 'mirror', 'host'] }];
  const many = objectsAt(route, 'mirrors').map(({ destination }, position) => ({
    destination: fieldsOf(destination),
    path: ['spec', 'http', index, 'mirrors', position, 'destination', 'host'],
  }));
  return [...single, ...many].map((it) => ({ ...it, isMirror: true }));
}
