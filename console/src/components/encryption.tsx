// How encrypted an edge is, in a sign and in words; the same words everywhere.
import type { ReactNode } from 'react';
import type { Encryption } from '../api/types.ts';
import { Badge, type Tone } from './badge.tsx';
import { formatPercent } from './format.ts';

type Look = { readonly sign: string; readonly tone: Tone; readonly words: string };

export function encryptionLook({ state, share }: Encryption): Look {
  switch (state) {
    case 'mutual':
      return { sign: '🔒', tone: 'good', words: 'mTLS, seen by both ends' };
    case 'one-sided':
      return { sign: '🔒┄', tone: 'neutral', words: 'mTLS, reported by one end only' };
    case 'plaintext':
      return { sign: '🔓', tone: 'bad', words: 'plaintext' };
    case 'mixed':
      return {
        sign: '◐',
        tone: 'warn',
        words: `${formatPercent(share)} encrypted, rest plaintext`,
      };
    case 'unknown':
      return { sign: '?', tone: 'unknown', words: 'encryption unknown' };
    default:
      return { sign: '?', tone: 'unknown', words: 'encryption unknown' };
  }
}

export function EncryptionBadge({ encryption }: { readonly encryption: Encryption }): ReactNode {
  const { sign, tone, words } = encryptionLook(encryption);
  return (
    <Badge tone={tone}>
      <span aria-hidden="true">{sign} </span>
      {words}
    </Badge>
  );
}
