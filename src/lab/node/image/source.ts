// Where a node finds images: what the user has added, then what is built in.
import type { Clock } from '#base/clock.ts';
import type { Catalogue } from './catalogue.ts';
import { catalogueVersion, readCatalogue } from './catalogue-file.ts';

const LOOK_AGAIN_MS = 300;

export type ImageSource = {
  /** Read anew each time. @throws OperatorError CONFIG_INVALID or FILE_UNREADABLE */
  catalogues(): readonly Catalogue[];
  /** Resolves when the user's catalogue changes; rejects when aborted. */
  changed(signal: AbortSignal): Promise<void>;
};

export function createImageSource(options: {
  readonly file: string;
  readonly builtIn: Catalogue;
  readonly clock: Clock;
}): ImageSource {
  const { file, builtIn, clock } = options;
  return {
    catalogues: () => [readCatalogue(file), builtIn],
    async changed(signal) {
      const before = await catalogueVersion(file);
      // Asked for, because a watch of a file system does not cross every kind of it.
      while ((await catalogueVersion(file)) === before) await clock.sleep(LOOK_AGAIN_MS, signal);
    },
  };
}
