// Image names as Docker reads them, as far as finding an image needs it: `postgres:16`,
// `docker.io/library/postgres:16` and `index.docker.io/library/postgres:16` are one image.
// https://github.com/distribution/reference

export type ImageName = {
  /** With its registry: `docker.io/library/postgres`. */
  readonly repository: string;
  /** Undefined when the name has none. */
  readonly tag: string | undefined;
};

/** The longest name that a registry takes, with room for a digest. */
const NAME_LENGTH_MAX = 500;
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const HOST = '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\\d+)?';
const NAME = new RegExp(
  `^(?<repository>(?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*)` +
    '(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@[a-z0-9]+:[0-9a-fA-F]{32,})?$',
);

/** Undefined when it is no image name (kubelet's InvalidImageName). A digest is not looked at. */
export function parseImageName(text: string): ImageName | undefined {
  if (text.length > NAME_LENGTH_MAX) return undefined;
  const groups = NAME.exec(text)?.groups;
  const repository = groups?.['repository'];
  if (repository === undefined) return undefined;
  return { repository: withRegistry(repository), tag: groups?.['tag'] };
}

/** The first part is a registry when it looks like a host: with a dot or a port, or localhost. */
function withRegistry(repository: string): string {
  const [first = '', ...rest] = repository.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const host = isHost && first !== 'index.docker.io' ? first : 'docker.io';
  const path = isHost ? rest : [first, ...rest];
  const isOfficial = host === 'docker.io' && path.length === 1;
  return [host, ...(isOfficial ? ['library'] : []), ...path].join('/');
}
