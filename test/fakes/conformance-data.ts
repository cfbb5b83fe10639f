// Where Istio's own verdicts lie that some tests run against. They are not part of this repository;
// without them those tests say so and pass.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `ISTHMUS_CONFORMANCE`, or `shared/conformance` beside the checkout. */
export const CONFORMANCE_FOLDER =
  process.env['ISTHMUS_CONFORMANCE'] ??
  fileURLToPath(new URL('../../../shared/conformance', import.meta.url));

export const ISTIO_CONFORMANCE_FOLDER = join(CONFORMANCE_FOLDER, 'istio');
