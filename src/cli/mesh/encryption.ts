// How an edge's encryption is said in a terminal. Pure.
import type { Encryption } from '#api/graph.ts';
import { renderShare } from './units.ts';

/** In words, not by a colour or a sign alone. What nobody has reported is no lock. */
export function renderEncryption({ state, share }: Encryption): string {
  switch (state) {
    case 'mutual':
      return 'mTLS';
    case 'one-sided':
      return 'mTLS (one end)';
    case 'plaintext':
      return 'PLAINTEXT';
    case 'mixed':
      return share === null || share === 1 ? 'PARTLY PLAINTEXT' : `${renderShare(share)} mTLS`;
    default:
      return 'unknown';
  }
}
